"""The arrays of a release: an .npz of plain float64 matrices, read without any parser that could run code.

numpy's own reader would unpickle objects if asked, inflates what a few bytes describe, and evaluates
the header as a Python literal. Here each of these is impossible: members are stored, not compressed,
their names, sizes and shapes are known beforehand, and the header is compared, not evaluated.
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np

from training.release.errors import BrokenRelease
from training.release.fields import F64Array

Shape = tuple[int, int]
MOST_HEADER = 512
_START = b"PK\x03\x04"
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '<f8', 'fortran_order': False, 'shape': \(([0-9]{1,9}), ([0-9]{1,9})\), \} *\n"
)
_UNREADABLE = (zipfile.BadZipFile, ValueError, OSError, EOFError, RuntimeError, struct.error, zlib.error)


def read_arrays(path: str, content: bytes, shapes: Mapping[str, Shape]) -> dict[str, F64Array]:
    """The arrays of those names and shapes, finite, in C order; BrokenRelease for anything else."""
    if not content.startswith(_START):
        raise BrokenRelease(path, "it is no plain array file")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: _member(path, archive, name, shapes) for name in _names(path, archive, shapes)}
    except _UNREADABLE as error:
        if isinstance(error, BrokenRelease):
            raise
        raise BrokenRelease(path, f"it is no plain array file ({type(error).__name__})") from error
    return {name: _array(path, name, members[name], shape) for name, shape in shapes.items()}


def _names(path: str, archive: zipfile.ZipFile, shapes: Mapping[str, Shape]) -> list[str]:
    found = sorted(info.filename for info in archive.infolist()[: len(shapes) + 1])
    if found != sorted(f"{name}.npy" for name in shapes) or archive.comment:
        raise BrokenRelease(path, f"it should hold {sorted(shapes)} alone")
    return sorted(shapes)


def _member(path: str, archive: zipfile.ZipFile, name: str, shapes: Mapping[str, Shape]) -> bytes:
    """A member's bytes, its size checked before any of them is read."""
    info, (rows, columns) = archive.getinfo(f"{name}.npy"), shapes[name]
    stored = info.compress_type == zipfile.ZIP_STORED and info.file_size == info.compress_size
    if not stored or info.flag_bits & 0x1:
        raise BrokenRelease(path, f"'{name}' should be stored as it is, neither compressed nor encrypted")
    if not 0 <= info.file_size - 8 * rows * columns <= MOST_HEADER:
        raise BrokenRelease(
            path, f"'{name}' should be finite float64 {shapes[name]}, is {info.file_size} bytes"
        )
    return archive.read(info)


def _array(path: str, name: str, content: bytes, shape: Shape) -> F64Array:
    start = len(_MAGIC) + 2
    end = start + int.from_bytes(content[len(_MAGIC) : start], "little")
    header = _HEADER.fullmatch(content, start, min(end, len(content)))
    if not content.startswith(_MAGIC) or header is None:
        raise BrokenRelease(path, f"'{name}' should be finite float64 {shape}, and says something else")
    found = (int(header[1]), int(header[2]))
    if found != shape or len(content) - end != 8 * shape[0] * shape[1]:
        raise BrokenRelease(path, f"'{name}' should be finite float64 {shape}, is {found}")
    array = np.frombuffer(content, "<f8", offset=end).reshape(shape).astype(np.float64)
    if not np.isfinite(array).all():
        raise BrokenRelease(path, f"'{name}' should be finite float64 {shape}, and is not finite")
    return array
