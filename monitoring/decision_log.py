"""Every decision, durable before its answer leaves, in a chain that shows tampering.

Payload and digest stand apart. The chain covers salted digests only, so a payload can be
erased (with its salt) and the chain still verifies. Each worker has its own file and chain;
heads are anchored in a text file outside the database, so a cut tail or a wholly rewritten
chain shows as well.
"""

import hashlib
import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crm_rules.governance.chain import link
from monitoring.errors import LogUnavailable, UnknownDecision

ANCHORS = "anchors.jsonl"
ANCHOR_EVERY = 1_000
GENESIS = "0" * 64
Row = tuple[object, ...]
SCHEMA = """
CREATE TABLE IF NOT EXISTS chain (
  seq INTEGER PRIMARY KEY, decision_id TEXT NOT NULL UNIQUE, at TEXT NOT NULL,
  digest TEXT NOT NULL, link TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS payloads (
  decision_id TEXT PRIMARY KEY, use_case TEXT NOT NULL, customer_id TEXT,
  salt BLOB NOT NULL, payload BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS payloads_of_customer ON payloads (customer_id);
"""


@dataclass(frozen=True)
class Record:
    """One decision as it goes to the log. `payload` is JSON; `at` is ISO 8601 in UTC."""

    decision_id: str
    at: str
    use_case: str
    customer_id: str | None
    payload: bytes


@dataclass(frozen=True)
class Verified:
    """What a check of the log found. `erased` counts entries whose payload is gone on purpose."""

    entries: int
    erased: int = 0
    problems: tuple[str, ...] = field(default=())

    @property
    def intact(self) -> bool:
        """Whether nothing was altered, removed or cut."""
        return not self.problems


def salted(salt: bytes, payload: bytes) -> str:
    """The digest the chain covers: SHA-256 over salt and payload.

    >>> salted(b"s", b"p") == salted(b"s", b"p"), salted(b"s", b"p") == salted(b"t", b"p")
    (True, False)
    """
    return hashlib.sha256(salt + payload).hexdigest()


