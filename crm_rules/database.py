"""One database of two kinds, SQLite in a file or PostgreSQL, behind the same few words.

SQL is written once: `?` stands for a value, INTEGER and BLOB are the types of whole numbers and bytes.
Writers take turns, in one process and between processes; a transaction is durable when it ends.
"""

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from crm_rules.errors import DatabaseUnavailable, OtherTables

Row = tuple[Any, ...]
WAIT_SECONDS = 30
NO_COLUMN = ("no such column", "does not exist")
ONLY_APPENDED = "only appended to"


class Database(Protocol):
    """What chains and journals need of a database. Safe to call from several threads."""

    @property
    def where(self) -> str:
        """Its name for people, without a password."""

    def create(self, schema: str) -> None:
        """Make the tables of a script of CREATE ... IF NOT EXISTS."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """The only writer until it ends: committed and durable, or rolled back by an error."""

    def has(self, table: str) -> bool:
        """Whether there is such a table."""

    def only_append(self, tables: Iterable[str]) -> None:
        """From now on the database itself refuses to change or delete their rows."""

    def ask(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Every row of a query; also runs a statement."""

    def write(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement once for each row of values."""

    def stream(self, sql: str, values: Sequence[object] = ()) -> Iterator[Row]:
        """The rows of a query one after another, in memory that does not grow with them."""

    def interrupt(self) -> None:
        """End what another thread waits for in it: that thread gets DatabaseUnavailable."""

    def close(self) -> None:
        """Close it; it is not used afterwards."""


def open_database(
    path: Path, url: str = "", schema: str = "bank", read_only: bool = False, wait: float = WAIT_SECONDS
) -> Database:
    """PostgreSQL where a URL is given, else SQLite at `path`; DatabaseUnavailable when neither opens.

    A file opened `read_only` is never made. Where somebody else has locked it, it waits so many seconds; of a
    server this is the patience where it is shorter than usual.
    """
    if not url:
        return Sqlite(path, read_only, wait)
    from crm_rules.postgres import Postgres  # a bank on SQLite does without its driver

    return Postgres(url, schema, wait if wait < WAIT_SECONDS else None)


def make_tables(database: Database, script: str, needed: Mapping[str, str]) -> None:
    """Make the tables of a script; OtherTables when those that are there lack `needed` columns of a table."""
    try:
        database.create(script)
        for table, columns in needed.items():
            database.ask(f"SELECT {columns} FROM {table} LIMIT 0")  # noqa: S608 -- names written in our code
    except DatabaseUnavailable as error:
        if any(words in error.problem for words in NO_COLUMN):
            raise OtherTables(database.where, error.problem) from error
        raise


class Sqlite:
    """A SQLite file, written ahead (WAL) and forced to the disk at each commit."""

    def __init__(self, path: Path, read_only: bool = False, wait: float = WAIT_SECONDS) -> None:
        self.path, self._lock = path, threading.RLock()
        try:
            if read_only:
                uri = f"{path.absolute().as_uri()}?mode=ro"
                self._db = sqlite3.connect(uri, wait, 0, None, False, uri=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.exists():  # its companions take its mode: nobody else writes, whatever the umask
                    os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC, 0o640))
                self._db = sqlite3.connect(path, wait, 0, None, False)
                self._db.execute("PRAGMA page_size = 8192")
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = FULL")
                self._db.execute("PRAGMA foreign_keys = ON")
                self._db.execute("PRAGMA secure_delete = ON")  # what is erased is overwritten
        except (sqlite3.Error, OSError) as error:
            raise DatabaseUnavailable(str(path), str(error)) from error
        self._identity = _identity(path)

    @property
    def where(self) -> str:
        """The file."""
        return str(self.path)

    def create(self, schema: str) -> None:
        """Make the tables."""
        with self._guarded():
            self._db.executescript(schema)

    def has(self, table: str) -> bool:
        """By its own list of tables."""
        return bool(self.ask("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)))

    def only_append(self, tables: Iterable[str]) -> None:
        """By triggers."""
        self.create(
            "".join(
                f"CREATE TRIGGER IF NOT EXISTS {table}_no_{verb} BEFORE {verb} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is {ONLY_APPENDED}'); END;\n"
                for table in tables
                for verb in ("UPDATE", "DELETE")
            )
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """BEGIN IMMEDIATE to COMMIT."""
        with self._guarded():
            self._require_same_file()
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def ask(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Every row."""
        with self._guarded():
            return self._db.execute(sql, values).fetchall()

    def write(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Once for each row."""
        with self._guarded():
            self._db.executemany(sql, rows)

    def stream(self, sql: str, values: Sequence[object] = ()) -> Iterator[Row]:
        """Row after row, over a connection of its own; bytes that are no UTF-8 come as surrogates."""
        reader = Sqlite(self.path, read_only=True)
        reader._db.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
        try:
            with reader._guarded():
                yield from reader._db.execute(sql, values)
        finally:
            reader.close()

    def _require_same_file(self) -> None:
        """DatabaseUnavailable when the file was removed or replaced: what is written would be nowhere."""
        if _identity(self.path) != self._identity:
            raise DatabaseUnavailable(self.where, "the file was removed or replaced since it was opened")

    def interrupt(self) -> None:
        """What runs is ended; a wait for a lock ends by itself."""
        self._db.interrupt()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (
                sqlite3.Error,
                UnicodeDecodeError,
            ) as error:  # the latter of a message about a broken file
                raise DatabaseUnavailable(self.where, str(error)) from error


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file lies there; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
