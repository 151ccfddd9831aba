"""Every decision, durable before its answer leaves, in a chain that shows tampering.

The chain covers a salted digest of everything a decision's row says, so the row can be erased (with
its salt) and the chain still verifies. Each worker has a chain of its own: in a file of its own,
or all of them in one PostgreSQL schema. Heads lie outside the database.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from crm_rules.database import WAIT_SECONDS, Database, Sqlite, make_tables, open_database
from crm_rules.errors import BrokenChain, BrokenHead, DatabaseUnavailable
from crm_rules.governance.append_only import Chain, Entry, chains
from crm_rules.governance.chain import salted
from crm_rules.governance.heads import Heads
from crm_rules.postgres import Postgres
from feature_repo.settings import Settings
from monitoring.errors import AlreadyDecided, LogRefused, LogUnavailable, UnknownDecision

BATCHES = "batches"  # the worker, and the chain, of whole batch files
PREFIX = "decisions-"  # begins the chain of every other worker
ERASED = "erased:"  # begins the id of the entry that says a decision was erased
SCHEMA = """
CREATE TABLE IF NOT EXISTS payloads (
  chain TEXT NOT NULL, seq INTEGER NOT NULL, decision_id TEXT NOT NULL, use_case TEXT NOT NULL,
  customer_id TEXT, salt BLOB NOT NULL, payload BLOB NOT NULL, PRIMARY KEY (chain, seq));
