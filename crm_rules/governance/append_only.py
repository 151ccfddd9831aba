"""An append-only hash chain in a database, its head in a file outside: promotion, people, ledger, decisions.

The chain covers salted digests of what its user keeps in tables of its own. Appending is one transaction
with the user's own rows; once it is durable the head moves on, and only then is anything acknowledged.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from crm_rules.database import Database
from crm_rules.errors import BrokenChain, ClockSetBack
from crm_rules.governance.chain import GENESIS, link
from crm_rules.governance.heads import Head, Heads

SCHEMA = """
CREATE TABLE IF NOT EXISTS chain (
  chain TEXT NOT NULL, seq INTEGER NOT NULL, id TEXT NOT NULL, at TEXT NOT NULL,
  digest BLOB NOT NULL, link BLOB NOT NULL, PRIMARY KEY (chain, seq), UNIQUE (chain, id)) WITHOUT ROWID;
"""
NEWEST = "SELECT seq, at, link FROM chain WHERE chain = ? ORDER BY seq DESC LIMIT 1"
ONE = "SELECT link FROM chain WHERE chain = ? AND seq = ?"
INSERT = "INSERT INTO chain (chain, seq, id, at, digest, link) VALUES (?, ?, ?, ?, ?, ?)"
# Every name by a step in the index each, however many entries a chain has.
NAMES = """
WITH RECURSIVE names (chain) AS (
  SELECT MIN(chain) FROM chain
  UNION ALL SELECT (SELECT MIN(c.chain) FROM chain c WHERE c.chain > names.chain) FROM names
  WHERE names.chain IS NOT NULL)
