"""Rows as they were last read, for the time in which they cannot be read."""

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from feature_repo.errors import BankError
from feature_repo.rows.reading import NO_ROW, Rows

FAILURES = (sqlite3.Error, OSError, BankError)
Mask = npt.NDArray[np.bool_]


class Reader(Protocol):
    """Reads packed rows; `PackedRows` is one."""

    def read(self, customer_ids: Sequence[str], views: Sequence[str] | None = None) -> Rows:
        """The rows of these customers in these views."""

    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of each view."""


@dataclass(frozen=True)
class Memory:
    """How much is remembered, how long it counts, and how long a failed store is left alone: seconds."""

    customers: int = 10_000
    lasts: float = 900.0
    again_after: float = 2.0


class RowsLost(BankError, OSError):
    """Rows cannot be read; `rows` are what is remembered, `remembered` (n,) says of whom."""

    def __init__(self, found: str, rows: Rows | None, remembered: Mask) -> None:
        self.found, self.rows, self.remembered = found, rows, remembered
        super().__init__(f"Online rows cannot be read ({found}). Ask again in a moment.")


@dataclass
class RememberedRows:
    """A reader that remembers what it read; RowsLost, with what is remembered, while it cannot read.

    `clock` gives seconds that only rise. A store that failed is asked again after a while, by one question:
    one that hangs keeps nobody waiting twice. Used by one thread at a time.
    """

    reader: Reader
    clock: Callable[[], float]
    memory: Memory = field(default_factory=Memory)
    _kept: "OrderedDict[str, tuple[Rows, int, float]]" = field(default_factory=OrderedDict, init=False)
    _failed: float | None = field(default=None, init=False)
    _why: str = field(default="", init=False)

    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of each view."""
        return self.reader.columns()

    @property
    def lost(self) -> bool:
        """Whether the last reading failed."""
        return self._failed is not None

    def read(self, customer_ids: Sequence[str], views: Sequence[str] | None = None) -> Rows:
        """The rows as they are; RowsLost when they cannot be read."""
        now = self.clock()
        if self._failed is None or now >= self._failed + self.memory.again_after:
            try:
                rows = self.reader.read(customer_ids, views)
            except FAILURES as error:
                self._failed, self._why = self.clock(), type(error).__name__
            else:
                self._failed = None
                self._remember(rows, now)
                return rows
        raise self._lost(customer_ids, now)

    def _remember(self, rows: Rows, now: float) -> None:
        kept = self._kept
        for at, name in enumerate(rows.customer_ids):
            if rows.found[at]:
                kept[name] = (rows, at, now)
                kept.move_to_end(name)
            else:
                kept.pop(name, None)
        while len(kept) > self.memory.customers:
            kept.popitem(last=False)

    def _lost(self, customer_ids: Sequence[str], now: float) -> RowsLost:
        found = [self._remembered(name, now) for name in customer_ids]
        remembered = np.array([each is not None for each in found], np.bool_)
        newest = next((rows for each in reversed(found) if each for rows in [each[0]]), None)
        if newest is None:
            return RowsLost(self._why, None, remembered)
        values = np.full((len(found), newest.values.shape[1]), np.nan)
        times = np.full((len(found), len(newest.views)), NO_ROW, np.int64)
        for row, each in enumerate(found):
            if each is not None and each[0].columns == newest.columns:
                values[row], times[row] = each[0].values[each[1]], each[0].event_us[each[1]]
            else:
                remembered[row] = False
        rows = Rows(tuple(customer_ids), newest.columns, values, remembered.copy(), times, newest.views)
        return RowsLost(self._why, rows, remembered)

    def _remembered(self, name: str, now: float) -> tuple[Rows, int] | None:
        kept = self._kept.get(name)
        if kept is None or now > kept[2] + self.memory.lasts:
            return None
        return kept[0], kept[1]