CREATE INDEX IF NOT EXISTS payloads_of_customer ON payloads (customer_id);
"""
NEEDED = {"payloads": "chain, seq, decision_id, use_case, customer_id, salt, payload"}
INSERT = (
    "INSERT INTO payloads (chain, seq, decision_id, use_case, customer_id, salt, payload)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
ONE = (
    "SELECT p.payload FROM chain c JOIN payloads p ON p.chain = c.chain AND p.seq = c.seq"
    " WHERE c.chain = ? AND c.id = ?"
)
NEWEST = "SELECT payload FROM payloads WHERE chain = ? AND use_case = ? ORDER BY seq DESC LIMIT ?"
SINCE = "SELECT payload FROM payloads WHERE chain = ? AND seq > ? AND seq <= ? AND use_case = ? ORDER BY seq"
LAST = "SELECT MAX(seq) FROM chain WHERE chain = ?"
ENTRY = "SELECT seq FROM chain WHERE chain = ? AND id = ?"
MOST_ASKED = 500  # ids in one query


@dataclass(frozen=True)
class Record:
    """One decision as it goes to the log. `payload` is JSON; `at` is ISO 8601 in UTC."""

    decision_id: str
    at: str
    use_case: str
    customer_id: str | None
    payload: bytes


def digest_of(salt: bytes, decision_id: str, use_case: str, customer_id: str | None, payload: bytes) -> str:
    """What the chain covers of a decision: all of its row; nobody and the empty id differ.

    >>> digest_of(b"s", "d", "credit", None, b"{}") == digest_of(b"s", "d", "credit", "", b"{}")
    False
    """
    name, case = decision_id.encode("utf-8", "surrogateescape"), use_case.encode("utf-8", "surrogateescape")
    if customer_id is None:
        return salted(salt, name, case, payload)
    return salted(salt, name, case, customer_id.encode("utf-8", "surrogateescape"), payload)


def digest_of_erasure(decision_id: str) -> str:
    """What the chain covers of the entry that says a decision was erased."""
    return salted(b"", decision_id.encode("utf-8", "surrogateescape"))


class DecisionLog:
    """One worker's log and chain. Safe to call from several threads; one commit an append."""

    def __init__(self, database: Database, chain: Chain) -> None:
        self._database, self._chain = database, chain

    def append(self, records: Sequence[Record]) -> None:
        """Make the records durable in one commit; all of them or none.

        Raises LogUnavailable when they could not be written: then nothing may be answered. AlreadyDecided
        where the chain has an entry of one of these ids, LogRefused where it is not as it was left.
        """
        try:
            self._append(records)
        except LogUnavailable as error:
            if not isinstance(error, LogRefused) and (held := self._held_after_all(records)):
                raise AlreadyDecided(self._database.where, held) from error
            raise

    def _append(self, records: Sequence[Record]) -> None:
        with _writing(self._database.where), self._chain.appending() as appender:
            entries, rows = list[Entry](), list[tuple[object, ...]]()
            salts = secrets.token_bytes(16 * len(records))
            for seq, each in enumerate(records, appender.head.seq + 1):
                salt = salts[16 * len(rows) : 16 * len(rows) + 16]
                told = (each.decision_id, each.use_case, each.customer_id)
                entries.append(Entry(each.decision_id, each.at, digest_of(salt, *told, each.payload)))
                rows.append((self._chain.name, seq, *told, salt, each.payload))
            appender.add(entries)
            self._database.write(INSERT, rows)

    def erase(self, decision_id: str, at: str) -> None:
        """Remove all that a decision's row says, and say so in the chain; once, however often asked.

        Raises UnknownDecision when the chain has no such entry.
        """
        name = self._chain.name
        with _writing(self._database.where), self._chain.appending() as appender:
            found = self._database.ask(ENTRY, (name, decision_id))
            if not found or decision_id.startswith(ERASED):
                raise UnknownDecision(decision_id)
            if not self._database.ask(ENTRY, (name, ERASED + decision_id)):
                appender.add([Entry(ERASED + decision_id, at, digest_of_erasure(decision_id))])
            self._database.ask("DELETE FROM payloads WHERE chain = ? AND seq = ?", (name, found[0][0]))

    def says_erased(self, decision_id: str, at: str) -> None:
        """Add the entry that something was erased which has no entry of its own, but lies in a batch file."""
        if not self.holds(ERASED + decision_id):
            with _writing(self._database.where), self._chain.appending() as appender:
                appender.add([Entry(ERASED + decision_id, at, digest_of_erasure(decision_id))])

    def holds(self, decision_id: str) -> bool:
        """Whether the chain has an entry of that id."""
        return bool(self._database.ask(ENTRY, (self._chain.name, decision_id)))

    def held(self, decision_ids: Sequence[str]) -> set[str]:
        """Those of these ids of which the chain has an entry; LogUnavailable when that cannot be read."""
        found = set[str]()
        with _writing(self._database.where):
            for start in range(0, len(decision_ids), MOST_ASKED):
                some = decision_ids[start : start + MOST_ASKED]
                marks = ", ".join("?" * len(some))
                sql = f"SELECT id FROM chain WHERE chain = ? AND id IN ({marks})"  # noqa: S608  # only marks
                found |= {str(row[0]) for row in self._database.ask(sql, (self._chain.name, *some))}
        return found

    def _held_after_all(self, records: Sequence[Record]) -> set[str]:
        """Why they could not be written, where it was for their ids: an id twice, or one of the chain."""
        ids = [each.decision_id for each in records]
        twice = {each for each in ids if ids.count(each) > 1} if len(set(ids)) < len(ids) else set[str]()
        try:
            return twice or self.held(ids)
        except LogUnavailable:
            return twice

    @property
    def where(self) -> str:
        """The database, without a password."""
        return self._database.where

    def interrupt(self) -> None:
        """End what another thread waits for in the database: it gets an error."""
        self._database.interrupt()

    def close(self) -> None:
        """Close the database."""
        self._database.close()


