"""Rows of what happened, each with its entry in one chain: the journal of governance, the cases.

A row is kind, subject, person, role, at, body, signature, all of them text; `body` is canonical JSON. Nothing
is updated. What the rows mean is said by who keeps them.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from crm_rules.database import Database
from crm_rules.governance.append_only import GONE, Appender, Chain, Entry, Linked, Verified, walk
from crm_rules.governance.chain import salted
from crm_rules.governance.heads import Head, Heads

Row = tuple[str, str, str, str, str, str, str]
COLUMNS = "kind, subject, person, role, at, body, signature"
SCHEMA = """
CREATE TABLE IF NOT EXISTS {table} (
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, person TEXT NOT NULL,
  role TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL, signature TEXT NOT NULL, salt BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS {table}_of_subject ON {table} (subject, seq);
"""
PAST = "SELECT seq, {columns} FROM {table} ORDER BY seq"
OF_SUBJECT = "SELECT seq, {columns} FROM {table} WHERE subject = ? ORDER BY seq"
INSERT = "INSERT INTO {table} (seq, {columns}, salt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
CHAINED = (
    "SELECT c.seq, c.id, c.at, c.digest, c.link, e.kind, e.subject, e.person, e.role, e.at, e.body,"
    " e.signature, e.salt FROM chain c LEFT JOIN {table} e ON e.seq = c.seq WHERE c.chain = ? ORDER BY c.seq"
)
UNCHAINED = (
    "SELECT e.seq FROM {table} e LEFT JOIN chain c ON c.seq = e.seq AND c.chain = ? WHERE c.seq IS NULL"
)


class EventRows:
    """One table of a database with its chain; `table` is a name written in our code."""

    def __init__(self, database: Database, heads: Heads, chain: str, table: str) -> None:
        self._database, self._heads, self._table = database, heads, table
        self._chain = Chain(database, chain, heads)
        database.create(SCHEMA.format(table=table))
        self._chain.create()

    def past(self) -> list[tuple[int, Row]]:
        """Every row with its place, oldest first."""
        return [(int(seq), _texts(row)) for seq, *row in self._database.ask(self._sql(PAST))]

    def of(self, subject: str) -> list[tuple[int, Row]]:
        """The rows of one subject with their places, oldest first."""
        return [
            (int(seq), _texts(row)) for seq, *row in self._database.ask(self._sql(OF_SUBJECT), (subject,))
        ]

    @contextmanager
    def appending(self) -> Iterator[Appender]:
        """Read, decide and insert as the only writer; all of it or nothing. Durable when it ends."""
        with self._chain.appending() as appender:
            yield appender

    def insert(self, row: Row, appender: Appender) -> int:
        """Write a row and its entry of the chain, within `appending`; its place."""
        seq, salt = appender.head.seq + 1, secrets.token_bytes(16)
        self._database.write(self._sql(INSERT), [(seq, *row, salt)])
        appender.add([Entry(str(seq), row[4], salted(salt, *(text.encode() for text in row)))])
        return seq

    def verify(self, copies: tuple[Head, ...] = (), doubt: Callable[[Row], str] | None = None) -> Verified:
        """The chain and every content; `doubt` says why a row does not count. Each problem names its row."""
        name, doubts = self._chain.name, list[str]()
        heads = (self._heads.read(name), *copies)
        found = walk(name, self._checked(doubt, doubts), heads, self._heads.known(name))
        unchained = self._database.ask(self._sql(UNCHAINED), (name,))
        loose = [f"{name} event {row[0]}: it is in no chain" for row in unchained]
        return Verified(found.entries, 0, (*found.problems, *loose, *doubts))

    def _checked(self, doubt: Callable[[Row], str] | None, doubts: list[str]) -> Iterator[Linked]:
        name = self._chain.name
        for seq, entry, at, told, link, *row in self._database.stream(self._sql(CHAINED), (name,)):
            if row[0] is None:
                yield seq, entry, at, told, link, GONE
                continue
            texts = _texts(row[:-1])
            yield seq, entry, at, told, link, salted(bytes(row[-1]), *(text.encode() for text in texts))
            if doubt is not None and (why := doubt(texts)):
                doubts.append(f"{name} entry {seq} ({texts[0]} {texts[1]}): {why}")

    def _sql(self, text: str) -> str:
        return text.format(table=self._table, columns=COLUMNS)


def _texts(row: Sequence[object]) -> Row:
    kind, subject, person, role, at, body, signature = (str(each) for each in row)
    return kind, subject, person, role, at, body, signature
