"""Rows of numbers as text: exact, and short where many are unknown, nothing, or small and round.

The text of a row of w numbers is `~` and the base64 of: a bit for each number, whether it is there in
full or narrowed; a bit for each, whether it is unknown or there in full; then, little-endian, the float32
of those narrowed without loss and the float64 of those in full. A number with neither bit is 0. A text
without `~` is the base64 of w float64.
"""

import binascii
from itertools import accumulate

import numpy as np

from training.release.errors import BrokenRelease
from training.release.fields import F64Array

SHORT = "~"


def pack(row: F64Array) -> str:
    """A row of float64 as text; NaN stays NaN, every other number its bits.

    >>> unpack(pack(np.array([1.5, np.nan, 0.0, -0.0, 0.1])), 5).tolist()
    [1.5, nan, 0.0, -0.0, 0.1]
    """
    return pack_rows(row[None])[0]


def pack_rows(rows: F64Array) -> list[str]:
    """Each of n rows (n, w) as `pack` gives it."""
    rows = np.ascontiguousarray(rows, "<f8")
    unknown, there = np.isnan(rows), rows.view("<i8") != 0
    with np.errstate(over="ignore"):  # beyond float32 is infinite, so not the same
        small = rows.astype("<f4")
    narrow = (small == rows) & there
    full = there & ~narrow & ~unknown
    marks = np.packbits(np.concatenate([narrow | full, unknown | full], axis=1), axis=1)
    floats, doubles = small[narrow].tobytes(), rows[full].tobytes()
    ends = zip(_ends(narrow, 4), _ends(full, 8), strict=True)
    texts, before = [], (0, 0)
    for mark, end in zip(marks, ends, strict=True):
        parts = mark.tobytes(), floats[before[0] : end[0]], doubles[before[1] : end[1]]
        texts.append(SHORT + binascii.b2a_base64(b"".join(parts), newline=False).decode("ascii"))
        before = end
    return texts


def _ends(where: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], size: int) -> list[int]:
    """Where each row's numbers end in the bytes of all, so many bytes a number."""
    return [size * count for count in accumulate(np.count_nonzero(where, axis=1).tolist())]


def unpack(text: str, width: int) -> F64Array:
    """The row that `pack` wrote; BrokenRelease when it is not `width` numbers."""
    try:
        content = binascii.a2b_base64(text.removeprefix(SHORT), strict_mode=True)
        if text.startswith(SHORT):
            return _lengthened(content, width)
        row = np.frombuffer(content, "<f8")
    except ValueError as error:
        raise BrokenRelease("packed row", f"it is not base64 of float64 ({error})") from error
    if len(row) != width:
        raise BrokenRelease("packed row", f"it holds {len(row)} numbers, not {width}")
    return row.astype(np.float64)


def _lengthened(content: bytes, width: int) -> F64Array:
    head = (2 * width + 7) // 8
    if len(content) < head:
        raise BrokenRelease("packed row", f"it does not hold {width} numbers")
    bits = np.unpackbits(np.frombuffer(content, np.uint8, head), count=2 * width).astype(np.bool_)
    first, second = bits[:width], bits[width:]
    narrow, full = first & ~second, first & second
    wide = head + 4 * int(narrow.sum())
    if len(content) != wide + 8 * int(full.sum()):
        raise BrokenRelease("packed row", f"it does not hold {width} numbers")
    row = np.where(second & ~first, np.nan, 0.0)
    row[narrow] = np.frombuffer(content[head:wide], "<f4")
    row[full] = np.frombuffer(content[wide:], "<f8")
    return row
