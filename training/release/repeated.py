"""Long lists of numbers out of an ONNX attribute, as arrays.

Going through Python objects costs several times as much. So the attribute that protobuf has parsed is
written again by protobuf, in its one canonical form, and the numbers of that are read with numpy.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

TAIL = 3  # the type comes last: a tag of two bytes, and a number below 128
Bytes = npt.NDArray[np.uint8]


def ints(attribute: Any) -> npt.NDArray[np.int64]:
    """`attribute.ints` of an attribute that holds its name, its type and that list alone.

    >>> from onnx import helper
    >>> ints(helper.make_attribute("a", [0, 1, 300, -1, 2**62])).tolist()
    [0, 1, 300, -1, 4611686018427387904]
    """
    if not len(attribute.ints):
        return np.empty(0, np.int64)
    body = _body(attribute)
    ends = np.flatnonzero(body < 0x80)  # of each tag and each number in turn
    start, last = ends[0::2] + 1, ends[1::2]
    found = (body[start] & 0x7F).astype(np.uint64)
    longer = np.flatnonzero(last > start)
    for place in range(1, 10):
        if not len(longer):
            break
        byte = body[start[longer] + place].astype(np.uint64) & np.uint64(0x7F)
        found[longer] |= byte << np.uint64(7 * place)
        longer = longer[last[longer] > start[longer] + place]
    return found.view(np.int64)


def floats(attribute: Any) -> npt.NDArray[np.float32]:
    """`attribute.floats` of such an attribute.

    >>> from onnx import helper
    >>> floats(helper.make_attribute("a", [0.5, -1.0])).tolist()
    [0.5, -1.0]
    """
    count = len(attribute.floats)
    if not count:
        return np.empty(0, np.float32)
    body = _body(attribute).reshape(count, 5)  # a tag of one byte, and four of the number
    return np.ascontiguousarray(body[:, 1:]).view("<f4").reshape(count)


def _body(attribute: Any) -> Bytes:
    """The bytes of the list alone: behind the name, in front of the type."""
    content = attribute.SerializeToString(deterministic=True)
    return np.frombuffer(content, np.uint8)[2 + len(attribute.name) : -TAIL]
