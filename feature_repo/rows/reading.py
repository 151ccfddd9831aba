"""Packed rows are read here: bytes that lie end to end become one matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import numpy.typing as npt

from feature_repo.errors import BankError
from feature_repo.rows.layout import CELL, HEADER, NULL, Layout, View
from feature_repo.rows.packing import F64Array, I64Array

NO_ROW = -1  # event time of a view without a row
Places = npt.NDArray[np.intp]


class BrokenRow(BankError, ValueError):
    """A stored row is not what its header says."""

    def __init__(self, view: str) -> None:
        self.view = view
        super().__init__(
            f"View '{view}' holds a row of unknown layout. Write it again: `bank features build`."
        )


@dataclass(frozen=True)
class Rows:
    """Features of n customers, in the order asked for.

    `values` is (n, F) with NaN where a value or a view's row is missing; `event_us` is (n, V) with
    -1 for a view without a row; `found` says who has a row in any view. `whole` holds, by position
    in `columns`, what a float64 may round: int64 with the smallest where the value is missing.
    """

    customer_ids: tuple[str, ...]
    columns: tuple[str, ...]
    values: F64Array
    found: npt.NDArray[np.bool_]
    event_us: I64Array
    views: tuple[str, ...]
    whole: Mapping[int, I64Array] = field(default_factory=dict)


class Reading:
    """One way to read: these views, in this order, as a catalogue of that generation knows them.

    Packed rows are read customer by customer, view by view, a blank row standing in for a missing
    one. Each row names its layout, so the bytes say themselves where a row ends.
    """

    def __init__(self, generation: int, views: Sequence[View]) -> None:
        self.generation, self.views = generation, tuple(views)
        self.names = tuple(view.name for view in views)
        self.columns = tuple(chain.from_iterable(view.current.columns for view in views))
        self.blanks = [_blank(view) for view in views]
        widths = [view.current.width // CELL for view in views]
        starts = np.cumsum([0, *widths])
        self._width = int(starts[-1])
        self._times: Places = starts[:-1]
        self._numbers = np.array([view.current.number for view in views], np.int64)
        head = HEADER // CELL
        values = [
            np.arange(start + head, start + width) for start, width in zip(starts, widths, strict=False)
        ]
        self._values: Places = np.concatenate([np.empty(0, np.intp), *values])
        cells = chain.from_iterable(view.current.columns.values() for view in views)
        self._whole = [at for at, cell in enumerate(cells) if cell.whole]

    def rows(self, ids: tuple[str, ...], packed: bytes) -> Rows:
        """The rows of these customers; BrokenRow where the bytes are none."""
        cells = self._cells(len(ids), packed)
        event_us = cells.take(self._times, axis=1).view(">i8").astype(np.int64)
        values = cells.view("<f8").take(self._values, axis=1)
        whole = {at: cells[:, self._values[at]] for at in self._whole}
        for at, exact in whole.items():
            values[:, at] = np.where(exact == NULL, np.nan, exact)
        found: npt.NDArray[np.bool_] = (event_us != NO_ROW).any(axis=1)
        return Rows(ids, self.columns, values, found, event_us, self.names, whole)

    def _cells(self, customers: int, packed: bytes) -> I64Array:
        """(n, width) in the current layouts. The first row's header is where it should be, so the next is
        as well when the first is of its current layout, and so on to the last."""
        if len(packed) == CELL * customers * self._width:
            cells = np.frombuffer(packed, "<i8").reshape(customers, self._width)
            if (cells.take(self._times + 1, axis=1) == self._numbers).all():
                return cells
        return self._moved(customers, packed)

    def _moved(self, customers: int, packed: bytes) -> I64Array:
        """The same when some rows are of older layouts: each value goes to its place of today."""
        cells = np.tile(np.frombuffer(b"".join(self.blanks), "<i8"), (customers, 1))
        moves = [_moves(view, int(start)) for view, start in zip(self.views, self._times, strict=True)]
        at = 0
        for row in range(customers):
            for view, known in zip(self.views, moves, strict=True):
                number = int.from_bytes(packed[at + CELL : at + HEADER], "little")
                if number not in known or at + known[number].width > len(packed):
                    raise BrokenRow(view.name)
                move = known[number]
                stored = np.frombuffer(packed, "<i8", move.width // CELL, at)
                cells[row, move.target] = stored[move.source]
                at += move.width
        if at != len(packed):
            raise BrokenRow(self.names[-1])
        return cells


@dataclass(frozen=True)
class _Move:
    """Where the cells of a layout go."""

    width: int
    source: Places
    target: Places


def _moves(view: View, start: int) -> dict[int, _Move]:
    """By number of layout, what goes where; a column that turned from fraction to whole stays unknown."""
    head, today = HEADER // CELL, view.current.columns
    place = {name: at for at, name in enumerate(today, start=head)}
    moves = {}
    for layout in view.layouts:
        kept = [
            (at, start + place[name])
            for at, (name, cell) in enumerate(layout.columns.items(), start=head)
            if name in today and today[name].whole == cell.whole
        ]
        pairs = np.array([(0, start), *kept], np.intp)
        moves[layout.number] = _Move(layout.width, pairs[:, 0], pairs[:, 1])
    return moves


def _blank(view: View) -> bytes:
    """The row of a customer who has none in that view: no time, nothing known."""
    layout: Layout = view.current
    nothing: list[F64Array | I64Array] = [
        np.array([NULL]) if cell.whole else np.array([np.nan]) for cell in layout.columns.values()
    ]
    cells = np.empty(layout.width // CELL, "<i8")
    cells[0], cells[1] = NO_ROW, layout.number
    fractions = cells.view("<f8")
    for at, value in enumerate(nothing, start=HEADER // CELL):
        (fractions if value.dtype.kind == "f" else cells)[at] = value[0]
    return cells.tobytes()
