"""Idempotency keys: the same key and body is the same decision, from whichever worker and after a crash.

A key is kept as a digest of caller, route and key, with the id its decision has, before anything is decided.
Who reserved it holds it until its decision is in the log or failed, or until its process ends: a lock on a
file of its own tells who lives. So no two workers decide the same thing, and a retry settles what a crash
left.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from crm_rules.database import Database, make_tables
from crm_rules.errors import DatabaseUnavailable
from crm_rules.governance.chain import salted

PLACE = "bank_keys"  # the schema in PostgreSQL
LEASE = timedelta(seconds=60)  # how long a holder counts as living whose file is on another machine
MOST_ASKED = 500  # keys in one query
NOBODY = ""
SCHEMA = """
CREATE TABLE IF NOT EXISTS answered_keys (
  digest TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL, decision_id TEXT NOT NULL, at TEXT NOT NULL,
  holder TEXT NOT NULL, held_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS answered_keys_at ON answered_keys (at);
"""
NEEDED = {"answered_keys": "digest, body, decision_id, at, holder, held_at"}
INSERT = (
    "INSERT INTO answered_keys (digest, body, decision_id, at, holder, held_at) VALUES (?, ?, ?, ?, ?, ?)"
)
TAKE = "UPDATE answered_keys SET holder = ?, held_at = ? WHERE digest = ?"
RELEASE = f"UPDATE answered_keys SET holder = '{NOBODY}' WHERE decision_id = ? AND holder = ?"  # noqa: S608  # a constant
FORGET = "DELETE FROM answered_keys WHERE at < ?"


@dataclass(frozen=True)
class Keyed:
    """A question with a key: who asks where, the key, the digest of the body, the id a new decision gets."""

    caller: str
    route: str
    key: str
    body_digest: str
    new_id: str

    @property
    def digest(self) -> str:
        """What is kept instead of caller, route and key."""
        return salted(b"", self.caller.encode(), self.route.encode(), self.key.encode())

    @property
    def body(self) -> str:
        """What is kept instead of the body; it is no digest of the body alone, which could be guessed."""
        return salted(self.digest.encode(), self.body_digest.encode())


@dataclass(frozen=True)
class Reserved:
    """The key is new; its decision has this id."""

    decision_id: str


@dataclass(frozen=True)
class Known:
    """The same question came earlier, `since` then (ISO 8601), and its decision has this id.

    Where the log has no such decision, it is made now under this id, unless somebody is `busy` making it.
    """

    decision_id: str
    since: str
    busy: bool = False


@dataclass(frozen=True)
class Clash:
    """The key was used for another body."""

    since: str


Answer = Reserved | Known | Clash


@dataclass
class _Row:
    """What is kept of a key."""

    body: str
    decision_id: str
    at: str
    holder: str
    held_at: str


class Holder:
    """A living process, as others see it: it locks a file of its own in a folder they all see."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name, self._folder = name, folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._descriptor = os.open(self._path(name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def lives(self, name: str) -> bool | None:
        """Whether another holder lives; None where it has no file here."""
        try:
            descriptor = os.open(self._path(name), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def clear(self, before: datetime) -> None:
        """Remove the files of holders that began before a moment and have ended."""
        for path in self._folder.glob("*.lock"):
            with suppress(FileNotFoundError):  # another worker clears at the same moment
                if path.stat().st_mtime < before.timestamp() and self.lives(path.stem) is False:
                    path.unlink()

    def close(self) -> None:
        """End; the file stays, and tells that the holder does not live."""
        os.close(self._descriptor)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.lock"


class IdempotencyKeys:
    """The keys of all workers in one database. Called by one thread; `settled` may come from another.

    `holder` is this process, under a name no other process has.
    """

    def __init__(self, database: Database, holder: Holder) -> None:
        self._database, self._holder = database, holder
        self._open: dict[str, datetime] = {}
        make_tables(database, SCHEMA, NEEDED)

    def reserve(self, asked: Sequence[Keyed], at: str) -> list[Answer]:
        """What became of each key, in order; all new ones are durable in one commit.

        `at` is ISO 8601. DatabaseUnavailable, and nothing is reserved, when that cannot be.
        """
        moment, mine = datetime.fromisoformat(at), set[str]()
        with self._database.transaction():
            there = self._there({each.digest for each in asked})
            answers = [self._answer(each, there, mine, moment) for each in asked]
        self._open |= dict.fromkeys(mine, moment)
        return answers

    def settled(self, decision_ids: Iterable[str], kept: bool = True) -> None:
        """Say that these are in the log, or, not `kept`, that they failed: whoever asks again may decide."""
        for decision_id in (ids := tuple(decision_ids)):
            self._open.pop(decision_id, None)
        if kept or not ids:
            return
        try:
            with self._database.transaction():
                self._database.write(RELEASE, [(each, self._holder.name) for each in ids])
        except DatabaseUnavailable:
            pass  # this process remembers, and others see when it ends

    def forget(self, before: datetime, now: datetime) -> None:
        """Free the keys that came before a moment."""
        with self._database.transaction():
            self._database.ask(FORGET, (before.isoformat(),))
        self._open = {each: since for each, since in list(self._open.items()) if now - since < LEASE}
        self._holder.clear(before)

    def close(self) -> None:
        """Close the database, and hold nothing any more."""
        self._database.close()
        self._holder.close()

    def _answer(self, asked: Keyed, there: dict[str, _Row], mine: set[str], now: datetime) -> Answer:
        digest, holder = asked.digest, self._holder.name
        if (row := there.get(digest)) is None:
            row = _Row(asked.body, asked.new_id, now.isoformat(), holder, now.isoformat())
            self._database.write(INSERT, [(digest, *vars(row).values())])
            there[digest] = row
            mine.add(row.decision_id)
            return Reserved(row.decision_id)
        if row.body != asked.body:
            return Clash(row.at)
        if row.decision_id in mine or self._busy(row, now):
            return Known(row.decision_id, row.at, busy=True)
        if row.holder != holder:
            self._database.write(TAKE, [(holder, now.isoformat(), digest)])
            row.holder = holder
        mine.add(row.decision_id)
        return Known(row.decision_id, row.at)

    def _busy(self, row: _Row, now: datetime) -> bool:
        """Whether somebody else may be deciding this, or this process is."""
        if row.holder == self._holder.name:
            return now - self._open.get(row.decision_id, now - LEASE) < LEASE
        lives = row.holder != NOBODY and self._holder.lives(row.holder)
        return now - datetime.fromisoformat(row.held_at) < LEASE if lives is None else lives

    def _there(self, digests: set[str]) -> dict[str, _Row]:
        found: dict[str, _Row] = {}
        names = sorted(digests)
        for start in range(0, len(names), MOST_ASKED):
            some = names[start : start + MOST_ASKED]
            marks = ", ".join("?" * len(some))
            sql = (
                "SELECT digest, body, decision_id, at, holder, held_at FROM answered_keys"  # noqa: S608  # only marks
                f" WHERE digest IN ({marks})"
            )
            found |= {str(digest): _Row(*map(str, row)) for digest, *row in self._database.ask(sql, some)}
        return found


def id_in_batch(base: str, index: int) -> str:
    """The decision's id of one row of a batch with a key, by the id reserved for the batch.

    >>> id_in_batch("a", 0) != id_in_batch("a", 1), len(id_in_batch("a", 0))
    (True, 32)
    """
    return hashlib.sha256(f"{base}|{index}".encode()).hexdigest()[:32]