SELECT chain FROM names WHERE chain IS NOT NULL
"""
GONE = ""  # instead of a content's digest: it is not there, and nothing says that it was erased
CLOCKS_DIFFER = timedelta(minutes=2)  # between machines that keep their time
MOST_PROBLEMS = 1_000
MOST_GUESSES = 3  # links a broken chain may go on from: the one stored, those that should be there


@dataclass(frozen=True)
class Entry:
    """What the chain holds of one thing: its id, unique in the chain; when (ISO 8601); its salted digest."""

    id: str
    at: str
    digest: str


@dataclass(frozen=True)
class Verified:
    """What a check found. `erased` counts entries whose content is gone on purpose; problems name the row."""

    entries: int
    erased: int = 0
    problems: tuple[str, ...] = field(default=())

    @property
    def intact(self) -> bool:
        """Whether nothing was altered, removed or cut."""
        return not self.problems


class Appender:
    """Adds entries within one transaction; made by `Chain.appending`."""

    def __init__(self, database: Database, chain: str, head: Head, newest: str | None) -> None:
        self._database, self._chain, self.head, self._newest = database, chain, head, newest

    def add(self, entries: Sequence[Entry]) -> None:
        """Link these entries behind the last one."""
        rows, seq, head = [], self.head.seq, self.head.link
        for entry in entries:
            seq, head = seq + 1, link(head, seq + 1, entry.id, entry.at, entry.digest)
            rows.append(
                (self._chain, seq, entry.id, entry.at, bytes.fromhex(entry.digest), bytes.fromhex(head))
            )
        self._database.write(INSERT, rows)
        self.head = Head(seq, head)

    def require_clock(self, now: datetime) -> None:
        """ClockSetBack when the last entry lies in the future of `now`: order and time must not part."""
        if self._newest and now < datetime.fromisoformat(self._newest) - CLOCKS_DIFFER:
            raise ClockSetBack(self._chain, now.isoformat(), self._newest)


class Chain:
    """One chain of a database. `create` its tables once; a name is letters, digits, `-` and `_`."""

    def __init__(self, database: Database, name: str, heads: Heads) -> None:
        self._database, self.name, self._heads = database, name, heads

    def create(self) -> None:
        """Make the table, and the head of a chain that begins."""
        self._database.create(SCHEMA)
        with self._heads.turn(self.name):
            if not self._heads.known(self.name) and not self._database.ask(NEWEST, (self.name,)):
                self._heads.write(self.name, Head())

    @contextmanager
    def appending(self) -> Iterator[Appender]:
        """One transaction of the database as the chain's only writer; durable and anchored when it ends.

        BrokenChain, and nothing is written, when the chain is not the one its head says.
        """
        with self._heads.turn(self.name):
            with self._database.transaction():
                appender = self._appender()
                yield appender
            self._heads.write(self.name, appender.head)

    def _appender(self) -> Appender:
        newest = self._database.ask(NEWEST, (self.name,))
        seq, at, last = newest[0] if newest else (0, None, bytes.fromhex(GENESIS))
        anchored = self._heads.read(self.name)
        if seq < anchored.seq:
            raise BrokenChain(self.name, f"ends at entry {seq}, but entry {anchored.seq} was anchored")
        if seq and not self._heads.known(self.name):
            raise BrokenChain(self.name, f"has {seq} entries, but no head in {self._heads.folder}")
        there = bytes(last).hex() if seq == anchored.seq else self._link_of(anchored.seq)
        if anchored.seq and there != anchored.link:
            raise BrokenChain(self.name, f"has another entry {anchored.seq} than the one that was anchored")
        return Appender(self._database, self.name, Head(seq, bytes(last).hex()), at)

    def _link_of(self, seq: int) -> str:
        found = self._database.ask(ONE, (self.name, seq))
        return bytes(found[0][0]).hex() if found else ""


def chains(database: Database) -> tuple[str, ...]:
    """The names of the chains in a database."""
    return tuple(str(row[0]) for row in database.ask(NAMES)) if database.has("chain") else ()


Linked = tuple[int, str, str, bytes, bytes, str | None]
TYPES = (int, str, str, bytes, bytes)


def walk(chain: str, rows: Iterable[Linked], heads: Sequence[Head], known: bool = True) -> Verified:
    """Recompute a chain row by row: (seq, id, at, digest, link, digest of the content found).

    Instead of the content's digest, None says that it was erased on purpose, GONE that it is not there.
    `heads` are those anchored, here or in copies; `known` is whether there is any. Each problem names its
    row. Memory does not grow with the rows.
    """
    walker = Walker(chain, heads)
    for row in rows:
        walker.take(*row)
    walker.end(known)
    return Verified(walker.entries, walker.erased, tuple(walker.problems))


class Walker:
    """A walk under way: it knows the entry before and the heads not yet met. It begins after `start`."""

    def __init__(self, chain: str, heads: Sequence[Head], start: Head | None = None) -> None:
        start = start or Head()
        self.chain, self._anchored = chain, {head.seq: head.link for head in heads if head.seq > start.seq}
        self.entries = self.erased = self._more = 0
        self.problems: list[str] = []
        self._seq, self._before = start.seq, [start.link]

    def take(self, seq: int, name: str, at: str, digest: bytes, stored: bytes, content: str | None) -> None:
        """The next entry, as in `Linked`."""
        if tuple(map(type, (seq, name, at, digest, stored))) != TYPES:
            self._say(f"{self.chain} entry {seq!r} ({name!r}): its row holds values of another type")
            return
        told, kept = digest.hex(), stored.hex()
        follows = [link(before, seq, name, at, told) for before in self._before]
        if seq != self._seq + 1:
            self._say_of(seq, name, f"entries {self._seq + 1} to {seq - 1} are missing")
        elif kept not in follows:
            self._say_of(seq, name, "it does not follow from the entry before")
        if content is not None and content != told:
            self._say_of(seq, name, "its content is gone" if content == GONE else "its content was altered")
        if seq in self._anchored and self._anchored.pop(seq) != kept:
            self._say_of(seq, name, "another entry was anchored here")
        self._seq, self._before = seq, [kept] if kept in follows else [kept, *follows][:MOST_GUESSES]
        self.entries, self.erased = self.entries + 1, self.erased + (content is None)

    @property
    def found(self) -> int:
        """How many problems there are so far."""
        return len(self.problems) + self._more

    def end(self, known: bool) -> None:
        """Say what should have come, and did not."""
        for seq in sorted(self._anchored):
            self._say(f"{self.chain} entry {seq}: it was anchored and is gone, the chain ends at {self._seq}")
        if self.entries and not known:
            self._say(f"{self.chain}: it has {self.entries} entries, but no head is kept of it")
        if self._more:
            self.problems.append(f"{self.chain}: and {self._more:,} problems more")

    def _say_of(self, seq: int, name: str, problem: str) -> None:
        self._say(f"{self.chain} entry {seq} ({name.encode(errors='replace').decode()}): {problem}")

    def _say(self, problem: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        else:
            self._more += 1
