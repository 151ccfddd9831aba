"""Signed events in one chain: who asked for what, who approved it, what was switched, held, stopped.

The journal is the only state of governance; what holds now follows from reading it. Nothing is updated.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.database import Database, open_database
from crm_rules.errors import BrokenChain, NotHeld, UnknownPerson
from crm_rules.governance import keys
from crm_rules.governance.append_only import Appender, Verified
from crm_rules.governance.chain import canonical, digest
from crm_rules.governance.event_rows import EventRows, Row
from crm_rules.governance.heads import Head, Heads
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Role, moment

CHAIN = "governance"
TABLE = "events"
TRUE: set[str] = set()  # signatures that fit, by all that they were checked with
MOST_KNOWN = 50_000


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

    def row(self) -> Row:
        """Its row in a table of events."""
        body = canonical(dict(self.body)).decode()
        return self.kind, self.subject, self.by, str(self.role), self.at, body, self.signature


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

    def require_whole(self, trust: Trust) -> None:
        """BrokenChain names the first event that is not as it was written and signed, gone or put in."""
        problems = self._journal.verify().problems or [
            f"entry {event.seq} ({event.kind} {event.subject}) is not what '{event.by}' signed"
            for event in self._journal.events()
            if forged(event, trust)
        ]
        if problems:
            raise BrokenChain(CHAIN, f"is not as it was written: {problems[0]}")

    def append(self, event: Event) -> Event:
        """Record a signed event; ClockSetBack when it is older than what was recorded."""
        self._appender.require_clock(moment(event.at))
        return replace(event, seq=self._journal.rows.insert(event.row(), self._appender))


class Journal:
    """The events of one bank, in SQLite or PostgreSQL."""

    def __init__(self, database: Database, heads: Heads) -> None:
        self._database = database
        self.rows = EventRows(database, heads, CHAIN, TABLE)

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
        return [event_of(row, seq) for seq, row in self.rows.past()]

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Read, decide and append as the only writer; all of it or nothing. Durable when it ends."""
        with self.rows.appending() as appender:
            yield Writing(self, appender)

    def verify(self, trust: Trust | None = None, copies: tuple[Head, ...] = ()) -> Verified:
        """The chain, every content, and with `trust` every signature; each problem names its event."""
        return self.rows.verify(copies, None if trust is None else lambda row: doubt_of(row, trust))


def event_of(row: Row, seq: int) -> Event:
    """The event of a row; ValueError when it holds none."""
    kind, subject, by, role, at, body, signature = row
    return Event(kind, subject, by, Role(role), at, json.loads(body), signature, seq)


def doubt(event: Event, trust: Trust) -> str:
    """Why an event's signature, or the role it was given in, does not count; empty when both do."""
    try:
        at = moment(event.at)
        public = trust.signer(event.by, event.role, at).public_keys(at)
    except (UnknownPerson, NotHeld, ValueError) as error:
        return f"its signer does not count ({error})"
    return "" if _fits(event, public) else f"the signature of '{event.by}' does not fit it"


def forged(event: Event, trust: Trust) -> bool:
    """Whether no key its person ever had made the signature: somebody altered the row, or made it up."""
    try:
        return not _fits(event, [key.public_key for key in trust.person(event.by).keys])
    except UnknownPerson:
        return True


def _fits(event: Event, public_keys: Iterable[str]) -> bool:
    """Whether one of the keys signed the event; what was true once in this process is not computed again."""
    statement = event.statement()
    for public in public_keys:
        asked = digest(canonical([public, event.signature]) + statement)
        if asked in TRUE:
            return True
        if keys.verify(public, event.signature, statement):
            if len(TRUE) >= MOST_KNOWN:
                TRUE.clear()
            TRUE.add(asked)
            return True
    return False


def doubt_of(row: Row, trust: Trust) -> str:
    """The same of a row that may not even hold an event."""
    try:
        return doubt(event_of(row, 0), trust)
    except ValueError as error:
        return f"it is not well formed ({error})"
