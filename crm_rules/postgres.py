"""PostgreSQL as a `crm_rules.database.Database`: the same words over a schema of its own."""

import itertools
import os
import re
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from crm_rules.database import ONLY_APPENDED, Row
from crm_rules.errors import DatabaseUnavailable

if TYPE_CHECKING:
    import psycopg

AT_ONCE = 2_000  # rows fetched together while streaming
# Text compares byte by byte, as in SQLite, whatever the language of the server.
TYPES = {"INTEGER": "BIGINT", "BLOB": "BYTEA", "TEXT": 'TEXT COLLATE "C"', "WITHOUT ROWID": ""}
CURSORS = itertools.count(1)
SAFE_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Postgres:
    """A schema of a PostgreSQL database; one advisory lock makes its writers take turns.

    A connection that ended is opened again before it is next used. With `wait`, in seconds, nobody waits
    longer for a lock, a server that says nothing for twice as long is given up, and one that could not be
    reached is let alone for as long: nobody waits for it twice.
    """

    def __init__(self, url: str, schema: str, wait: float | None = None) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise DatabaseUnavailable("PostgreSQL", "the extra 'postgres' is not installed") from error
        if not SAFE_SCHEMA.fullmatch(schema):
            raise DatabaseUnavailable("PostgreSQL", f"{schema!r} is no name of a schema")
        self._error, self._lock, self.schema = psycopg.Error, threading.RLock(), schema
        self._url, self._wait, self._depth = url, wait, 0
        self._since: float | None = None
        self._rests = 0.0
        self._ended = threading.Event()
        try:
            psycopg.conninfo.conninfo_to_dict(url)
        except psycopg.ProgrammingError:  # what it says would repeat the password
            found = "its address is not well formed; it reads postgresql://USER:PASSWORD@HOST:5432/NAME"
            raise DatabaseUnavailable("PostgreSQL", found) from None
        try:
            self._db = self._connected()
        except psycopg.Error as error:
            raise DatabaseUnavailable("PostgreSQL", str(error).splitlines()[0]) from error
        if wait is not None:
            threading.Thread(target=self._watch, args=(wait,), name="patience", daemon=True).start()
        told = self._db.info
        self._where = f"postgresql://{told.host}:{told.port}/{told.dbname}?schema={schema}"

    @property
    def where(self) -> str:
        """Host, database and schema."""
        return self._where

    def create(self, schema: str) -> None:
        """Make the schema and its tables."""
        with self.transaction():
            self._execute(f"CREATE SCHEMA IF NOT EXISTS {self.schema}; {_translated(schema)}")

    def has(self, table: str) -> bool:
        """By the catalogue."""
        sql = "SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?"
        return bool(self.ask(sql, (self.schema, table)))

    def only_append(self, tables: Iterable[str]) -> None:
        """By a trigger for each table; the rows of a table under TRUNCATE count as well."""
        refuse = (
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION '% is {ONLY_APPENDED}', TG_TABLE_NAME; END $$;"
        )
        with self.transaction():
            self._execute(refuse)
            for table in tables:
                self._execute(
                    f"CREATE OR REPLACE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE"
                    f" ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
                )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One transaction, the lock held until it ends."""
        with self._guarded(), self._db.transaction():
            self._execute("SELECT pg_advisory_xact_lock(hashtext(?))", (f"bank:{self.schema}",))
            yield

    def ask(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Every row."""
        with self._guarded():
            found = self._execute(sql, values)
            return found.fetchall() if found.description else []

    def write(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Once for each row, in one round trip for many."""
        with self._guarded(), self._db.cursor() as cursor:
            cursor.executemany(_percent(sql), rows)

    def stream(self, sql: str, values: Sequence[object] = ()) -> Iterator[Row]:
        """Row after row, by a cursor on the server; how long that takes is up to who reads."""
        with (
            self._guarded(timed=False),
            self._db.transaction(),
            self._db.cursor(name=f"s{next(CURSORS)}") as cursor,
        ):
            cursor.itersize = AT_ONCE
            cursor.execute(_percent(sql), values)
            yield from cursor

    def interrupt(self) -> None:
        """Cut the connection under whoever waits on it; a server that hangs says nothing by itself."""
        with suppress(self._error, OSError), socket.socket(fileno=os.dup(self._db.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the connection."""
        self._ended.set()
        self._db.close()

    def _connected(self) -> "psycopg.Connection[Row]":
        import psycopg

        options, seconds = f"-c search_path={self.schema} -c timezone=UTC", 10
        if self._wait is not None:
            options += f" -c lock_timeout={max(round(self._wait * 1000), 1)}"
            seconds = max(round(2 * self._wait), 2)
        return psycopg.connect(self._url, autocommit=True, connect_timeout=seconds, options=options)

    def _reopen(self) -> None:
        """Open the connection that ended; a server that could not be reached a moment ago is let alone."""
        if self._wait is not None and time.monotonic() < self._rests:
            raise DatabaseUnavailable(self.where, "it could not be reached a moment ago")
        try:
            self._db = self._connected()
        except self._error:
            self._rests = time.monotonic() + (self._wait or 0)
            raise

    def _watch(self, wait: float) -> None:
        """Cut the connection under whoever waits too long on it."""
        while not self._ended.wait(wait / 4):
            since = self._since
            if since is not None and time.monotonic() - since > 2 * wait:
                self.interrupt()

    def _execute(self, sql: str, values: Sequence[object] = ()) -> "psycopg.Cursor[Row]":
        return self._db.execute(_percent(sql), values or None)

    @contextmanager
    def _guarded(self, timed: bool = True) -> Iterator[None]:
        with self._lock:
            try:
                if self._db.closed and not self._depth and not self._ended.is_set():
                    self._reopen()
                before, self._since = self._since, time.monotonic() if timed else None
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
                    self._since = None if before is None else time.monotonic()
            except self._error as error:
                raise DatabaseUnavailable(self.where, str(error).splitlines()[0]) from error


def _translated(schema: str) -> str:
    """The types as PostgreSQL calls them.

    >>> _translated("CREATE TABLE t (a INTEGER, b TEXT) WITHOUT ROWID")
    'CREATE TABLE t (a BIGINT, b TEXT COLLATE "C") '
    """
    return re.sub(rf"\b({'|'.join(TYPES)})\b", lambda found: TYPES[found[1]], schema)


def _percent(sql: str) -> str:
    """The placeholders as psycopg writes them; SQL here holds neither a literal `?` nor `%`.

    NOT INDEXED, by which SQLite reads a table and no copy of it in an index, is its alone.

    >>> _percent("SELECT 1 WHERE a = ?")
    'SELECT 1 WHERE a = %s'
    """
    return sql.replace("?", "%s").replace(" NOT INDEXED", "")
