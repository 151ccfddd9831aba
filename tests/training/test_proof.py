"""Rows set aside: which, what is made up from them, and that they come back as they were written."""

from pathlib import Path

import numpy as np
import pytest

from training.proof import FILE, BrokenProof, MemberProof, Proof
from training.set_aside import made_up_rows, sample, set_aside

COLUMNS = ("a", "b", "c")


def rows(n: int = 400, cases: int = 30) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(size=(n, 3)).astype(np.float32), np.repeat([1, 0], [cases, n - cases]).astype(np.int8)


def made(**more: object) -> MemberProof:
    matrix, y = rows()
    return set_aside(
        COLUMNS, ("b", "a"), matrix, y, lambda m, given: np.nan_to_num(m[:, 0]) + given["x"],
        {"from": "2025-01-01", "to": "2025-06-30"}, 7, given={"x": np.arange(400)},
        groups={"gender": {"women": y == 1, "men": y == 0}, "age": {"under 30": y == 0, "60/over": y == 1}},
        before={"edges": [0.5], "shares": [0.5, 0.5], "n": 10}, **{"most": 100, "made_up": 50} | more,
    )  # fmt: skip


def test_every_case_is_kept_and_the_others_stand_for_those_left_out():
    proof = made()
    labels = proof.labels[: proof.tested]
    assert (proof.tested, len(proof), int(labels.sum())) == (100, 150, 30)
    assert proof.weight[: proof.tested].sum() == pytest.approx(400)
    assert set(proof.weight[: proof.tested][labels == 1]) == {1.0}


def test_the_same_seed_sets_the_same_rows_aside_and_another_does_not():
    assert np.array_equal(made().matrix, made().matrix, equal_nan=True)
    chosen = [sample(rows()[1], 400, 100, seed)[0].tolist() for seed in (7, 7, 8)]
    assert chosen[0] == chosen[1] != chosen[2]


def test_made_up_rows_have_no_outcome_no_group_and_what_was_given_of_their_origin():
    proof = made()
    strange = slice(proof.tested, None)
    assert np.isnan(proof.labels[strange]).all()
    assert not any(mask[strange].any() for held in proof.groups.values() for mask in held.values())
    assert set(proof.given["x"][strange]) <= set(proof.given["x"][: proof.tested])
    assert np.array_equal(proof.said, np.nan_to_num(proof.matrix[:, 0]) + proof.given["x"])


def test_made_up_rows_lie_beyond_everything_that_was_seen():
    matrix, _ = rows()
    _, strange = made_up_rows(matrix, 2_000, 7)
    for column, known in zip(strange.T, matrix.T, strict=True):
        assert 0.15 < np.isnan(column).mean() < 0.25
        assert np.nanmax(column) == np.float32(1e9)
        assert np.nanmin(column) == np.float32(-1e9)
        assert {np.float32(-1), np.nextafter(known.max(), np.float32(np.inf))} <= set(column)


def test_a_column_that_nobody_has_can_be_made_up_too():
    _, strange = made_up_rows(np.full((5, 1), np.nan, np.float32), 200, 7)
    assert (strange == 1e9).any()


def test_what_is_written_is_read_again(tmp_path: Path):
    kept = made()
    read = Proof.read(Proof({"one": kept, "two": made(most=50)}).write(tmp_path / "proof")).members
    assert [len(each) for each in read.values()] == [150, 100]
    found = read["one"]
    for name in ("matrix", "labels", "said", "weight"):
        assert np.array_equal(getattr(found, name), getattr(kept, name), equal_nan=True)
        assert getattr(found, name).dtype == getattr(kept, name).dtype
    assert np.array_equal(found.given["x"], kept.given["x"])
    for attribute, held in kept.groups.items():
        assert list(found.groups[attribute]) == list(held)
        assert all(np.array_equal(found.groups[attribute][name], mask) for name, mask in held.items())
    told = ("columns", "reads", "tested", "window", "outcomes", "before")
    assert all(getattr(found, name) == getattr(kept, name) for name in told)


def test_no_customer_is_named(tmp_path: Path):
    folder = Proof({"one": made()}).write(tmp_path / "proof")
    assert {file.suffix for file in folder.iterdir()} == {".json", ".npz"}
    with np.load(folder / "member-0.npz", allow_pickle=False) as held:
        assert all(values.dtype.kind in "fib" for values in held.values())


def test_where_nothing_was_set_aside_there_are_no_members(tmp_path: Path):
    assert not Proof.read(tmp_path / "nowhere").members


@pytest.mark.parametrize("content", ["{", '{"members": {"a": {}}}', '{"members": {"a": 1}}', "[]"])
def test_proof_that_is_broken_is_said_with_its_folder(tmp_path: Path, content: str):
    (tmp_path / FILE).write_text(content)
    with pytest.raises(BrokenProof, match=str(tmp_path)):
        Proof.read(tmp_path)
