"""Packed rows: what scoring reads. One row a view and customer, its features packed as float64.

A SQLite file holds one table for each view: customer, event time, and the values as little-endian
float64 in the order of the view's column list, which stands beside them. Reading any number of
customers is one SELECT whose blobs, put end to end, are the matrix. One process writes; others
read through connections that cannot write.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from feature_repo.errors import BankError, MissingColumns

if TYPE_CHECKING:
    import pyarrow as pa

F64Array = npt.NDArray[np.float64]
I64Array = npt.NDArray[np.int64]
KEYS = ("customer_id", "event_timestamp", "created_timestamp")
CHUNK = 30_000  # customers in one SELECT
NO_ROW = -1  # event time of a view without a row

_SCHEMA = """
CREATE TABLE IF NOT EXISTS layout (generation INTEGER NOT NULL);
INSERT INTO layout SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM layout);
CREATE TABLE IF NOT EXISTS views (view TEXT PRIMARY KEY, columns TEXT NOT NULL);
"""


class NoOnlineRows(BankError, FileNotFoundError):
    """There is no file of packed rows to read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"Online rows were not found at {path}. Run `bank features build` first.")


class BrokenOnlineRows(BankError, ValueError):
    """The file of packed rows cannot be read."""

    def __init__(self, path: Path, found: str) -> None:
        self.path = path
        super().__init__(
            f"Online rows {path} cannot be read ({found}). "
            f"Remove the file and write it again: `bank features build`."
        )


class NotPackable(BankError, ValueError):
    """Rows that may not be written; nothing of them was."""

    def __init__(self, view: str, why: str, way_out: str) -> None:
        self.view = view
        super().__init__(f"View '{view}' was not written: {why}. {way_out}")


@dataclass(frozen=True)
class Rows:
    """Features of n customers, in the order asked for.

    `values` is (n, F) with NaN where a value or a view's row is missing; `event_us` is (n, V) with
    -1 for a view without a row; `found` says who has a row in any view.
    """

    customer_ids: tuple[str, ...]
    columns: tuple[str, ...]
    values: F64Array
    found: npt.NDArray[np.bool_]
    event_us: I64Array
    views: tuple[str, ...]


