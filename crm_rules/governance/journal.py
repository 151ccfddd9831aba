"""Signed events in one chain: who asked for what, who approved it, what was switched, held, stopped.

The journal is the only state of governance; what holds now follows from reading it. Nothing is updated.
"""

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.database import Database, open_database
from crm_rules.errors import BrokenChain, NotHeld, UnknownPerson
from crm_rules.governance import keys
from crm_rules.governance.append_only import Appender, Chain, Entry, Verified, walk
from crm_rules.governance.chain import canonical, salted
from crm_rules.governance.heads import Head, Heads
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Role, moment

CHAIN = "governance"
SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, person TEXT NOT NULL,
  role TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL, signature TEXT NOT NULL, salt BLOB NOT NULL);
"""
COLUMNS = "seq, kind, subject, person, role, at, body, signature"
PAST = f"SELECT {COLUMNS} FROM events ORDER BY seq"  # noqa: S608  # no value is put in
INSERT = f"INSERT INTO events ({COLUMNS}, salt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # the same
CHAINED = (
    "SELECT c.seq, c.id, c.at, c.digest, c.link, e.kind, e.subject, e.person, e.role, e.at, e.body,"
    " e.signature, e.salt FROM chain c LEFT JOIN events e ON e.seq = c.seq WHERE c.chain = ? ORDER BY c.seq"
)
UNCHAINED = (
    "SELECT e.seq FROM events e LEFT JOIN chain c ON c.seq = e.seq AND c.chain = ? WHERE c.seq IS NULL"
)


@dataclass(frozen=True)
class Event:
    """Something a person did in a role; `at` is ISO 8601 with its offset, `seq` its place in the journal."""

    kind: str
    subject: str
    by: str
    role: Role
    at: str
    body: Mapping[str, object] = field(default_factory=dict)
    signature: str = ""
    seq: int = 0

    def statement(self) -> bytes:
        """What the person's signature covers."""
        told = {
            "kind": self.kind,
            "subject": self.subject,
            "by": self.by,
            "role": str(self.role),
            "at": self.at,
        }
        return canonical({**told, "body": dict(self.body)})

    def fields(self) -> tuple[bytes, ...]:
        """What the chain's digest covers: every column of its row."""
        text = (self.kind, self.subject, self.by, str(self.role), self.at)
        return (*(each.encode() for each in text), canonical(dict(self.body)), self.signature.encode())


def signed(
    kind: str,
    subject: str,
    by: str,
    role: Role,
    at: datetime,
    body: Mapping[str, object],
    key: Ed25519PrivateKey,
) -> Event:
    """An event with its person's signature, ready to be appended."""
    event = Event(kind, subject, by, role, at.isoformat(), body)
    return Event(kind, subject, by, role, event.at, body, keys.sign(key, event.statement()))


class Writing:
    """The journal while its only writer reads and appends; made by `Journal.writing`."""

    def __init__(self, journal: "Journal", appender: Appender) -> None:
        self._journal, self._appender = journal, appender

    def events(self) -> list[Event]:
        """All that happened before."""
        return self._journal.events()

    def require_clock(self, now: datetime) -> None:
        """ClockSetBack when `now` is before what was recorded."""
        self._appender.require_clock(now)

    def require_intact(self) -> None:
        """BrokenChain when an event was changed, removed or put in by hand: nothing follows from it."""
        if found := self._journal.verify().problems:
            raise BrokenChain(CHAIN, f"was edited by hand ({found[0]})")

    def append(self, event: Event) -> Event:
        """Record a signed event; ClockSetBack when it is older than what was recorded."""
        self._appender.require_clock(moment(event.at))
        numbered = Event(
            event.kind, event.subject, event.by, event.role, event.at, event.body, event.signature,
            self._appender.head.seq + 1,
        )  # fmt: skip
        self._journal.insert(numbered, self._appender)
        return numbered


class Journal:
    """The events of one bank, in SQLite or PostgreSQL."""

    def __init__(self, database: Database, heads: Heads) -> None:
        self._database, self._heads = database, heads
        self._chain = Chain(database, CHAIN, heads)
        database.create(SCHEMA)
        self._chain.create()

    @staticmethod
    def open(path: Path, url: str, heads: Path) -> "Journal":
        """Open or create it: a file at `path`, or PostgreSQL at `url`; heads lie in the folder `heads`."""
        return Journal(open_database(path, url), Heads(heads))

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def events(self) -> list[Event]:
        """Every event, oldest first."""
        return [_event(row) for row in self._database.ask(PAST)]

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Read, decide and append as the only writer; all of it or nothing. Durable when it ends."""
        with self._chain.appending() as appender:
            yield Writing(self, appender)

    def insert(self, event: Event, appender: Appender) -> None:
        """Write the row of an event and its entry of the chain; the caller holds the transaction."""
        salt = secrets.token_bytes(16)
        body = canonical(dict(event.body)).decode()
        row = (event.seq, event.kind, event.subject, event.by, str(event.role), event.at, body,
               event.signature, salt)  # fmt: skip
        self._database.write(INSERT, [row])
        appender.add([Entry(str(event.seq), event.at, salted(salt, *event.fields()))])

    def verify(self, trust: Trust | None = None, copies: tuple[Head, ...] = ()) -> Verified:
        """The chain, every content, and with `trust` every signature; each problem names its event."""
        forged: list[str] = []
        heads = (self._heads.read(CHAIN), *copies)
        found = walk(CHAIN, self._checked(trust, forged), heads, self._heads.known(CHAIN))
        loose = [
            f"{CHAIN} event {row[0]}: it is in no chain" for row in self._database.ask(UNCHAINED, (CHAIN,))
        ]
        return Verified(found.entries, 0, (*found.problems, *loose, *forged))

    def _checked(
        self, trust: Trust | None, forged: list[str]
    ) -> Iterator[tuple[int, str, str, bytes, bytes, str | None]]:
        for seq, name, at, told, link, *row in self._database.stream(CHAINED, (CHAIN,)):
            if row[0] is None:
                yield seq, name, at, told, link, "gone"
                continue
            content = [str(each).encode() for each in row[:-1]]
            yield seq, name, at, told, link, salted(bytes(row[-1]), *content)
            if trust is not None and (why := _forged(row, trust)):
                forged.append(f"{CHAIN} entry {seq} ({row[0]} {row[1]}): {why}")


def _event(row: tuple[object, ...]) -> Event:
    seq, kind, subject, person, role, at, body, signature = row
    return Event(str(kind), str(subject), str(person), Role(str(role)), str(at), json.loads(str(body)),
                 str(signature), int(str(seq)))  # fmt: skip


def _forged(row: list[object], trust: Trust) -> str:
    """Why an event's signature does not count; empty when it does."""
    try:
        event = _event((0, *row[:-1]))
        at = moment(event.at)
        public = trust.signer(event.by, event.role, at).public_keys(at)
    except (UnknownPerson, NotHeld, ValueError) as error:
        return f"its signer does not count ({error})"
    fits = keys.verify_any(public, event.signature, event.statement())
    return "" if fits else f"the signature of '{event.by}' does not fit it"
