"""Where in a batch file a decision is: beside each file its ids, hashed and sorted, and their rows.

An index only saves looking at every row: it is made again when it is not of the file, and what it points to
counts only where the row has the id.
"""

import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from crm_rules.governance import drafts

SUFFIX = ".index"
MAGIC = b"bank-ids"
HEADER = struct.Struct("<8sQQQ")  # magic, size and time of the file, rows
WIDTH = 16  # signs of an id that are hashed
U64 = npt.NDArray[np.uint64]
ODD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)


@dataclass(frozen=True)
class BatchIndex:
    """The ids of a batch file, n hashes in order with the row of each."""

    hashes: U64
    rows: npt.NDArray[np.uint32]

    def places(self, decision_id: str) -> list[int]:
        """The rows that may have the id; nearly always one or none."""
        wanted = hashed([decision_id.encode()])[0]
        first, last = (
            np.searchsorted(self.hashes, [wanted], "left"),
            np.searchsorted(self.hashes, [wanted], "right"),
        )
        return [int(row) for row in self.rows[int(first[0]) : int(last[0])]]


def hashed(ids: list[bytes]) -> U64:
    """A hash of the first signs of each id, (n,); ids are random, so few share one."""
    signs = np.array(ids, f"S{WIDTH}").view("<u8").reshape(-1, 2)
    mixed: U64 = (signs * ODD).sum(axis=1, dtype=np.uint64)
    return mixed


def index_of(path: Path) -> BatchIndex:
    """The index of a batch file, made and kept when there is none of the file as it is."""
    found = path.stat()
    kept = path.with_suffix(SUFFIX)
    try:
        return _read(kept, found.st_size, found.st_mtime_ns)
    except (OSError, ValueError):
        made = _made(path)
    header = HEADER.pack(MAGIC, found.st_size, found.st_mtime_ns, len(made.rows))
    with suppress(OSError):  # then it is made again the next time
        drafts.replace(kept, header + made.hashes.tobytes() + made.rows.tobytes(), 0o600)
    return made


def _read(path: Path, size: int, time: int) -> BatchIndex:
    content = np.memmap(path, np.uint8, "r")
    if len(content) < HEADER.size:
        raise ValueError(path)
    *told, rows = HEADER.unpack(content[: HEADER.size].tobytes())
    if told != [MAGIC, size, time] or len(content) != HEADER.size + 12 * rows:
        raise ValueError(path)
    middle = HEADER.size + 8 * rows
    return BatchIndex(content[HEADER.size : middle].view(np.uint64), content[middle:].view(np.uint32))


def _made(path: Path) -> BatchIndex:
    ids = pq.read_table(path, columns=["decision_id"])["decision_id"].cast(pa.binary())
    hashes = hashed([each or b"" for each in ids.to_pylist()]) if len(ids) else np.array([], np.uint64)
    order = np.argsort(hashes, kind="stable")
    return BatchIndex(hashes[order], order.astype(np.uint32))


class BatchFile:
    """An open batch file with its index. Asked by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._index = index_of(path)
        self._parquet = pq.ParquetFile(path)
        told = self._parquet.metadata
        sizes = [told.row_group(group).num_rows for group in range(told.num_row_groups)]
        self._starts = np.cumsum([0, *sizes])

    def find(self, decision_id: str) -> bytes | None:
        """The payload of a decision; None where the file does not have it, or it was erased."""
        for place in self._index.places(decision_id):
            group = int(np.searchsorted(self._starts, place, "right")) - 1
            if group < self._parquet.num_row_groups:
                table = self._parquet.read_row_group(group, columns=["decision_id", "payload"])
                row = table.slice(place - int(self._starts[group]), 1).to_pylist()
                if row and row[0]["decision_id"] == decision_id:
                    content = row[0]["payload"]
                    return None if content is None else bytes(content)
        return None

    def close(self) -> None:
        """Close the file."""
        self._parquet.close()
