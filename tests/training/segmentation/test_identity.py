import numpy as np
import pytest

from training.release.segmentation import Segment, Segmentation
from training.segmentation.identity import Earlier, earlier_version, inherited, migration


def version(*ids: str, last: int) -> Segmentation:
    one = np.ones(1)
    return Segmentation(
        ("x",), one < 0, one, one, one, 4.0, one, np.arange(len(ids), dtype=float)[:, None],
        tuple(Segment(name, name, name, "", 0.5, 1.0) for name in ids), last,
    )  # fmt: skip


BEFORE = np.repeat([0, 1], [60, 40])


@pytest.mark.parametrize(
    ("now", "ids"),
    [
        pytest.param(np.repeat([1, 0], [60, 40]), ("S7", "S2"), id="the-same-in-another-order"),
        pytest.param(np.repeat([0, 1, 2], [60, 13, 27]), ("S2", "S10", "S7"), id="the-larger-part-keeps-it"),
        pytest.param(np.repeat([0, 1, 2, 3], [60, 13, 13, 14]), ("S2", "S10", "S11", "S12"), id="dissolved"),
        pytest.param(np.tile([0, 1], 50), ("S10", "S11"), id="nothing-in-common"),
        pytest.param(np.zeros(100, int), ("S2",), id="merged"),
    ],
)
def test_a_segment_keeps_its_id_where_half_of_it_lives_on(now: np.ndarray, ids: tuple[str, ...]) -> None:
    found = inherited(version("S2", "S7", last=9), BEFORE, now, int(now.max()) + 1)
    assert found.ids == ids
    assert found.last_number == max(9, *(int(name[1:]) for name in (*ids, "S9")))
    assert set(found.matched) == set(ids) & {"S2", "S7"}


def test_without_an_earlier_version_nothing_is_matched(tmp_path) -> None:
    assert earlier_version(None, ("x",)) == Earlier()
    assert "cannot be read" in earlier_version(tmp_path / "none", ("x",)).why


def test_a_migration_matrix_counts_everybody_once() -> None:
    counts = migration(BEFORE, np.tile([0, 1], 50), 2, 2)
    assert counts.tolist() == [[30, 30], [20, 20]]
