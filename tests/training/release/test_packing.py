"""Rows as text: what was packed comes back to the bit, in its short form and in full."""

import base64

import numpy as np
import pytest

from training.release.errors import BrokenRelease
from training.release.packing import pack, pack_rows, unpack

ROW = np.array([0.0, -0.0, np.nan, 1.5, 0.1, np.inf, -np.inf, 1e300, 5e-324, -3.0, 16777217.0])


def bits(row: np.ndarray) -> list[int]:
    return np.asarray(row, np.float64).view(np.int64).tolist()  # type: ignore[no-any-return]  # a row of numbers


@pytest.mark.parametrize("width", [0, 1, 4, 8, 11])
def test_a_row_comes_back_to_the_bit(width: int) -> None:
    assert bits(unpack(pack(ROW[:width]), width)) == bits(ROW[:width])


def test_a_row_among_others_has_the_text_it_has_alone() -> None:
    rows = np.random.default_rng(1).choice(ROW, (40, 30))
    assert pack_rows(rows) == [pack(row) for row in rows]


def test_a_row_in_full_is_read_as_well() -> None:
    text = base64.b64encode(ROW.tobytes()).decode()
    assert bits(unpack(text, len(ROW))) == bits(ROW)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(pack(ROW)[:-4], id="cut"),
        pytest.param(pack(ROW) + "AAAA", id="longer"),
        pytest.param("~", id="empty"),
        pytest.param("~!!!!", id="no-base64"),
        pytest.param(base64.b64encode(ROW[:-1].tobytes()).decode(), id="one-too-few"),
    ],
)
def test_what_is_no_row_of_that_width_is_refused(text: str) -> None:
    with pytest.raises(BrokenRelease):
        unpack(text, len(ROW))
