"""Decisions of a batch run: one Parquet file, one entry in the chain for the whole file.

Each row carries the salted digest of all it says; the entry covers, for each group of rows in their order,
every column but salt and payload. So a payload and its salt can be erased from the file and the entry still
verifies.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crm_rules.governance.chain import salted
from crm_rules.governance.turns import alone
from monitoring.batch_index import index_of
from monitoring.decision_log import BATCHES, DecisionLogs, Record, digest_of
from monitoring.errors import UnknownDecision

FOLDER = "batches"
ENTRY = "batch-"  # begins the id of a file's entry
DRAFT, ERASING = ".draft", ".erasing"
SEAL = "seal"  # whose turn it is to put files in place
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

# Only what repeats gets a dictionary, and only times and use cases a smallest and a largest.
FORMAT: Mapping[str, Any] = {
    "compression": "zstd", "use_dictionary": ["at", "use_case"], "write_statistics": ["at", "use_case"],
}  # fmt: skip
SALT = 16  # bytes


def digest_in_batch(salt: bytes, record: Record) -> str:
    """What a row's digest covers: all of the decision, with its time, which has no entry of its own here."""
    told = digest_of(salt, record.decision_id, record.use_case, record.customer_id, record.payload)
    return salted(salt, record.at.encode(), bytes.fromhex(told))


def covered(decision_id: str, at: str, use_case: str, customer_id: str | None, digest: str) -> bytes:
    """What the entry covers of a row, also of one whose payload was erased."""
    told = (decision_id, at, use_case, digest)
    texts = told if customer_id is None else (*told, customer_id)
    return bytes.fromhex(salted(b"", *(text.encode() for text in texts)))


class BatchLog:
    """Collects a batch run's records into `batches/<name>.parquet`; a context manager.

    Leaving it well writes the chain entry and puts the file in its place; leaving it by an error removes
    what was written, so that a batch is logged whole or not at all.
    """

    def __init__(self, logs: DecisionLogs, name: str, at: str) -> None:
        self.logs, self.name, self.at = logs, name, at
        self._path = logs.folder / FOLDER / f"{name}.parquet"
        self._groups: list[tuple[int, str]] = []

    def __enter__(self) -> "BatchLog":
        finish_what_was_broken_off(self.logs)
        self._draft = self._path.with_suffix(DRAFT)
        self._writer = pq.ParquetWriter(self._draft, SCHEMA, **FORMAT)
        return self

    def append(self, records: Iterable[Record]) -> None:
        """Add records as one group of rows; durable only when the batch ends well."""
        columns: list[list[object]] = [[] for _ in SCHEMA]
        root, group = hashlib.sha256(), list(records)
        salts = secrets.token_bytes(SALT * len(group))
        for at, record in enumerate(group):
            salt = salts[SALT * at : SALT * (at + 1)]
            told = (record.decision_id, record.at, record.use_case, record.customer_id)
            digest = digest_in_batch(salt, record)
            root.update(covered(*told, digest))
            for column, value in zip(columns, (*told, digest, salt, record.payload), strict=True):
                column.append(value)
        if columns[0]:
            arrays = [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
            self._groups.append((len(columns[0]), root.hexdigest()))

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._writer.close()
        if kind is not None:
            self._draft.unlink(missing_ok=True)
            return
        _force_to_disk(self._draft)
        entry = {"file": self._path.name, "groups": self._groups}
        payload = json.dumps(entry, sort_keys=True).encode()
        with alone(self._path.parent / SEAL), closing(self.logs.open(BATCHES)) as log:
            log.append([Record(ENTRY + self.name, self.at, "batch", None, payload)])
            self._draft.replace(self._path)
        index_of(self._path)


def finish_what_was_broken_off(logs: DecisionLogs) -> None:
    """A process killed between its entry and its file's place left a whole draft: put that in place."""
    folder = logs.folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not any(folder.glob(f"*{DRAFT}")):
        return
    with alone(folder / SEAL), closing(logs.open(BATCHES)) as log:
        for draft in folder.glob(f"*{DRAFT}"):
            if log.holds(ENTRY + draft.stem):
                draft.replace(draft.with_suffix(".parquet"))


def run_of(path: Path) -> str:
    """The run a batch file belongs to: its name up to the first dot.

    >>> run_of(Path("nightly.00007.parquet")), run_of(Path("nightly.parquet"))
    ('nightly', 'nightly')
    """
    return path.name.partition(".")[0]


def files(folder: Path) -> tuple[Path, ...]:
    """The batch files in the log's folder, by name."""
    return tuple(sorted((folder / FOLDER).glob("*.parquet")))


def read(folder: Path, use_case: str) -> Iterator[bytes]:
    """Payloads of that use case, those not erased, from the newest batch run that has any."""
    newest = None
    for path in sorted(files(folder), key=lambda path: path.stat().st_mtime, reverse=True):
        if newest not in (None, run_of(path)):
            continue
        table = pq.read_table(path, columns=["payload"], filters=[("use_case", "=", use_case)])
        if table.num_rows:
            newest = run_of(path)
            yield from (value.as_py() for value in table["payload"].drop_null())


def erase(logs: DecisionLogs, decision_id: str, at: str) -> None:
    """Remove payload and salt of one decision from its batch file, and say so in the chain.

    Raises UnknownDecision when no batch file has it.
    """
    for path in files(logs.folder):
        if pq.read_table(path, columns=[], filters=[("decision_id", "=", decision_id)]).num_rows:
            _rewrite_without(path, decision_id)
            log = logs.open(BATCHES)
            try:
                log.says_erased(decision_id, at)
                path.with_suffix(ERASING).replace(path)
            finally:
                log.close()
            index_of(path)
            return
    raise UnknownDecision(decision_id)


def _rewrite_without(path: Path, decision_id: str) -> None:
    """Write the file's draft, group of rows by group, with nothing in the content of that decision."""
    draft = path.with_suffix(ERASING)
    with pq.ParquetFile(path) as parquet, pq.ParquetWriter(draft, SCHEMA, **FORMAT) as writer:
        for at in range(parquet.num_row_groups):
            group = parquet.read_row_group(at)
            kept = pc.not_equal(group["decision_id"], decision_id)
            for name in ("salt", "payload"):
                values = pc.if_else(kept, group[name], pa.scalar(None, pa.binary()))
                group = group.set_column(group.schema.get_field_index(name), SCHEMA.field(name), values)
            writer.write_table(group)
    _force_to_disk(draft)


def _force_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
