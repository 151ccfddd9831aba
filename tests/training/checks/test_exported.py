"""Every kind of part is scored from its bytes, and a part that was altered shows on its proof rows."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import IDS, TREE_COLUMNS, make_parts, random_features, tree_file
from training.checks import check
from training.checks.exported import Files, exported
from training.gates import Gate
from training.proof import F32, Array, MemberProof, Proof
from training.release.assemble import read_part
from training.release.errors import BrokenRelease
from training.set_aside import set_aside
from training.version import Version

ROWS = 300


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("parts")
    found = make_parts(folder)
    model = json.loads((found["propensity"] / "model.json").read_text())
    offers = {"fund": {"level": -1.0, "slope": 0.9, "effect": 0.4},
              "card": {"level": -2.0, "slope": 1.1, "effect": 0.2}}  # fmt: skip
    (found["propensity"] / "model.json").write_text(json.dumps(model | {"offers": offers, "offer_days": 30}))
    return found


def given(part: str, rng: np.random.Generator) -> dict[str, Array]:
    if part == "recommendation":
        return {"held": rng.random((ROWS, len(IDS))) < 0.2, "segment": rng.integers(0, 2, ROWS)}
    return {"family": rng.integers(0, 2, ROWS)} if part == "propensity" else {}


def proof_of(part: str, files: Files) -> Proof:
    """Rows on which the part is what was trained."""
    rng, found = np.random.default_rng(5), {}
    for name, member in exported(part, files).items():
        columns = tuple(dict.fromkeys(member.reads))
        outcomes = IDS if part == "recommendation" else ()

        def says(matrix: F32, beside: dict[str, Array], member=member, columns=columns, outcomes=outcomes):
            nothing = np.zeros(len(matrix))
            return member.score(MemberProof(columns, columns, matrix, matrix[:, 0], nothing, nothing,
                                            len(matrix), {}, outcomes, beside))  # fmt: skip

        shape = (ROWS, len(IDS)) if outcomes else ROWS
        labels = (rng.random(shape) < 0.3).astype(np.float64)
        found[name] = set_aside(columns, member.reads, random_features(ROWS, len(columns)), labels, says, {},
                                7, outcomes=outcomes, given=given(part, rng), made_up=200)  # fmt: skip
    return Proof(found)


def looked_at(part: str, files: Files, folder: Path, proof: Proof) -> list[Gate]:
    if not (folder / "proof").exists():
        proof.write(folder / "proof")
    version = Version(part, "1", "run", folder / "part", (), {}, {})
    return [gate for gate in check(version, None, part=files) if gate.kind == "parity"]


@pytest.mark.parametrize("part", ["credit_risk", "propensity", "segmentation", "recommendation"])
def test_an_exported_part_is_what_was_trained(parts, part: str, tmp_path: Path):
    files = read_part(part, parts[part])
    gates = looked_at(part, files, tmp_path, proof_of(part, files))
    assert gates
    assert all(gate.passed for gate in gates), gates
    assert any("500 rows" in gate.note for gate in gates)


def another_tree(files: Files) -> Files:
    return {**files, "card.onnx": tree_file(99, TREE_COLUMNS)}


def other(key: str, value: object) -> "object":
    def change(files: Files) -> Files:
        model = json.loads(files["model.json"])
        model[key] = value
        return {**files, "model.json": json.dumps(model).encode()}

    return change


def effects(change: "object") -> "object":
    def altered(files: Files) -> Files:
        with np.load(io.BytesIO(files["effects.npz"])) as held:
            arrays = {name: held[name] for name in held.files}
        arrays["effects"] = np.ascontiguousarray(change(arrays["effects"]))
        target = io.BytesIO()
        np.savez(target, **arrays)
        return {**files, "effects.npz": target.getvalue()}

    return altered


@pytest.mark.parametrize(("part", "altered", "named"), [
    pytest.param("propensity", another_tree, {"card", "uplift"}, id="trees-and-what-builds-on-them"),
    pytest.param("propensity", other("offers", {"fund": {"level": -1.0, "slope": 0.9, "effect": 0.5},
                                                "card": {"level": -2.0, "slope": 1.1, "effect": 0.2}}),
                 {"uplift"}, id="effect-of-an-offer"),
    pytest.param("segmentation", other("centers", [[1.0, 0.5], [-1.0, 0.0]]),
                 {"customers in another segment than in training"}, id="centres-of-a-segmentation"),
    pytest.param("recommendation", effects(lambda found: found[:, [1, 0, *range(2, len(IDS))]]),
                 {"recommendation"}, id="two-products-swapped"),
])  # fmt: skip
def test_an_altered_part_is_found_on_its_proof_rows(parts, part: str, altered, named, tmp_path: Path):
    files = read_part(part, parts[part])
    gates = looked_at(part, altered(files), tmp_path, proof_of(part, files))
    assert {gate.name.partition(":")[0] for gate in gates if not gate.passed} == named


def test_swapped_products_change_the_order_too(parts, tmp_path: Path):
    files = read_part("recommendation", parts["recommendation"])
    swapped = effects(lambda found: found[:, [1, 0, *range(2, len(IDS))]])(files)
    largest, order = looked_at("recommendation", swapped, tmp_path, proof_of("recommendation", files))
    assert largest.value > 1e-3
    assert order.value > 100
    assert "another order" in order.name


def test_a_product_the_part_does_not_know_is_said_nothing_of(parts):
    files = read_part("recommendation", parts["recommendation"])
    proof = proof_of("recommendation", files).members["recommendation"]
    strange = MemberProof(**{**vars(proof), "outcomes": ("unheard-of", *proof.outcomes[1:])})
    said = exported("recommendation", files)["recommendation"].score(strange)
    assert np.isnan(said[:, 0]).all()
    assert not np.isnan(said[:, 1:]).any()


@pytest.mark.parametrize(("part", "lost"), [
    pytest.param("propensity", "model.json", id="no-model"),
    pytest.param("segmentation", "model.json", id="no-segments"),
    pytest.param("recommendation", "effects.npz", id="no-effects"),
])  # fmt: skip
def test_a_part_that_lacks_a_file_is_broken(parts, part: str, lost: str):
    files = {name: content for name, content in read_part(part, parts[part]).items() if name != lost}
    with pytest.raises(BrokenRelease):
        exported(part, files)
