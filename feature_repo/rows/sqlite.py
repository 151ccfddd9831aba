"""Packed rows in a SQLite file: a table for each view, customer and packed row.

Rows of a table are written by one statement that cuts them out of the packed bytes, and read by one
that joins the customers asked for with every view. Readers never wait for the writer (WAL).
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Self

import numpy as np

from feature_repo.identity import by_identity
from feature_repo.rows.layout import CELL, Catalogue, View
from feature_repo.rows.packing import NUL, I64Array, Packed
from feature_repo.rows.reading import Reading
from feature_repo.rows.shelf import BrokenOnlineRows, NoOnlineRows, NotErased

AT_ONCE = 50_000  # customers in one INSERT
ANOTHER = -1  # no catalogue's generation: what is known of the file before does not count
File = tuple[int, int]
READ_CACHE = -64 * 1024  # KiB of pages a reader keeps; SQLite's own 2 MB hold a few hundred customers

_SCHEMA = """
CREATE TABLE IF NOT EXISTS catalogue (generation INTEGER NOT NULL, views TEXT NOT NULL);
INSERT INTO catalogue SELECT 0, '[]' WHERE NOT EXISTS (SELECT 1 FROM catalogue);
"""


class SqliteShelf:
    """A SQLite file of packed rows; a connection belongs to one thread at a time.

    Who reads follows the file of that name: one that is removed cannot be read, one that takes its place is.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, file: File | None = None) -> None:
        self._path, self._connection, self._file = path, connection, file
        self._left: list[sqlite3.Connection] = []  # closing one would remove the new file's write-ahead log

    @classmethod
    def open(cls, path: Path, read_only: bool) -> Self:
        """Open the file; NoOnlineRows when it is to be read and not there."""
        if read_only and not path.exists():
            raise NoOnlineRows(path)
        uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
        file = _file(path) if read_only else None
        try:
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
            if read_only:
                connection.execute(f"PRAGMA cache_size = {READ_CACHE}")
            else:
                _prepare(connection)
            shelf = cls(path, connection, file)
            shelf.catalogue()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and not read_only:
                raise  # a full or read-only disk: the command line says so
            raise BrokenOnlineRows(path, str(error)) from error
        return shelf

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def catalogue(self) -> Catalogue:
        """The catalogue as stored at this moment."""
        generation, views = self._connection.execute("SELECT generation, views FROM catalogue").fetchone()
        return Catalogue.from_json(generation, views)

    def fetch(self, reading: Reading, customer_ids: Sequence[str]) -> tuple[int, bytes]:
        """The generation and the packed rows of these customers; see `Shelf`."""
        if self._file is not None and _file(self._path) != self._file:
            self._open_again()
            return ANOTHER, b""
        values = [*reading.blanks, _as_json(customer_ids)]
        try:
            rows = self._connection.execute(_select(reading.views), values).fetchall()
        except sqlite3.OperationalError:
            generation = self.catalogue().generation
            if generation == reading.generation:
                raise
            return generation, b""  # a table named in the SELECT has gone meanwhile
        if not rows:
            return reading.generation, b""
        return rows[0][0], b"".join(chain.from_iterable(map(_PACKED, rows)))

    def _open_again(self) -> None:
        if not self._path.exists():
            raise sqlite3.OperationalError("the file was removed")
        found = SqliteShelf.open(self._path, read_only=True)
        self._left.append(self._connection)
        self._connection, self._file = found._connection, found._file

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # a full disk has ended it already
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def save(self, catalogue: Catalogue) -> None:
        """Store that catalogue."""
        update = "UPDATE catalogue SET generation = ?, views = ?"
        self._connection.execute(update, [catalogue.generation, catalogue.to_json()])

    def create(self, view: View) -> None:
        """Make the view's table."""
        self._connection.execute(
            f"CREATE TABLE {_table(view)} (customer_id TEXT PRIMARY KEY, packed BLOB NOT NULL) WITHOUT ROWID"
        )

    def drop(self, view: View) -> None:
        """Drop the view's table."""
        self._connection.execute(f"DROP TABLE IF EXISTS {_table(view)}")

    def put(self, view: View, packed: Packed, known: bool) -> None:
        """Insert the rows; where `known`, an older row is replaced and a newer one stays."""
        # The event time leads the row, its highest byte first, so that rows compare as their times do.
        conflict = (
            f" WHERE true ON CONFLICT (customer_id) DO UPDATE SET packed = excluded.packed "
            f"WHERE substr(excluded.packed, 1, {CELL}) >= substr(packed, 1, {CELL})"
        )
        insert = (
            f"INSERT INTO {_table(view)} SELECT value, substr(?1, key * {packed.width} + 1, {packed.width}) "  # noqa: S608  (checked name)
            f"FROM json_each(?2){conflict if known else ''}"
        )
        for chunk in packed.chunks(AT_ONCE):
            self._connection.execute(insert, [chunk.rows, json.dumps(chunk.customer_ids)])

    def delete(self, customer_id: str) -> int:
        """Erase that customer from every view, and from the write-ahead log."""
        removed = 0
        with self.writing():
            for view in self.catalogue().views.values():
                delete = f"DELETE FROM {_table(view)} WHERE customer_id = ?"  # noqa: S608  (checked name)
                removed += self._connection.execute(delete, [customer_id]).rowcount
        busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise NotErased(self._path)
        return removed

    def count(self, view: View) -> int:
        """The number of rows in the view's table."""
        select = f"SELECT count(*) FROM {_table(view)}"  # noqa: S608  (checked name)
        number: int = self._connection.execute(select).fetchone()[0]
        return number

    def event_us(self, view: View) -> I64Array:
        """The event time of every row."""
        select = f"SELECT substr(packed, 1, {CELL}) FROM {_table(view)}"  # noqa: S608  (checked name)
        packed = b"".join(chain.from_iterable(self._connection.execute(select)))
        return np.frombuffer(packed, ">i8").astype(np.int64)

    def customer_ids(self, view: View) -> Iterator[str]:
        """The customers in the order of the table's key."""
        select = f"SELECT customer_id FROM {_table(view)} ORDER BY customer_id"  # noqa: S608  (checked name)
        for (name,) in self._connection.execute(select):
            yield name