@dataclass(frozen=True)
class DecisionLogs:
    """Where the logs of all workers lie: in `folder`, a file each, or in PostgreSQL where a URL is given.

    Batch files lie in the folder in any case; `heads` is the folder of the chains' heads.
    """

    folder: Path
    heads: Path
    url: str = field(default="", repr=False)
    schema: str = "bank_decisions"
    prefix: str = PREFIX

    @classmethod
    def of(cls, settings: Settings) -> "DecisionLogs":
        """Where these settings say."""
        return cls(settings.decisions, settings.heads, settings.database.get_secret_value())

    def open(self, worker: str, wait: float = WAIT_SECONDS) -> DecisionLog:
        """Open the worker's log, made when there is none; LogUnavailable when that cannot be.

        It waits so many seconds for what somebody else has locked.
        """
        path = self.folder / f"{worker}.db"
        with _writing("in PostgreSQL" if self.url else path):
            if not self.url:
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            is_new = not self.url and not path.exists()
            try:
                return self._opened(path, chain_of(worker, self.prefix), wait)
            except (DatabaseUnavailable, OSError):
                if is_new:  # a log without its tables would be taken for a damaged one
                    for left in self.folder.glob(f"{worker}.db*"):
                        left.unlink(missing_ok=True)
                raise

    def _opened(self, path: Path, name: str, wait: float) -> DecisionLog:
        database = open_database(path, self.url, self.schema, wait=wait)
        try:
            make_tables(database, SCHEMA, NEEDED)
            chain = Chain(database, name, Heads(self.heads, durable=False))
            chain.create()
        except BaseException:
            database.close()
            raise
        return DecisionLog(database, chain)

    @contextmanager
    def reading(self) -> Iterator[Iterator[tuple[str, Database]]]:
        """Each database that holds chains, open to be read: (the file's stem or "", the database)."""
        opened: list[Database] = []

        def each() -> Iterator[tuple[str, Database]]:
            if self.url:
                opened.append(Postgres(self.url, self.schema))
                yield "", opened[-1]
            else:
                for path in sorted(self.folder.glob("*.db")):
                    opened.append(Sqlite(path, read_only=True))
                    yield path.stem, opened[-1]

        try:
            yield each()
        finally:
            for database in opened:
                database.close()

    def find(self, decision_id: str) -> bytes:
        """The payload of one decision, from any worker's log; UnknownDecision when there is none."""
        with self.reading() as databases:
            for _, database in databases:
                for chain in chains(database):
                    for row in database.ask(ONE, (chain, decision_id)):
                        return bytes(row[0])
        raise UnknownDecision(decision_id)

    def knows(self, decision_id: str) -> bool:
        """Whether a worker's chain has an entry of that id, erased or not."""
        with self.reading() as databases:
            return any(
                database.ask(ENTRY, (chain, decision_id))
                for _, database in databases
                for chain in chains(database)
            )

    def payloads(self, use_case: str, newest: int) -> Iterator[bytes]:
        """The newest payloads of one use case, each worker's latest first."""
        with self.reading() as databases:
            for _, database in databases:
                for chain in chains(database):
                    for row in database.stream(NEWEST, (chain, use_case, newest)):
                        yield bytes(row[0])

    def ends(self) -> dict[str, int]:
        """The last entry of each worker's chain; batches, which lie in files, are left out."""
        with self.reading() as databases:
            return {
                chain: int(database.ask(LAST, (chain,))[0][0] or 0)
                for _, database in databases
                for chain in chains(database)
                if chain.startswith(PREFIX)
            }

    def between(self, use_case: str, after: Mapping[str, int], until: Mapping[str, int]) -> Iterator[bytes]:
        """The payloads of one use case behind the entries `after`, up to those of `until`, by chain."""
        with self.reading() as databases:
            for _, database in databases:
                for chain in set(chains(database)) & set(until):
                    span = (chain, after.get(chain, 0), until[chain], use_case)
                    for row in database.stream(SINCE, span):
                        yield bytes(row[0])


def chain_of(worker: str, prefix: str = PREFIX) -> str:
    """The name of a worker's chain.

    >>> chain_of("worker-1"), chain_of("batches")
    ('decisions-worker-1', 'batches')
    """
    return worker if worker == BATCHES else prefix + worker


@contextmanager
def _writing(where: Path | str) -> Iterator[None]:
    try:
        yield
    except LogUnavailable:
        raise
    except DatabaseUnavailable as error:
        raise LogUnavailable(where, error.problem) from error
    except (BrokenChain, BrokenHead) as error:
        raise LogRefused(where, str(error)) from error
    except OSError as error:
        raise LogUnavailable(where, str(error)) from error
