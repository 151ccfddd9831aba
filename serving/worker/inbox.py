"""The inbox: events that are durable before they are answered, in one order, until the writer has them.

Many workers put events in, each committing what waits together; one writer takes them out in the order
of their numbers. Each event is known to the bank since a moment of its own, a later one since a later
moment. An event that says again what was said last under its key is told as repeated, not put in twice.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import islice

from crm_rules.database import Database, make_tables
from crm_rules.errors import Conflict, DatabaseUnavailable
from crm_rules.loyalty.journal import microseconds, moment
from feature_repo.live.events import Event
from serving.errors import InboxFull

PLACE = "bank_inbox"  # the schema in PostgreSQL
MOST_WAITING = 100_000  # events that nobody has taken
KEPT = timedelta(days=7)  # how long a repetition is told as one
KEPT_ASIDE = timedelta(days=30)  # how long a refused event can be looked at
AT_ONCE = 400  # keys in one query
SCHEMA = """
CREATE TABLE IF NOT EXISTS inbox_events (
  number INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, caller TEXT NOT NULL, request_id TEXT NOT NULL,
  event BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS inbox_known (
  event_key BLOB NOT NULL PRIMARY KEY, content BLOB NOT NULL, number INTEGER NOT NULL,
  at_us INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS inbox_known_by_age ON inbox_known (at_us);
CREATE TABLE IF NOT EXISTS inbox_requests (
  request_key BLOB NOT NULL PRIMARY KEY, body BLOB NOT NULL, numbers TEXT NOT NULL, at_us INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS inbox_refused (
  number INTEGER NOT NULL PRIMARY KEY, at_us INTEGER NOT NULL, caller TEXT NOT NULL, request_id TEXT NOT NULL,
  event BLOB NOT NULL, field TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS inbox_given (id TEXT NOT NULL, number INTEGER NOT NULL, at_us INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS inbox_taken (number INTEGER NOT NULL, seen_us INTEGER NOT NULL);
"""
NEEDED = {"inbox_events": "number, at_us, caller, request_id, event", "inbox_given": "id, number, at_us"}
PUT = "INSERT INTO inbox_events (number, at_us, caller, request_id, event) VALUES (?, ?, ?, ?, ?)"
KNOW = (
    "INSERT INTO inbox_known (event_key, content, number, at_us) VALUES (?, ?, ?, ?) ON CONFLICT (event_key)"
    " DO UPDATE SET content = excluded.content, number = excluded.number, at_us = excluded.at_us"
)
REMEMBER = "INSERT INTO inbox_requests (request_key, body, numbers, at_us) VALUES (?, ?, ?, ?)"
GIVE = "UPDATE inbox_given SET number = ?, at_us = ?"
SEE = "UPDATE inbox_taken SET number = ?, seen_us = ?"
SET_ASIDE = (
    "INSERT INTO inbox_refused (number, at_us, caller, request_id, event, field, reason)"
    " SELECT number, at_us, caller, request_id, event, CAST(? AS TEXT), CAST(? AS TEXT)"
    " FROM inbox_events WHERE number = ? ON CONFLICT (number) DO NOTHING"
)
ASIDE = (
    "SELECT number, at_us, caller, request_id, field, reason FROM inbox_refused ORDER BY number DESC LIMIT ?"
)
OLDEST = "SELECT at_us FROM inbox_events WHERE number > ? ORDER BY number LIMIT 1"
AFTER = "SELECT number, at_us, event FROM inbox_events WHERE number > ? ORDER BY number LIMIT ?"


@dataclass(frozen=True)
class Sent:
    """Events of one request; with a `key` the same `body` of a caller is taken once, whatever came since."""

    events: Sequence[Event]
    caller: str
    request_id: str
    key: str = ""
    body: bytes = b""


@dataclass(frozen=True)
class Given:
    """What became of an event: its number in the inbox, and whether it was there already."""

    number: int
    repeated: bool


@dataclass(frozen=True)
class Waiting:
    """An event in the inbox, as the writer takes it."""

    number: int
    at: datetime
    text: bytes


@dataclass(frozen=True)
class SetAside:
    """An event that the writer could not take: its number, the column and the reason, never the value."""

    number: int
    field: str
    reason: str


@dataclass(frozen=True)
class Standing:
    """How many events wait and since when, how many were set aside, when a writer was last seen."""

    waiting: int
    oldest: datetime | None
    set_aside: int
    seen: datetime | None


@dataclass
class _Turn:
    """A request that waits for its commit."""

    sent: Sent
    given: dict[int, Given] = field(default_factory=dict)
    error: Exception | None = None
    done: bool = False


class Inbox:
    """The inbox of one bank, in SQLite or PostgreSQL. Safe to call from several threads and processes."""

    def __init__(
        self, database: Database, new_id: Callable[[], str], most_waiting: int = MOST_WAITING
    ) -> None:
        self._db, self._most = database, most_waiting
        self._turns: list[_Turn] = []
        self._queue, self._writing = threading.Lock(), threading.Lock()
        make_tables(database, SCHEMA, NEEDED)
        if not database.ask("SELECT id FROM inbox_given"):
            with database.transaction():
                if not database.ask("SELECT id FROM inbox_given"):  # nobody was faster
                    database.write("INSERT INTO inbox_given VALUES (?, ?, ?)", [(new_id(), 0, 0)])
                    database.write("INSERT INTO inbox_taken VALUES (?, ?)", [(0, 0)])
        self.id = str(database.ask("SELECT id FROM inbox_given")[0][0])

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    # -- putting in ------------------------------------------------------------------------------

    def put(self, sent: Sent, now: datetime) -> dict[int, Given]:
        """Put the events in, by their lines; durable on return, with all that wait at this moment.

        InboxFull when the writer is too far behind, Conflict when the key came with another body,
        DatabaseUnavailable: nothing of this request is in then.
        """
        turn = _Turn(sent)
        with self._queue:
            self._turns.append(turn)
        with self._writing:
            if not turn.done:  # whoever had the turn before may have taken this along
                with self._queue:
                    turns, self._turns = self._turns, []
                self._commit(turns, microseconds(now))
        if turn.error:
            raise turn.error
        return turn.given

    def _commit(self, turns: Sequence[_Turn], now_us: int) -> None:
        try:
            with self._db.transaction():
                draft = _Draft(self._db, now_us, self._most, turns)
                for turn in turns:
                    draft.add(turn)
                draft.write()
        except Exception as error:  # noqa: BLE001  # told to each that waits, by its own thread
            for turn in turns:
                turn.error = error
        for turn in turns:
            turn.done = True

    # -- taking out ------------------------------------------------------------------------------

    def after(self, number: int, most: int) -> list[Waiting]:
        """The next events after that number, in order."""
        found = self._db.ask(AFTER, (number, most))
        return [Waiting(number, moment(at_us), bytes(text)) for number, at_us, text in found]

    def saw(self, number: int, now: datetime) -> None:
        """The writer is alive and has taken the events up to that number."""
        with self._db.transaction():
            self._db.write(SEE, [(number, microseconds(now))])

    def set_aside(self, refused: Sequence[SetAside]) -> None:
        """Keep refused events for people to look at; sent again, they are new."""
        with self._db.transaction():
            self._db.write(SET_ASIDE, [(one.field, one.reason, one.number) for one in refused])
            self._db.write("DELETE FROM inbox_known WHERE number = ?", [(one.number,) for one in refused])

    def aside(self, most: int) -> list[tuple[SetAside, datetime, str, str]]:
        """The refused events, last ones first: when they came, from which app, in which request."""
        return [
            (SetAside(number, column, reason), moment(at_us), caller, request_id)
            for number, at_us, caller, request_id, column, reason in self._db.ask(ASIDE, (most,))
        ]

    def forget(self, landed: int, now: datetime) -> None:
        """Delete the events that are among the raw tables' files, and what is too old to be repeated."""
        old = microseconds(now - KEPT)
        with self._db.transaction():
            self._db.ask("DELETE FROM inbox_events WHERE number <= ?", (landed,))
            self._db.ask("DELETE FROM inbox_known WHERE at_us < ?", (old,))
            self._db.ask("DELETE FROM inbox_requests WHERE at_us < ?", (old,))
            self._db.ask("DELETE FROM inbox_refused WHERE at_us < ?", (microseconds(now - KEPT_ASIDE),))

    def standing(self) -> Standing:
        """How far the writer is."""
        [(given,)] = self._db.ask("SELECT number FROM inbox_given")
        [(taken, seen_us)] = self._db.ask("SELECT number, seen_us FROM inbox_taken")
        [(refused,)] = self._db.ask("SELECT COUNT(*) FROM inbox_refused")
        oldest = self._db.ask(OLDEST, (taken,))
        return Standing(
            max(0, given - taken), moment(oldest[0][0]) if oldest else None, refused,
            moment(seen_us) if seen_us else None,
        )  # fmt: skip

    def told(self, now: datetime) -> dict[str, object]:
        """The same as /v1/status tells it; a database that cannot be read is told, not raised."""
        try:
            found = self.standing()
        except DatabaseUnavailable:
            return {"problem": "the inbox cannot be read"}
        lag = max(0.0, (now - found.oldest).total_seconds()) if found.oldest else 0.0
        seen = found.seen.isoformat() if found.seen else None
        return {
            "waiting": found.waiting, "lag_s": round(lag, 3), "set_aside": found.set_aside,
            "writer_seen_at": seen,
        }  # fmt: skip


class _Draft:
    """What one commit adds."""

    def __init__(self, database: Database, now_us: int, most: int, turns: Sequence[_Turn]) -> None:
        self._db, self._most = database, most
        [(self._number, last_us)] = database.ask("SELECT number, at_us FROM inbox_given")
        [(self._taken,)] = database.ask("SELECT number FROM inbox_taken")
        self._at_us = max(now_us, last_us + 1)
        keys = {_digest(*event.key) for turn in turns for event in turn.sent.events}
        self._known = _known(database, keys)
        self._events: list[tuple[object, ...]] = []
        self._news: dict[bytes, tuple[bytes, int, int]] = {}
        self._requests: dict[bytes, tuple[bytes, str]] = {}

    def add(self, turn: _Turn) -> None:
        sent = turn.sent
        request = _digest(sent.caller, sent.key) if sent.key else b""
        if request and (before := self._before(request)):
            body, numbers = before
            if body == _digest(sent.body):
                turn.given = {int(line): Given(number, True) for line, number in numbers.items()}
            else:
                turn.error = Conflict(sent.key)
            return
        if self._number - self._taken + len(sent.events) > self._most:
            turn.error = InboxFull(self._number - self._taken)
            return
        turn.given = {event.line: self._put(event, sent) for event in sent.events}
        if request:
            told = json.dumps({line: given.number for line, given in turn.given.items()})
            self._requests[request] = _digest(sent.body), told

    def _put(self, event: Event, sent: Sent) -> Given:
        key, text = _digest(*event.key), event.text()
        content = blake2b(text, digest_size=16).digest()
        known = self._known.get(key)
        if known and known[0] == content:
            return Given(known[1], True)
        self._number, self._at_us = self._number + 1, self._at_us + 1
        self._events.append((self._number, self._at_us, sent.caller, sent.request_id, text))
        self._known[key] = content, self._number
        self._news[key] = content, self._number, self._at_us
        return Given(self._number, False)

    def _before(self, request: bytes) -> tuple[bytes, Mapping[str, int]] | None:
        if request in self._requests:
            body, told = self._requests[request]
            return body, json.loads(told)
        found = self._db.ask("SELECT body, numbers FROM inbox_requests WHERE request_key = ?", (request,))
        return (bytes(found[0][0]), json.loads(found[0][1])) if found else None

    def write(self) -> None:
        if not (self._events or self._requests):
            return
        self._db.write(REMEMBER, [(key, *told, self._at_us) for key, told in self._requests.items()])
        self._db.write(PUT, self._events)
        self._db.write(KNOW, [(key, *news) for key, news in self._news.items()])
        self._db.write(GIVE, [(self._number, self._at_us)])


def _known(database: Database, keys: set[bytes]) -> dict[bytes, tuple[bytes, int]]:
    """What was said last under these keys, and its number."""
    found, remaining = dict[bytes, tuple[bytes, int]](), iter(keys)
    while some := list(islice(remaining, AT_ONCE)):
        marks = ", ".join("?" * len(some))
        sql = f"SELECT event_key, content, number FROM inbox_known WHERE event_key IN ({marks})"  # noqa: S608 -- marks only
        found |= {bytes(key): (bytes(content), number) for key, content, number in database.ask(sql, some)}
    return found


def _digest(*parts: str | bytes) -> bytes:
    """Sixteen bytes that stand for these parts."""
    whole = blake2b(digest_size=16)
    for part in parts:
        raw = part if isinstance(part, bytes) else part.encode()
        whole.update(len(raw).to_bytes(8, "big") + raw)
    return whole.digest()