class PackedRows:
    """A file of packed rows. A connection belongs to one thread at a time.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     rows = PackedRows.open(Path(folder) / "online.db", read_only=False)
    ...     rows.write("profile", ["income"], ["ann"], [7], np.array([[4200.0]]))
    ...     read = rows.read(["ben", "ann"])
    ...     rows.close()
    >>> read.values.tolist(), read.found.tolist(), read.event_us.tolist()
    ([[nan], [4200.0]], [False, True], [[-1], [7]])
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._remember_layout()

    @classmethod
    def open(cls, path: Path, read_only: bool = True) -> Self:
        """Open the file; NoOnlineRows when it is to be read and not there."""
        if read_only and not path.exists():
            raise NoOnlineRows(path)
        uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
        try:
            return cls._opened(
                sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False), read_only
            )
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and not read_only:
                raise  # a full or read-only disk: the command line says so
            raise BrokenOnlineRows(path, str(error)) from error

    @classmethod
    def _opened(cls, connection: sqlite3.Connection, read_only: bool) -> Self:
        if not read_only:
            # An erased customer's bytes are overwritten; readers never wait for the writer.
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
        return cls(connection)

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def columns(self) -> dict[str, tuple[str, ...]]:
        """The column list of each view, in the order they were first written."""
        stored = self._connection.execute("SELECT view, columns FROM views ORDER BY rowid")
        return {view: tuple(json.loads(columns)) for view, columns in stored}

    def count(self, view: str) -> int:
        """The number of customers with a row in that view."""
        select = f"SELECT count(*) FROM {_table(view)}"  # noqa: S608  (checked name)
        number: int = self._connection.execute(select).fetchone()[0]
        return number

    # -- reading ---------------------------------------------------------------------------------

    def read(self, customer_ids: Sequence[str], views: Sequence[str] | None = None) -> Rows:
        """The rows of these customers (repeats allowed) in these views; in all views when None.

        A writer may change a view's columns meanwhile: values and columns returned belong together.
        """
        ids, parts = tuple(customer_ids), []
        for start in range(0, max(len(ids), 1), CHUNK):
            parts.append(self._read_chunk(ids[start : start + CHUNK], views))
        if any(part.columns != parts[0].columns for part in parts):
            return self.read(ids, views)
        if len(parts) == 1:
            return parts[0]
        values = np.concatenate([part.values for part in parts])
        event_us = np.concatenate([part.event_us for part in parts])
        return Rows(ids, parts[0].columns, values, _found(event_us), event_us, parts[0].views)

    def _read_chunk(self, ids: tuple[str, ...], wanted: Sequence[str] | None) -> Rows:
        views = tuple(self._columns) if wanted is None else tuple(wanted)
        unknown = [view for view in views if view not in self._columns]
        if unknown:
            raise MissingColumns("online rows", unknown, self._columns)
        columns = tuple(chain.from_iterable(self._columns[view] for view in views))
        blanks = [np.full(len(self._columns[view]), np.nan, "<f8").tobytes() for view in views]
        selected = self._connection.execute(_select(views), [*blanks, json.dumps(ids)]).fetchall()
        if selected and selected[0][0] != self._generation:
            self._remember_layout()
            return self._read_chunk(ids, wanted)
        last_time = 1 + len(views)
        packed = bytearray().join(chain.from_iterable(row[last_time:] for row in selected))
        values = np.frombuffer(packed, "<f8").reshape(len(ids), len(columns))
        times = np.array([row[1:last_time] for row in selected], np.int64).reshape(len(ids), len(views))
        return Rows(ids, columns, values, _found(times), times, views)

    def _remember_layout(self) -> None:
        with self._transaction("DEFERRED"):
            self._generation = self._connection.execute("SELECT generation FROM layout").fetchone()[0]
            self._columns = self.columns()

    # -- writing ---------------------------------------------------------------------------------

    def load(self, tables: Mapping[str, "pa.Table"]) -> None:
        """Replace the rows of all these views in one transaction; column lists may change."""
        with self._transaction("IMMEDIATE"):
            for view, table in tables.items():
                self._replace_layout(view, _feature_names(table))
                self._insert(view, *_unpack(table))
        self._remember_layout()

    def write_table(self, view: str, table: "pa.Table") -> None:
        """Insert or replace these customers' rows of one view.

        `table` holds customer_id, event_timestamp (microseconds), features as float64; a null is NaN.
        """
        ids, event_us, matrix = _unpack(table)
        self.write(view, _feature_names(table), ids, event_us, matrix)

    def write(
        self,
        view: str,
        columns: Sequence[str],
        customer_ids: Sequence[str],
        event_us: Sequence[int] | I64Array,
        matrix: F64Array,
    ) -> None:
        """Insert or replace these customers' rows of one view; `matrix` is (n, len(columns)).

        A view keeps the columns it was first written with: `load` changes them. NotPackable for
        other columns, a repeated customer, or an infinite value.
        """
        stored = self._columns.get(view)
        if stored is not None and stored != tuple(columns):
            raise NotPackable(view, f"its columns are {stored}, not {tuple(columns)}", "Load it whole.")
        with self._transaction("IMMEDIATE"):
            if stored is None:
                self._replace_layout(view, columns)
            self._insert(view, customer_ids, np.asarray(event_us, np.int64), matrix)
        self._remember_layout()

    def delete(self, customer_id: str) -> int:
        """Erase that customer from every view, and from the write-ahead log; the rows removed."""
        removed = 0
        with self._transaction("IMMEDIATE"):
            for view in self.columns():
                delete = f"DELETE FROM {_table(view)} WHERE customer_id = ?"  # noqa: S608  (checked name)
                removed += self._connection.execute(delete, [customer_id]).rowcount
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return removed

    def _replace_layout(self, view: str, columns: Sequence[str]) -> None:
        self._connection.execute(f"DROP TABLE IF EXISTS {_table(view)}")
        self._connection.execute(
            f"CREATE TABLE {_table(view)} (customer_id TEXT PRIMARY KEY, event_us INTEGER NOT NULL, "
            f"packed BLOB NOT NULL CHECK (length(packed) = {8 * len(columns)})) WITHOUT ROWID"
        )
        self._connection.execute(
            "INSERT INTO views VALUES (?, ?) ON CONFLICT (view) DO UPDATE SET columns = excluded.columns",
            [view, json.dumps(list(columns))],
        )
        self._connection.execute("UPDATE layout SET generation = generation + 1")

    def _insert(self, view: str, ids: Sequence[str], event_us: I64Array, matrix: F64Array) -> None:
        if np.isinf(matrix).any():
            raise NotPackable(view, "it holds infinite values", "NaN is the one way to say 'unknown'.")
        if len(set(ids)) != len(ids):
            raise NotPackable(view, "a customer occurs twice", "Keep each customer's latest row.")
        packed = memoryview(np.ascontiguousarray(matrix, "<f8").tobytes())
        width = 8 * matrix.shape[1]
        blobs = (packed[at * width : (at + 1) * width] for at in range(len(ids)))
        self._connection.executemany(
            f"INSERT OR REPLACE INTO {_table(view)} VALUES (?, ?, ?)",  # noqa: S608  (checked name)
            zip(ids, event_us.tolist(), blobs, strict=True),
        )

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[None]:
        self._connection.execute(f"BEGIN {kind}")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # a full disk has ended it already
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _table(view: str) -> str:
    """The table of a view; a view's name is a plain lower-case identifier."""
    if not (view.isidentifier() and view.isascii() and view.islower()):
        raise NotPackable(view, "its name is no plain lower-case word", "Rename it.")
    return f"rows_{view}"


def _select(views: Sequence[str]) -> str:
    """One SELECT for all views: generation, event time of each, packed values of each."""
    times = "".join(f", coalesce(v{at}.event_us, {NO_ROW})" for at in range(len(views)))
    packed = "".join(f", coalesce(v{at}.packed, ?)" for at in range(len(views)))
    joins = "".join(
        f" LEFT JOIN {_table(view)} v{at} ON v{at}.customer_id = asked.value" for at, view in enumerate(views)
    )
    return (
        f"SELECT (SELECT generation FROM layout){times}{packed} "  # noqa: S608  (checked names)
        f"FROM json_each(?) asked{joins} ORDER BY asked.id"
    )


def _found(event_us: I64Array) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = (event_us != NO_ROW).any(axis=1)
    return found


def _feature_names(table: "pa.Table") -> tuple[str, ...]:
    return tuple(name for name in table.column_names if name not in KEYS)


def _unpack(table: "pa.Table") -> tuple[list[str], I64Array, F64Array]:
    names = _feature_names(table)
    matrix = np.empty((table.num_rows, len(names)), np.float64)
    for at, name in enumerate(names):
        matrix[:, at] = table[name].to_numpy()
    event_us = table["event_timestamp"].to_numpy().astype("datetime64[us]").astype(np.int64)
    return table["customer_id"].to_pylist(), event_us, matrix
