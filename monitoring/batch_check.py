"""Whether the batch files are those of their entries in the chain, read a thousand rows at a time."""

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from crm_rules.database import Database
from monitoring.batch_log import ENTRY, FOLDER, SCHEMA, covered, digest_in_batch, files
from monitoring.decision_log import BATCHES, ERASED, Record

AT_ONCE = 1_000
Row = dict[str, object]
ENTRIES = (
    "SELECT c.id, p.payload FROM chain c JOIN payloads p ON p.chain = c.chain AND p.seq = c.seq"
    " WHERE c.chain = ? AND c.id >= 'batch-' AND c.id < 'batch.' ORDER BY c.seq"
)
SAYS_ERASED = "SELECT 1 FROM chain WHERE chain = ? AND id = ?"
UNREADABLE = (pa.ArrowException, OSError, ValueError, MemoryError)


@dataclass
class _File:
    """One file on its way through the check."""

    path: Path
    groups: list[tuple[int, str]]
    database: Database
    problems: list[str] = field(default_factory=list)
    rows: int = 0

    def seen(self) -> Iterator[tuple[Row, bool]]:
        """Each row, and whether it and its group are as they were written."""
        try:
            with pq.ParquetFile(self.path) as parquet:
                if not parquet.schema_arrow.equals(SCHEMA):
                    self._say("it has other columns than a batch of decisions")
                    return
                batches = parquet.iter_batches(batch_size=AT_ONCE)
                yield from self._compared(row for batch in batches for row in batch.to_pylist())
        except UNREADABLE as error:
            self._say(f"it cannot be read ({str(error).splitlines()[0]})")

    def _compared(self, rows: Iterator[Row]) -> Iterator[tuple[Row, bool]]:
        for count, wanted in self.groups:
            first, root, group = self.rows + 1, hashlib.sha256(), list[tuple[Row, bool]]()
            for row in islice(rows, count):
                self.rows += 1
                before = len(self.problems)
                root.update(self._row(row))
                group.append((row, len(self.problems) == before))
            short, whole = len(group) < count, root.hexdigest() == wanted
            if short:
                self._say(f"it ends at row {self.rows}, its entry says more")
            elif not whole:
                self._say(f"rows {first} to {self.rows} are not those of its entry")
            yield from ((row, good and whole and not short) for row, good in group)
            if short:
                return
        if next(rows, None) is not None:
            self._say(f"it goes on after row {self.rows}, where its entry ends")

    def _row(self, row: Row) -> bytes:
        """The bytes that the entry covers; says what is wrong with the row itself."""
        told = [row[column] for column in ("decision_id", "at", "use_case", "digest")]
        if None in told:
            self._say(f"row {self.rows} ({told[0]}) lacks a value")
            return b""
        decision_id, at, use_case, digest = map(str, told)
        customer_id = None if row["customer_id"] is None else str(row["customer_id"])
        salt, payload = row["salt"], row["payload"]
        if isinstance(payload, bytes) and isinstance(salt, bytes):
            record = Record(decision_id, at, use_case, customer_id, payload)
            if digest_in_batch(salt, record) != digest:
                self._say(f"row {self.rows} ({decision_id}) was altered")
        elif not self.database.ask(SAYS_ERASED, (BATCHES, f"{ERASED}{decision_id}")):
            self._say(f"the content of row {self.rows} ({decision_id}) is gone")
        return covered(decision_id, at, use_case, customer_id, digest)

    def _say(self, problem: str) -> None:
        self.problems.append(f"{FOLDER}/{self.path.name}: {problem}")


def verify_batches(folder: Path, database: Database) -> tuple[int, tuple[str, ...]]:
    """The rows of all batch files and what is wrong with them, held against their entries in the chain."""
    rows, problems, entered = 0, list[str](), set[str]()
    for name, payload in database.stream(ENTRIES, (BATCHES,)):
        path = folder / FOLDER / f"{str(name).removeprefix(ENTRY)}.parquet"
        entered.add(path.name)
        if not path.exists():
            problems.append(f"{FOLDER}/{path.name}: the file is gone, but has an entry")
            continue
        file = _File(path, _groups(payload), database)
        for _ in file.seen():
            pass
        rows, problems = rows + file.rows, problems + file.problems
    return rows, (*problems, *without_entry(folder, entered))


def seen_rows(path: Path, entry: bytes, database: Database) -> Iterator[tuple[Row, bool]]:
    """The rows of a batch file, and whether each is as its entry in the chain says; none without a file."""
    if path.exists():
        yield from _File(path, _groups(entry), database).seen()


def _groups(payload: bytes) -> list[tuple[int, str]]:
    """Rows and root of each group; none where the entry was altered, which its chain says."""
    try:
        return [(int(count), str(root)) for count, root in json.loads(payload)["groups"]]
    except (ValueError, KeyError, TypeError):
        return []


def without_entry(folder: Path, entered: Collection[str]) -> Iterator[str]:
    """The files that no entry tells of."""
    for path in files(folder):
        if path.name not in entered:
            yield f"{FOLDER}/{path.name}: the file has no entry in the chain"
