import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from tests.conftest import Tiny, evidence_for, random_features, tree_file
from training.release.assemble import assemble, derive, part_digest, read_part, replace
from training.release.current import current
from training.release.errors import BrokenRelease, StaleNumber
from training.release.files import list_files
from training.release.verify import verify


def test_the_same_parts_make_the_same_release(tiny: Tiny) -> None:
    assert assemble(tiny.releases, tiny.parts, tiny.origin) == tiny.release
    assert assemble(tiny.home / "elsewhere", tiny.parts, tiny.origin) == tiny.release


def test_assembling_again_keeps_the_signatures(tiny: Tiny) -> None:
    assemble(tiny.releases, tiny.parts, tiny.origin)
    assert verify(tiny.releases, tiny.release, tiny.trust).digest == tiny.release


def test_assembling_again_heals_a_damaged_release(tiny: Tiny) -> None:
    (tiny.releases / tiny.release / "scoring.onnx").write_bytes(b"")
    assert assemble(tiny.releases, tiny.parts, tiny.origin) == tiny.release
    tiny.sign(tiny.release)
    assert verify(tiny.releases, tiny.release, tiny.trust).digest == tiny.release


def test_one_changed_byte_of_a_part_makes_another_release(tiny: Tiny) -> None:
    before = part_digest("policy", tiny.parts["policy"])
    path = tiny.parts["policy"] / "policy.toml"
    path.write_bytes(path.read_bytes() + b"\n")
    assert part_digest("policy", tiny.parts["policy"]) != before
    assert assemble(tiny.releases, tiny.parts, tiny.origin) != tiny.release


def test_every_margin_of_the_merged_graph_equals_its_own_model_to_the_bit(whole_tiny: Tiny) -> None:
    parts = {name: read_part(name, folder) for name, folder in whole_tiny.parts.items()}
    derived = derive(parts)
    columns, outputs = derived.columns, derived.outputs
    features = random_features(500, len(columns))
    together = onnxruntime.InferenceSession(derived.files["scoring.onnx"]).run(None, {"X": features})[0]
    for position, (name, file) in enumerate(derived.models.margins(parts).items()):
        own = features[:, [columns.index(column) for column in file.columns]]
        alone = onnxruntime.InferenceSession(file.content).run(None, {"X": own})[0][:, 0]
        assert outputs[position] == name
        assert np.ptp(alone) > 0
        np.testing.assert_array_equal(together[:, position], alone)


def test_replacing_one_part_keeps_the_others_and_their_evidence(tiny: Tiny) -> None:
    path = tiny.parts["policy"] / "policy.toml"
    path.write_text(path.read_text().replace('version = "', 'version = "next-'))
    new = replace(tiny.releases, tiny.release, "policy", tiny.parts["policy"])
    kept = [p for p in list_files(tiny.releases / new) if p.startswith("evidence/")]
    assert len(kept) == len(tiny.parts) - 1
    tiny.sign(new, ["policy"])
    assert verify(tiny.releases, new, tiny.trust).part("policy")["policy.toml"].startswith(b"# ")
    assert verify(tiny.releases, tiny.release, tiny.trust).digest == tiny.release


def test_a_failed_assembly_leaves_nothing_behind(tiny: Tiny) -> None:
    (tiny.parts["propensity"] / "card.onnx").write_bytes(b"not a graph")
    before = sorted(path.name for path in tiny.releases.iterdir())
    with pytest.raises(BrokenRelease, match=r"card\.onnx"):
        assemble(tiny.releases, tiny.parts, tiny.origin)
    assert sorted(path.name for path in tiny.releases.iterdir()) == before


def test_a_model_may_be_left_out_but_the_policy_may_not(tiny: Tiny) -> None:
    parts = {name: path for name, path in tiny.parts.items() if name not in ("propensity", "credit_risk")}
    release = assemble(tiny.releases, parts, tiny.origin)
    assert not (tiny.releases / release / "scoring.onnx").exists()
    with pytest.raises(BrokenRelease, match="policy"):
        assemble(tiny.releases, {n: p for n, p in parts.items() if n != "policy"}, tiny.origin)


@pytest.mark.parametrize("name", [".hidden", "sub/model.json", "a name.toml"])
def test_a_part_is_a_flat_folder_of_plain_files(tiny: Tiny, name: str) -> None:
    target = tiny.parts["reasons"] / name
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(b"{}")
    with pytest.raises(BrokenRelease, match="flat folder"):
        assemble(tiny.releases, tiny.parts, tiny.origin)


def test_a_link_never_enters_a_release(tiny: Tiny) -> None:
    (tiny.parts["reasons"] / "more.toml").symlink_to("/etc/hostname")
    with pytest.raises(BrokenRelease, match="link"):
        assemble(tiny.releases, tiny.parts, tiny.origin)


def test_a_graph_that_is_more_than_trees_is_refused(tiny: Tiny) -> None:
    (tiny.parts["propensity"] / "card.onnx").write_bytes(tree_file(1, ("a", "b", "c", "d"), targets=2))
    with pytest.raises(BrokenRelease, match="one number a row"):
        assemble(tiny.releases, tiny.parts, tiny.origin)


def test_the_number_of_the_current_release_rises(tiny: Tiny) -> None:
    with pytest.raises(StaleNumber, match="Use 2 or more"):
        tiny.switch(tiny.release, 1)
    tiny.switch(tiny.release, 2)
    assert current(tiny.releases, tiny.trust).number == 2


def test_evidence_lies_beside_the_digest(tiny: Tiny) -> None:
    manifest = json.loads((tiny.releases / tiny.release / "manifest.json").read_bytes())
    assert not any("evidence" in path for path in manifest["derived"])
    assert evidence_for("policy", "0" * 64, tiny)["part_digest"] == "0" * 64
    assert Path(tiny.releases / tiny.release / "evidence").is_dir()
