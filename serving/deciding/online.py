"""What is known about n customers at this moment: their packed rows as one matrix.

A decision and its replay read the same `Snapshot`, one filled from online rows, the other from
the record of the decision.
"""

import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from feature_repo.errors import MissingColumns
from feature_repo.identity import by_identity
from feature_repo.rows.reading import NO_ROW, BrokenRow, Rows
from feature_repo.rows.remembered import RowsLost
from serving.errors import RowsOfAnotherRelease, RowsUnreachable
from training.release.manifest import Origin
from training.release.packing import pack_rows, unpack

F64Array = npt.NDArray[np.float64]
F32Array = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]
OWNED = "owned"
LOST, STALE = "online_rows", "stale_features"
REMEMBERED, UNREAD = 1, 2
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
FIRST = (datetime.min.replace(tzinfo=UTC) - EPOCH) // MICROSECOND  # what a calendar can name
LAST = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MICROSECOND


class RowReader(Protocol):
    """Reads packed rows; `PackedRows` is one."""

    def read(self, customer_ids: Sequence[str], views: Sequence[str] | None = None) -> Rows:
        """The rows of these customers in these views."""

    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of each view."""


@dataclass(frozen=True)
class Snapshot:
    """n customers' features: `values` (n, F) in the order of `origin.columns`, NaN where unknown.

    `event_us` (n, V) follows `origin.views`, -1 where a view has no row for the customer. `lost` (n,) says
    whose rows could not be read: REMEMBERED are as they were last read, of UNREAD nothing is known; None
    where all could be. Features older than `stale_after_s` seconds are STALE.
    """

    origin: Origin
    values: F64Array
    event_us: npt.NDArray[np.int64]
    lost: npt.NDArray[np.int8] | None = None
    stale_after_s: float = math.inf

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def found(self) -> npt.NDArray[np.bool_]:
        """Who has a row in any view, (n,)."""
        known: npt.NDArray[np.bool_] = (self.event_us != NO_ROW).any(axis=1)
        return known

    def column(self, name: str) -> F64Array:
        """One feature of every customer, (n,)."""
        return np.ascontiguousarray(self.values[:, self.origin.position[name]])

    def value(self, name: str, row: int) -> float | None:
        """One feature of one customer; None where it is unknown."""
        value = float(self.values[row, self.origin.position[name]])
        return None if np.isnan(value) else value

    def rows(self, rows: npt.NDArray[np.intp]) -> "Snapshot":
        """Some of the customers, in the order asked for."""
        lost = None if self.lost is None else self.lost[rows]
        return Snapshot(self.origin, self.values[rows], self.event_us[rows], lost, self.stale_after_s)

    def unread(self, row: int) -> bool:
        """Whether nothing is known of a customer because it could not be read."""
        return self.lost is not None and bool(self.lost[row] == UNREAD)

    def columns(self, names: tuple[str, ...]) -> F64Array:
        """Some features of every customer, (names, n)."""
        return np.ascontiguousarray(self.values.take(_places(self.origin, names), axis=1).T)

    def matrix(self, columns: tuple[str, ...], more: Mapping[str, F64Array]) -> F32Array:
        """(n, columns) as models see it: float32; `more` adds columns, what nobody knows is NaN."""
        places, unknown = _lined_up(self.origin, columns)
        with np.errstate(over="ignore"):  # beyond float32 is infinite, in training as well
            matrix = self.values.take(places, axis=1).astype(np.float32)
            if len(unknown):
                matrix[:, unknown] = np.nan
            for name in more:
                if name in columns:
                    matrix[:, columns.index(name)] = more[name]
        return matrix

    def degraded(self, row: int, at: str) -> tuple[str, ...]:
        """What is not as it should be: rows that could not be read or are missing, and old ones."""
        times, found = self._times[row], [LOST] if self.lost is not None and self.lost[row] else []
        if NO_ROW in times and self.found[row]:
            found += [view for view, time in zip(self.origin.views, times, strict=True) if time == NO_ROW]
        if self.stale_after_s < math.inf and (self.age_s(row, at) or 0) > self.stale_after_s:
            found.append(STALE)
        return tuple(found)

    def oldest(self, row: int) -> str | None:
        """The oldest event time among a customer's views, ISO 8601; None without any row.

        A time that no calendar can name counts as none.
        """
        oldest = self._oldest[row]
        return None if oldest is None else _iso(oldest)

    def age_s(self, row: int, at: str) -> int | None:
        """Whole seconds from the oldest event time of a customer to a moment (ISO 8601); None without any."""
        oldest = self._oldest[row]
        return None if oldest is None else (_microseconds(at) - oldest) // 1_000_000

    def as_record(self, row: int) -> dict[str, object]:
        """One customer's features as a decision record keeps them."""
        return {"values": self._packed[row], "event_us": self._times[row]}

    @cached_property
    def _times(self) -> list[list[int]]:
        times: list[list[int]] = self.event_us.tolist()
        return times

    @cached_property
    def _oldest(self) -> list[int | None]:
        return [
            min((time for time in times if time != NO_ROW and FIRST <= time <= LAST), default=None)
            for times in self._times
        ]

    @cached_property
    def _packed(self) -> list[str]:
        return pack_rows(self.values)

    @staticmethod
    def from_record(record: Mapping[str, object], origin: Origin) -> "Snapshot":
        """The snapshot of one that a record keeps."""
        times = record["event_us"]
        if not isinstance(times, list) or len(times) != len(origin.views):
            raise RowsOfAnotherRelease(origin.views, "of the record")
        values = unpack(str(record["values"]), len(origin.columns))
        return Snapshot(origin, values[None, :], np.array([times], np.int64))


