"""Rows are packed here: a matrix, or an Arrow table, into bytes that lie end to end.

bytes 0-7    event time, microseconds since 1970, big-endian: an older row is the smaller bytes
bytes 8-15   the number of the row's layout, little-endian
then         for each column eight bytes, little-endian: a float64, or an int64 for whole numbers
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from feature_repo.errors import BankError, MissingColumns
from feature_repo.rows.layout import CELL, HEADER, NULL, Cell, Layout

if TYPE_CHECKING:
    import pyarrow as pa

F64Array = npt.NDArray[np.float64]
I64Array = npt.NDArray[np.int64]
KEYS = ("customer_id", "event_timestamp", "created_timestamp")
NUL = "\0"
LAST_US = 2**53  # event times below it (the year 2255) are exact in a float64, as Redis compares them


class NotPackable(BankError, ValueError):
    """Rows that may not be written; nothing of them was."""

    def __init__(self, view: str, why: str, way_out: str) -> None:
        self.view = view
        super().__init__(f"View '{view}' was not written: {why}. {way_out}")


@dataclass(frozen=True)
class Packed:
    """Packed rows of one view, each `width` bytes, end to end in the order of `customer_ids`."""

    customer_ids: Sequence[str]
    width: int
    rows: bytes

    def chunks(self, size: int) -> Iterator["Packed"]:
        """The same in pieces of at most that many customers."""
        view = memoryview(self.rows)
        for start in range(0, len(self.customer_ids), size):
            rows = view[start * self.width : (start + size) * self.width]
            yield Packed(self.customer_ids[start : start + size], self.width, bytes(rows))


@dataclass(frozen=True)
class Unpacked:
    """n rows of one view before packing: a column is float64, or int64 where its cell is whole."""

    view: str
    columns: Mapping[str, Cell]
    customer_ids: Sequence[str]
    event_us: I64Array
    values: Sequence[F64Array | I64Array]

    def __post_init__(self) -> None:
        """NotPackable for what no row may hold."""
        _check_name(self.view)
        if len(set(self.customer_ids)) != len(self.customer_ids):
            raise NotPackable(self.view, "a customer occurs twice", "Keep each customer's latest row.")
        if None in self.customer_ids or any(NUL in name for name in self.customer_ids):
            raise NotPackable(self.view, "a customer has no id, or one with a NUL in it", "Correct its id.")
        if len(self.event_us) and not 0 <= self.event_us.min() <= self.event_us.max() < LAST_US:
            raise NotPackable(self.view, "an event time lies outside 1970 to 2255", "Correct the time.")
        for name, values in zip(self.columns, self.values, strict=True):
            if values.dtype.kind == "f" and np.isinf(values).any():
                raise NotPackable(
                    self.view, f"'{name}' holds infinite values", "NaN is the one way to say 'unknown'."
                )

    def packed(self, layout: Layout) -> Packed:
        """The same as bytes, with that layout's number; its columns are these."""
        cells = np.empty((len(self.customer_ids), layout.width // CELL), "<i8")
        cells[:, 0] = self.event_us.astype(">i8").view("<i8")
        cells[:, 1] = layout.number
        fractions = cells.view("<f8")
        for at, values in enumerate(self.values, start=HEADER // CELL):
            (fractions if values.dtype.kind == "f" else cells)[:, at] = values
        return Packed(self.customer_ids, layout.width, cells.tobytes())


def from_matrix(
    view: str,
    columns: Sequence[str],
    customer_ids: Sequence[str],
    event_us: Sequence[int] | I64Array,
    matrix: F64Array,
) -> Unpacked:
    """Rows of float64 columns; `matrix` is (n, len(columns))."""
    cells = dict.fromkeys(columns, Cell.FLOAT64)
    values = list(np.asarray(matrix, np.float64).reshape(len(customer_ids), len(columns)).T)
    return Unpacked(view, cells, list(customer_ids), np.asarray(event_us, np.int64), values)


def from_table(view: str, table: "pa.Table") -> Unpacked:
    """Rows of an Arrow table: customer_id, event_timestamp, features; a null is 'unknown'.

    NotPackable for a feature that does not fit into eight bytes without loss.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if missing := {"customer_id", "event_timestamp"} - set(table.column_names):
        raise MissingColumns(view, missing, table.column_names)
    ids = table["customer_id"]
    if not pc.all(pc.less_equal(ids.slice(0, max(len(ids) - 1, 0)), ids.slice(1))).as_py():
        table = table.sort_by(
            "customer_id"
        )  # a table's rows lie in this order: it is filled from left to right
    names = [name for name in table.column_names if name not in KEYS]
    columns = {name: _cell(view, name, table.schema.field(name).type) for name in names}
    values = [_column(view, name, columns[name], table[name]) for name in names]
    times = table["event_timestamp"].cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    if times.null_count:
        raise NotPackable(view, "a row has no event time", "Give each row one.")
    return Unpacked(view, columns, table["customer_id"].to_pylist(), times.to_numpy(), values)


def _cell(view: str, name: str, kind: "pa.DataType") -> Cell:
    import pyarrow.types as types

    if types.is_timestamp(kind):
        return Cell.TIMESTAMP
    known = {"double": Cell.FLOAT64, "float": Cell.FLOAT32, "int64": Cell.INT64, "int32": Cell.INT32,
             "bool": Cell.BOOL, "null": Cell.FLOAT64}  # fmt: skip
    if str(kind) not in known:
        raise NotPackable(
            view,
            f"'{name}' is {kind}, and a packed row holds float64, float32, int64, int32, bool and timestamp",
            "Encode it as a number in its feature function.",
        )
    return known[str(kind)]


def _column(view: str, name: str, cell: Cell, column: "pa.ChunkedArray") -> F64Array | I64Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not cell.whole:
        # Arrow widens a null column and a float32 without loss; a null becomes NaN.
        return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
    if cell is Cell.TIMESTAMP:
        column = column.cast(pa.timestamp("us", getattr(column.type, "tz", None)))
    whole = column.cast(pa.int64())
    if pc.any(pc.equal(whole, NULL)).as_py():
        raise NotPackable(
            view, f"'{name}' holds {NULL}, which means 'unknown'", "Use another value, or null."
        )
    return np.asarray(whole.fill_null(NULL).to_numpy(), np.int64)


def _check_name(view: str) -> None:
    """A view's name becomes part of a table's: it is a plain lower-case word."""
    if not (view.isidentifier() and view.isascii() and view.islower()):
        raise NotPackable(view, "its name is no plain lower-case word", "Rename it.")
