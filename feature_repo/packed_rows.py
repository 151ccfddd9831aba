"""Packed rows: what scoring reads. One row a view and customer, eight bytes a feature.

They lie in a SQLite file or in Redis (`rows/`); nothing here knows Feast, whose face is
`online_store`. One process writes; others read through connections that cannot write. Reading any
number of customers is one SELECT, or one script, whose bytes put end to end are the matrix.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from feature_repo.errors import BankError, MissingColumns
from feature_repo.rows.layout import Cell
from feature_repo.rows.packing import F64Array, I64Array, Unpacked, from_matrix, from_table
from feature_repo.rows.reading import Reading, Rows
from feature_repo.rows.shelf import Shelf
from feature_repo.rows.sqlite import SqliteShelf
from feature_repo.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 10_000  # customers in one SELECT or script
PATIENCE = 2.0  # seconds for Redis to answer whoever reads


class NoRedisClient(BankError, ImportError):
    """Online rows lie in Redis, and the library that talks to it is not installed."""

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"Online rows lie in Redis, but the library '{missing}' is not installed. Install the extra: "
            f"`pip install 'bank-customer-platform[redis]'`, or set BANK_ONLINE_STORE=sqlite."
        )


class PackedRows:
    """Packed rows in one place. Over SQLite a connection belongs to one thread at a time.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     rows = PackedRows.open(Path(folder) / "online.db", read_only=False)
    ...     rows.write("profile", ["income"], ["ann"], [7], np.array([[4200.0]]))
    ...     read = rows.read(["ben", "ann"])
    ...     rows.write("profile", ["income", "age"], ["ben"], [8], np.array([[9.5, 40.0]]))
    ...     both = rows.read(["ben", "ann"])
    ...     rows.close()
    >>> read.values.tolist(), read.found.tolist(), read.event_us.tolist()
    ([[nan], [4200.0]], [False, True], [[-1], [7]])

    A row written before a feature came does not know it; it is there as soon as it is written again.

    >>> both.columns, both.values.tolist()
    (('income', 'age'), [[9.5, 40.0], [4200.0, nan]])
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._remember()

    @classmethod
    def open(cls, path: Path, read_only: bool = True) -> Self:
        """Open a SQLite file; NoOnlineRows when it is to be read and not there."""
        return cls(SqliteShelf.open(path, read_only))

    def close(self) -> None:
        """Give the file or the connections back."""
        self._shelf.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def columns(self) -> dict[str, tuple[str, ...]]:
        """The column list of each view, in the order they were first written."""
        return {name: tuple(columns) for name, columns in self.cells().items()}

    def cells(self) -> dict[str, Mapping[str, Cell]]:
        """The same with the type of each column."""
        self._remember()
        return {name: view.current.columns for name, view in self._catalogue.views.items()}

    def count(self, view: str) -> int:
        """The number of customers with a row in that view."""
        self._remember()
        return self._shelf.count(self._reading((view,)).views[0])

    def event_us(self, view: str) -> I64Array:
        """The event time of every row of a view, microseconds since 1970, in any order."""
        self._remember()
        return self._shelf.event_us(self._reading((view,)).views[0])

    def customer_ids(self, view: str) -> Iterator[str]:
        """Every customer with a row in that view, sorted, read as they are asked for."""
        self._remember()
        return self._shelf.customer_ids(self._reading((view,)).views[0])

    # -- reading ---------------------------------------------------------------------------------

    def read(self, customer_ids: Sequence[str], views: Sequence[str] | None = None) -> Rows:
        """The rows of these customers (repeats allowed) in these views; in all views when None.

        A writer may change a view's columns meanwhile: values and columns returned belong together.
        """
        ids, wanted = tuple(customer_ids), None if views is None else tuple(views)
        if len(ids) <= CHUNK:
            return self._read_chunk(ids, wanted)
        parts = [self._read_chunk(ids[at : at + CHUNK], wanted) for at in range(0, len(ids), CHUNK)]
        if any(part.columns != parts[0].columns for part in parts):
            return self.read(ids, views)
        return Rows(
            ids,
            parts[0].columns,
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.found for part in parts]),
            np.concatenate([part.event_us for part in parts]),
            parts[0].views,
            {at: np.concatenate([part.whole[at] for part in parts]) for at in parts[0].whole},
        )

    def _read_chunk(self, ids: tuple[str, ...], wanted: tuple[str, ...] | None) -> Rows:
        while True:
            reading = self._reading(wanted)
            generation, packed = self._shelf.fetch(reading, ids)
            if generation == reading.generation:
                return reading.rows(ids, packed)
            self._remember()

    def _reading(self, wanted: tuple[str, ...] | None) -> Reading:
        if wanted not in self._readings:
            views = self._catalogue.views
            names = tuple(views) if wanted is None else wanted
            if any(name not in views for name in names):
                self._remember()  # it may have been written since
                views = self._catalogue.views
            unknown = [name for name in names if name not in views]
            if unknown:
                raise MissingColumns("online rows", unknown, views)
            reading = Reading(self._catalogue.generation, [views[name] for name in names])
            self._readings[wanted] = reading
        return self._readings[wanted]

    def _remember(self) -> None:
        self._catalogue = self._shelf.catalogue()
        self._readings: dict[tuple[str, ...] | None, Reading] = {}

    # -- writing ---------------------------------------------------------------------------------

    def load(self, tables: Mapping[str, "pa.Table"]) -> None:
        """Replace the rows and columns of all these views at once: readers see all of it or nothing."""
        loaded = [from_table(view, table) for view, table in tables.items()]
        with self._writing():
            before = after = self._catalogue
            for rows in loaded:
                after = after.replaced(rows.view, rows.columns)
                view = after.views[rows.view]
                self._shelf.create(view)
                self._shelf.put(view, rows.packed(view.current), known=False)
            self._shelf.save(after)
            for rows in loaded:
                if rows.view in before.views:
                    self._shelf.drop(before.views[rows.view])

    def write_table(self, view: str, table: "pa.Table") -> None:
        """Insert or replace these customers' rows of one view, as `write` does.

        `table` holds customer_id, event_timestamp (microseconds), features; a null is unknown.
        """
        self._write(from_table(view, table))

    def write(
        self,
        view: str,
        columns: Sequence[str],
        customer_ids: Sequence[str],
        event_us: Sequence[int] | I64Array,
        matrix: F64Array,
    ) -> None:
        """Insert or replace these customers' rows of one view; `matrix` is (n, len(columns)).

        A row with a later event time than the given one stays. Other columns than the stored ones
        become the view's: in rows written before, the new ones are unknown. NotPackable for a
        repeated customer or an infinite value.
        """
        self._write(from_matrix(view, columns, customer_ids, event_us, matrix))

    def _write(self, rows: Unpacked) -> None:
        with self._writing():
            self._define(rows.view, rows.columns)
            view = self._catalogue.views[rows.view]
            self._shelf.put(view, rows.packed(view.current), known=True)

    def define(self, view: str, columns: Mapping[str, Cell]) -> None:
        """Make these the columns of a view, made when it is not there; its rows stay."""
        with self._writing():
            self._define(view, columns)

    def _define(self, name: str, columns: Mapping[str, Cell]) -> None:
        catalogue = self._catalogue.defined(name, columns)
        if name not in self._catalogue.views:
            self._shelf.create(catalogue.views[name])
        if catalogue is not self._catalogue:
            self._shelf.save(catalogue)
            self._catalogue = catalogue

    def drop(self, views: Sequence[str]) -> None:
        """Remove these views with all their rows; those that are not there are passed over."""
        with self._writing():
            before = after = self._catalogue
            gone = [before.views[name] for name in views if name in before.views]
            for view in gone:
                after = after.without(view.name)
            self._shelf.save(after)
            for view in gone:
                self._shelf.drop(view)

    def delete(self, customer_id: str) -> int:
        """Erase that customer from every view, bytes and all; the rows removed."""
        return self._shelf.delete(customer_id)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._shelf.writing():
                self._remember()
                yield
        finally:
            self._remember()


def open_rows(settings: Settings, read_only: bool = True, patience: float = PATIENCE) -> PackedRows:
    """The online rows these settings name: a file of BANK_HOME, or Redis, which has `patience` seconds.

    NoOnlineRows when they are to be read and not there; OnlineRowsUnreachable when Redis is not.
    """
    if settings.online_store == "sqlite":
        if not read_only:
            settings.online.parent.mkdir(parents=True, exist_ok=True)
        return PackedRows.open(settings.online, read_only)
    try:
        from feature_repo.rows.redis import RedisShelf
    except ModuleNotFoundError as error:
        raise NoRedisClient(str(error.name)) from error
    return PackedRows(
        RedisShelf.open(settings.redis_url.get_secret_value(), settings.redis_prefix, read_only, patience)
    )