@by_identity
def _places(origin: Origin, names: tuple[str, ...]) -> Indices:
    """Where these names stand among the columns."""
    return np.array([origin.position[name] for name in names], np.intp)


@by_identity
def _lined_up(origin: Origin, wanted: tuple[str, ...]) -> tuple[Indices, Indices]:
    """Where each wanted column stands, and which of those wanted are not there at all."""
    unknown = [at for at, name in enumerate(wanted) if name not in origin.position]
    return np.array([origin.position.get(name, 0) for name in wanted], np.intp), np.array(unknown, np.intp)


@by_identity
def _across(stored: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[Indices, tuple[str, ...]]:
    """Where each wanted column stands among those stored, and those that are not there."""
    place = {name: at for at, name in enumerate(stored)}
    missing = tuple(name for name in wanted if name not in place)
    return np.array([place.get(name, 0) for name in wanted], np.intp), missing


@lru_cache(maxsize=1_024)
def _microseconds(at: str) -> int:
    return (datetime.fromisoformat(at) - EPOCH) // MICROSECOND


@lru_cache(maxsize=4_096)
def _iso(moment: int) -> str:
    return (EPOCH + timedelta(microseconds=moment)).isoformat()


class OnlineRows:
    """Online rows in the layout of one release."""

    def __init__(
        self, reader: RowReader, origin: Origin, release: str, stale_after_s: float = math.inf
    ) -> None:
        self._reader, self._origin, self._release = reader, origin, release
        self._stale_after_s = stale_after_s
        self._same: tuple[str, ...] = origin.columns
        stored = reader.columns()
        missing = {view for view in origin.views if view not in stored}
        missing |= {
            name
            for view in set(origin.views) - missing
            for name in set(origin.feature_views[view]) - set(stored[view])
        }
        if missing:
            raise RowsOfAnotherRelease(missing, release)

    def read(self, customer_ids: Sequence[str]) -> Snapshot:
        """The customers' features, in the order asked for; RowsUnreachable when they cannot be read.

        With a reader that remembers, what could not be read is as it was last, or not known.
        """
        try:
            rows = self._reader.read(customer_ids, self._origin.views)
        except RowsLost as lost:
            return self._as_remembered(customer_ids, lost)
        except (sqlite3.Error, OSError, MissingColumns, BrokenRow) as error:
            raise RowsUnreachable(type(error).__name__) from error
        if rows.columns is self._same or rows.columns == self._origin.columns:
            self._same = rows.columns  # the reader gives the same object again: no need to compare them all
            values = rows.values
        else:
            values = self._reordered(rows)
        return Snapshot(self._origin, values, rows.event_us, None, self._stale_after_s)

    def nothing(self, customers: int) -> Snapshot:
        """The snapshot of customers about whom nothing is known."""
        values = np.full((customers, len(self._origin.columns)), np.nan)
        times = np.full((customers, len(self._origin.views)), NO_ROW, np.int64)
        return Snapshot(self._origin, values, times, None, self._stale_after_s)

    def unread(self, customer_ids: Sequence[str]) -> Snapshot:
        """The snapshot of customers none of whom could be read; nobody is asked about by an empty id."""
        lost = np.array([UNREAD * bool(name) for name in customer_ids], np.int8)
        return replace(self.nothing(len(customer_ids)), lost=lost)

    def _as_remembered(self, customer_ids: Sequence[str], lost: RowsLost) -> Snapshot:
        found = self.nothing(len(customer_ids))
        if lost.rows is not None:
            same = lost.rows.columns == self._origin.columns
            found = replace(found, values=lost.rows.values if same else self._reordered(lost.rows),
                            event_us=lost.rows.event_us)  # fmt: skip
        asked = np.array([bool(name) for name in customer_ids])
        state = np.where(lost.remembered, REMEMBERED, UNREAD) * asked
        return replace(found, lost=state.astype(np.int8))

    def _reordered(self, rows: Rows) -> F64Array:
        places, missing = _across(rows.columns, self._origin.columns)
        if missing:
            raise RowsOfAnotherRelease(missing, self._release)
        return rows.values.take(places, axis=1)