_PACKED = itemgetter(slice(1, None))


def _file(path: Path) -> File:
    """Which file lies there; zeros where none does."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


def _prepare(connection: sqlite3.Connection) -> None:
    # 8 KiB pages hold a row of 250 columns whole. An erased customer's bytes are overwritten.
    connection.execute("PRAGMA page_size = 8192")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(_SCHEMA)


def _table(view: View) -> str:
    """The table of a view; a view's name was checked when its rows were packed."""
    return f"rows_{view.name}_{view.place}"


def _select_text(tables: tuple[str, ...]) -> str:
    packed = "".join(f", coalesce(v{at}.packed, ?)" for at in range(len(tables)))
    joins = "".join(
        f" LEFT JOIN {table} v{at} ON v{at}.customer_id = asked.value" for at, table in enumerate(tables)
    )
    # A left join keeps its left side outermost, so rows come in the order of the ids.
    return f"SELECT (SELECT generation FROM catalogue){packed} FROM json_each(?) asked{joins}"  # noqa: S608  (checked names)


@by_identity
def _select(views: tuple[View, ...]) -> str:
    """One SELECT for all views: the generation, and the packed row of each."""
    return _select_text(tuple(_table(view) for view in views))


def _as_json(customer_ids: Sequence[str]) -> str:
    """The ids as SQLite reads them; it would cut one at a NUL, and no row has such an id."""
    text = json.dumps(customer_ids)
    if "\\u0000" in text:
        return json.dumps([None if NUL in name else name for name in customer_ids])
    return text
