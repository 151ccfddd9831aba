"""What a packed row holds: layouts, and the catalogue of the layouts of every view.

A row is packed with the layout of its day and keeps that layout's number, so that rows from before
and after a feature was added or removed lie side by side until each is written again.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

HEADER = 16  # bytes: event time, number of the layout
CELL = 8  # bytes a value
NULL = -(2**63)  # "unknown" in a cell of whole numbers; NaN says it in the others


class Cell(StrEnum):
    """What eight bytes hold: the types of Feast that fit in them without loss."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"
    INT64 = "int64"
    INT32 = "int32"
    BOOL = "bool"
    TIMESTAMP = "timestamp"

    @property
    def whole(self) -> bool:
        """Whether the cell is an int64 (a timestamp counts microseconds) and not a float64."""
        return self not in (Cell.FLOAT64, Cell.FLOAT32)


def floats(columns: Iterable[str]) -> dict[str, Cell]:
    """These columns, each a float64."""
    return dict.fromkeys(columns, Cell.FLOAT64)


@dataclass(frozen=True)
class Layout:
    """The columns of a row, in order; `number` stands in the header of each row packed with it."""

    number: int
    columns: Mapping[str, Cell]

    @property
    def width(self) -> int:
        """Bytes of a row."""
        return HEADER + CELL * len(self.columns)


@dataclass(frozen=True)
class View:
    """One view: the place its rows lie, and its layouts, the last of which new rows are packed with."""

    name: str
    place: int
    layouts: tuple[Layout, ...]

    @property
    def current(self) -> Layout:
        """The layout of new rows; readers see every row in it."""
        return self.layouts[-1]


@dataclass(frozen=True)
class Catalogue:
    """Every view in the order it was first written; `generation` rises with each change.

    >>> first = Catalogue.empty().defined("profile", floats(["age"]))
    >>> more = first.defined("profile", floats(["age", "income"]))
    >>> [list(layout.columns) for layout in more.views["profile"].layouts], more.generation
    ([['age'], ['age', 'income']], 2)
    >>> more.defined("profile", floats(["age", "income"])) is more
    True
    >>> list(more.replaced("profile", floats(["z"])).views["profile"].current.columns)
    ['z']
    """

    generation: int
    views: Mapping[str, View]

    @classmethod
    def empty(cls) -> Self:
        """The catalogue before anything is written."""
        return cls(0, {})

    def defined(self, name: str, columns: Mapping[str, Cell]) -> "Catalogue":
        """With these columns current in that view; itself when they are already."""
        view = self.views.get(name)
        if view is None:
            return self.replaced(name, columns)
        if list(view.current.columns.items()) == list(columns.items()):
            return self
        layouts = (*view.layouts, Layout(self.generation + 1, dict(columns)))
        return self._next({**self.views, name: replace(view, layouts=layouts)})

    def replaced(self, name: str, columns: Mapping[str, Cell]) -> "Catalogue":
        """With that view in a new place and no other layout than this."""
        number = self.generation + 1
        return self._next({**self.views, name: View(name, number, (Layout(number, dict(columns)),))})

    def without(self, name: str) -> "Catalogue":
        """Without that view."""
        return self._next({other: view for other, view in self.views.items() if other != name})

    def _next(self, views: Mapping[str, View]) -> "Catalogue":
        return Catalogue(self.generation + 1, views)

    def to_json(self) -> str:
        """The views as text, without the generation."""
        return json.dumps(
            [
                [v.name, v.place, [[each.number, each.columns] for each in v.layouts]]
                for v in self.views.values()
            ]
        )

    @classmethod
    def from_json(cls, generation: int, text: str | bytes) -> Self:
        """The catalogue of that generation from its text."""
        views = [
            View(name, place, tuple(Layout(number, _cells(columns)) for number, columns in layouts))
            for name, place, layouts in json.loads(text)
        ]
        return cls(generation, {view.name: view for view in views})


def _cells(columns: Mapping[str, str]) -> dict[str, Cell]:
    return {name: Cell(cell) for name, cell in columns.items()}