class DecisionLog:
    """One worker's log and chain. Safe to call from several threads; one commit an append."""

    def __init__(self, folder: Path, worker: str, connection: sqlite3.Connection) -> None:
        self.folder, self.worker = folder, worker
        self._connection, self._lock = connection, threading.Lock()
        row = connection.execute("SELECT seq, link FROM chain ORDER BY seq DESC LIMIT 1").fetchone()
        self._seq: int = row[0] if row else 0
        self._head: str = row[1] if row else GENESIS

    @classmethod
    def open(cls, folder: Path, worker: str) -> "DecisionLog":
        """Open or create the worker's file; LogUnavailable when that cannot be."""
        path = folder / f"{worker}.db"
        is_new = not path.exists()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            connection.execute("PRAGMA page_size=8192")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.executescript(SCHEMA)
        except (sqlite3.Error, OSError) as error:
            if is_new:  # a log without its tables would be taken for a damaged one
                for left in folder.glob(f"{worker}.db*"):
                    left.unlink(missing_ok=True)
            raise LogUnavailable(path, str(error)) from error
        return cls(folder, worker, connection)

    def append(self, records: Sequence[Record]) -> None:
        """Make the records durable in one commit; all of them or none.

        Raises LogUnavailable when they could not be written: then nothing may be answered.
        """
        with self._lock:
            chain: list[Row] = []
            payloads: list[Row] = []
            seq, head = self._seq, self._head
            for record in records:
                salt = secrets.token_bytes(16)
                digest = salted(salt, record.payload)
                seq, head = seq + 1, link(head, seq + 1, record.decision_id, record.at, digest)
                chain.append((seq, record.decision_id, record.at, digest, head))
                payloads.append(
                    (record.decision_id, record.use_case, record.customer_id, salt, record.payload)
                )
            self._commit(chain, payloads)
            crossed = seq // ANCHOR_EVERY > self._seq // ANCHOR_EVERY
            self._seq, self._head = seq, head
            if crossed:
                self._anchor()

    def _commit(self, chain: list[Row], payloads: list[Row]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT INTO chain VALUES (?,?,?,?,?)", chain)
            self._connection.executemany("INSERT INTO payloads VALUES (?,?,?,?,?)", payloads)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise LogUnavailable(self.folder / f"{self.worker}.db", str(error)) from error

    def _anchor(self) -> None:
        line = json.dumps({"chain": self.worker, "seq": self._seq, "head": self._head}, sort_keys=True)
        try:
            with (self.folder / ANCHORS).open("a") as anchors:
                anchors.write(line + "\n")
        except OSError as error:
            raise LogUnavailable(self.folder / ANCHORS, str(error)) from error

    def close(self) -> None:
        """Anchor the head and close the file."""
        with self._lock:
            if self._seq:
                self._anchor()
            self._connection.close()


def logs(folder: Path) -> tuple[Path, ...]:
    """The workers' files in that folder, by name."""
    return tuple(sorted(folder.glob("*.db")))


def _reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def find(folder: Path, decision_id: str) -> bytes:
    """The payload of one decision, from any worker's file; UnknownDecision when there is none."""
    for path in logs(folder):
        connection = _reading(path)
        row = connection.execute(
            "SELECT payload FROM payloads WHERE decision_id = ?", (decision_id,)
        ).fetchone()
        connection.close()
        if row:
            return bytes(row[0])
    raise UnknownDecision(decision_id)


def payloads(folder: Path, use_case: str, newest: int) -> Iterator[bytes]:
    """The newest payloads of one use case, each worker's latest first."""
    for path in logs(folder):
        connection = _reading(path)
        yield from (
            bytes(row[0])
            for row in connection.execute(
                "SELECT payload FROM payloads JOIN chain USING (decision_id) "
                "WHERE use_case = ? ORDER BY seq DESC LIMIT ?",
                (use_case, newest),
            )
        )
        connection.close()


def verify(folder: Path) -> Verified:
    """Recompute every chain and hold it against the anchors. Memory does not grow with the log."""
    entries, erased, problems = 0, 0, []
    anchors = _anchors(folder)
    for path in logs(folder):
        connection = _reading(path)
        head, expected = GENESIS, 1
        wanted = anchors.pop(path.stem, {})
        rows = connection.execute(
            "SELECT seq, decision_id, at, digest, link, salt, payload FROM chain "
            "LEFT JOIN payloads USING (decision_id) ORDER BY seq"
        )
        for seq, decision_id, at, digest, stored, salt, payload in rows:
            head = link(head, seq, decision_id, at, digest)
            name = f"{path.stem} entry {seq} ({decision_id})"
            if seq != expected:
                problems.append(f"{name}: entries {expected} to {seq - 1} are missing")
            if head != stored:
                problems.append(f"{name}: the link does not follow from the entry before")
                head = stored
            if payload is not None and salted(salt, payload) != digest:
                problems.append(f"{name}: the payload was altered")
            if wanted.pop(seq, head) != head:
                problems.append(f"{name}: the anchored head is another")
            entries, erased, expected = entries + 1, erased + (payload is None), seq + 1
        connection.close()
        problems += [f"{path.stem}: anchored entry {seq} is gone" for seq in wanted]
    problems += [f"{name}: the whole log is gone, but anchored" for name in anchors if name != "batches"]
    return Verified(entries, erased, tuple(problems))


def _anchors(folder: Path) -> dict[str, dict[int, str]]:
    path, heads = folder / ANCHORS, dict[str, dict[int, str]]()
    if path.exists():
        for line in path.read_text().splitlines():
            anchor = json.loads(line)
            heads.setdefault(anchor["chain"], {})[anchor["seq"]] = anchor["head"]
    return heads
