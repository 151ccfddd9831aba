"""Decisions of a batch run: one Parquet file, one entry in the chain for the whole file.

The entry covers the salted digests of the payloads in order, so one payload and its salt can
be erased from the file and the entry still verifies.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from monitoring.decision_log import DecisionLog, Record, find, salted

FOLDER = "batches"
SCHEMA = pa.schema(
    [
        ("decision_id", pa.string()),
        ("at", pa.string()),
        ("use_case", pa.string()),
        ("customer_id", pa.string()),
        ("digest", pa.string()),
        ("salt", pa.binary()),
        ("payload", pa.binary()),
    ]
)


class BatchLog:
    """Collects a batch run's records into `batches/<name>.parquet`; a context manager.

    Leaving it well renames the file into place and writes the chain entry; leaving it by an
    error removes what was written, so that a batch is logged whole or not at all.
    """

    def __init__(self, folder: Path, name: str, at: str) -> None:
        self.folder, self.name, self.at = folder, name, at
        self._path = folder / FOLDER / f"{name}.parquet"
        self._root = hashlib.sha256()
        self._count = 0

    def __enter__(self) -> "BatchLog":
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._draft = self._path.with_suffix(".draft")
        self._writer = pq.ParquetWriter(self._draft, SCHEMA, compression="zstd")
        return self

    def append(self, records: Iterable[Record]) -> None:
        """Add records; durable only when the batch ends well."""
        columns: list[list[object]] = [[] for _ in SCHEMA]
        for record in records:
            salt = secrets.token_bytes(16)
            digest = salted(salt, record.payload)
            self._root.update(bytes.fromhex(digest))
            self._count += 1
            values = (
                record.decision_id, record.at, record.use_case, record.customer_id,
                digest, salt, record.payload,
            )  # fmt: skip
            for column, value in zip(columns, values, strict=True):
                column.append(value)
        arrays = [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._writer.close()
        if kind is not None:
            self._draft.unlink(missing_ok=True)
            return
        self._draft.replace(self._path)
        entry = {"file": self._path.name, "records": self._count, "root": self._root.hexdigest()}
        log = DecisionLog.open(self.folder, "batches")
        log.append(
            [Record(f"batch-{self.name}", self.at, "batch", None, json.dumps(entry, sort_keys=True).encode())]
        )
        log.close()


def read(folder: Path, use_case: str) -> Iterator[bytes]:
    """Payloads of that use case from the newest batch file that has any."""
    for path in sorted((folder / FOLDER).glob("*.parquet"), key=lambda p: p.stat().st_mtime, reverse=True):
        table = pq.read_table(path, columns=["payload"], filters=[("use_case", "=", use_case)])
        if table.num_rows:
            yield from (value.as_py() for value in table["payload"])
            return


def verify_batches(folder: Path) -> tuple[str, ...]:
    """What is wrong with the batch files, held against their entries in the chain."""
    problems = []
    for path in sorted((folder / FOLDER).glob("*.parquet")):
        entry = json.loads(find(folder, f"batch-{path.stem}"))
        root = hashlib.sha256()
        for group in pq.ParquetFile(path).iter_batches(columns=["decision_id", "digest", "salt", "payload"]):
            for row in group.to_pylist():
                root.update(bytes.fromhex(row["digest"]))
                if row["payload"] is not None and salted(row["salt"], row["payload"]) != row["digest"]:
                    problems.append(f"{path.name}: the payload of {row['decision_id']} was altered")
        if root.hexdigest() != entry["root"]:
            problems.append(f"{path.name}: its records are not those of the chain entry")
    return tuple(problems)
