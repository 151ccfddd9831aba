"""Feature rows as text, to the bit: how a decision record keeps what a decision was made from.

The columns of a row are `manifest.origin.columns` of the release the record names.
"""

import base64
import binascii

import numpy as np

from training.release.errors import BrokenRelease
from training.release.fields import F64Array


def pack(row: F64Array) -> str:
    """A row of float64 as base64 of little-endian bytes; NaN stays NaN.

    >>> unpack(pack(np.array([1.5, np.nan])), 2).tolist()
    [1.5, nan]
    """
    return base64.b64encode(np.ascontiguousarray(row, "<f8").tobytes()).decode("ascii")


def unpack(text: str, width: int) -> F64Array:
    """The row that `pack` wrote; BrokenRelease when it is not `width` numbers."""
    try:
        row = np.frombuffer(base64.b64decode(text, validate=True), "<f8")
    except (binascii.Error, ValueError) as error:
        raise BrokenRelease("packed row", f"it is not base64 of float64 ({error})") from error
    if len(row) != width:
        raise BrokenRelease("packed row", f"it holds {len(row)} numbers, not {width}")
    return row.astype(np.float64)
