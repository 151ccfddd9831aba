"""Point-in-time datasets: who is observed when, what was known then, and how time splits them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.errors import BankError
from feature_repo.features.application import APPLICATION_COLUMNS, REQUEST_COLUMNS, application_features
from feature_repo.features.catalogue import FEATURES, tables_needed
from feature_repo.features.services import SERVICES, permitted
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from feature_repo.store import historical
from training.labels import DAY, I64, RUNNING, History, micros, times
from training.learning.boosting import as_model_input
from training.learning.trees import F32
from training.validation import F64

QUARTERS = 9
LEAST_HISTORY = 180 * DAY
SCHEMA = pa.schema([("customer_id", pa.string()), ("as_of", pa.timestamp("us", tz="UTC"))])
# What bookings enter into: these columns tell who was selected once bookings are only partly there.
BOOKING_COLUMNS = frozenset(f.name for f in FEATURES if "bookings" in tables_needed(f))


class TooLittleData(BankError, ValueError):
    """A model cannot be trained on what is there; the pipeline leaves it out by name."""

    def __init__(self, model: str, reason: str) -> None:
        self.model, self.reason = model, reason
        super().__init__(f"'{model}' is left out: {reason}.")


@dataclass(frozen=True)
class Dataset:
    """Rows observed at a date, in time order. `matrix` is float32 (n, len(columns)), NaN missing."""

    customer_ids: npt.NDArray[np.object_]
    as_of: I64
    matrix: F32
    columns: tuple[str, ...]
    service: str

    def __len__(self) -> int:
        return len(self.as_of)

    def rows(self, chosen: npt.NDArray[np.bool_]) -> "Dataset":
        """The chosen rows."""
        return Dataset(self.customer_ids[chosen], self.as_of[chosen], self.matrix[chosen],
                       self.columns, self.service)  # fmt: skip

    def only(self, columns: Sequence[str]) -> F32:
        """Those columns of the matrix, in that order."""
        return np.ascontiguousarray(self.matrix[:, [self.columns.index(name) for name in columns]])

    def informative(self, chosen: npt.NDArray[np.bool_]) -> tuple[str, ...]:
        """The columns that hold at least two different values on the chosen rows."""
        part = self.matrix[chosen]
        return tuple(c for j, c in enumerate(self.columns) if _varies(part[:, j]))

    @property
    def spine(self) -> pa.Table:
        """The rows as labels want them."""
        return spine_table(list(self.customer_ids), self.as_of)


def _varies(values: F32) -> bool:
    known = values[~np.isnan(values)]
    return bool(len(known)) and bool(known.min() < known.max())


def spine_table(customer_ids: Sequence[str], as_of: I64) -> pa.Table:
    """A spine (customer_id, as_of) from ids and microseconds."""
    return pa.table({"customer_id": pa.array(customer_ids, pa.string()), "as_of": pa.array(as_of)}).cast(
        SCHEMA
    )


def quarters(source: Source) -> list[int]:
    """The first instants of the quarters inside the data, oldest first, once there is some history.

    >>> bank = Source("x", "EUR", "2023-05-01T00:00:00+00:00", "2024-06-30T00:00:00+00:00", "", {})
    >>> [datetime.fromtimestamp(at / 1e6, UTC).strftime("%Y-%m") for at in quarters(bank)]
    ['2024-01', '2024-04']
    """
    first, last = source.start.year, source.end.year
    starts = (
        datetime(year, month, 1, tzinfo=UTC) for year in range(first, last + 1) for month in (1, 4, 7, 10)
    )
    found = (int(start.timestamp()) * 1_000_000 for start in starts)
    return [at for at in found if micros(source.starts) + LEAST_HISTORY <= at < micros(source.ends)]


KNOWN = """SELECT c.customer_id, q.at AS as_of FROM quarter q JOIN (
  SELECT customer_id, min(epoch_us(recorded_at)) AS recorded FROM customers GROUP BY customer_id) c
ON c.recorded < q.at ORDER BY q.at, c.customer_id"""


def spine(raw: Path, source: Source) -> pa.Table:
    """Whom to observe when: (customer_id, as_of), sorted, without repeats.

    Every known customer at the last nine quarter starts; customers with a running loan at the
    earlier ones too (default takes a year to show); and the moment of every credit application,
    or of every granted loan where the source keeps no applications.
    """
    history, every = History(raw, source), quarters(source)
    recent = everybody_at(history, every[-QUARTERS:])
    parts = [recent]
    if source.has("loans"):
        earlier = everybody_at(history, every[:-QUARTERS])
        parts.append(earlier.filter(pa.array(history.marked(RUNNING, earlier))))
        parts.append(_requests(history))
    joined = pa.concat_tables(parts).group_by(["customer_id", "as_of"]).aggregate([])
    return joined.select(SCHEMA.names).sort_by([("as_of", "ascending"), ("customer_id", "ascending")])


def everybody_at(history: History, moments: Sequence[int]) -> pa.Table:
    """The spine of every customer known at each of those moments."""
    history.connection.register("quarter", pa.table({"at": pa.array(moments, pa.int64())}))
    return history.ask(KNOWN).cast(SCHEMA)


def _requests(history: History) -> pa.Table:
    table, at = ("applications", '"at"') if history.source.has("applications") else ("loans", "granted_at")
    return history.ask(f"SELECT DISTINCT customer_id, {at} AS as_of FROM {table}").cast(SCHEMA)  # noqa: S608 -- names are ours


def usable(service: str, source: Source) -> tuple[tuple[str, ...], dict[str, str]]:
    """The service's columns that say the same of every customer, and what is left out and why."""
    columns = SERVICES[service]
    if source.bookings_complete_until is None:
        return columns, {}
    dropped = [name for name in columns if name in BOOKING_COLUMNS]
    why = (
        f"bookings from {source.bookings_complete_until[:10]} on are there for some accounts only "
        f"({source.selection}); their mere presence would tell the outcome, "
        f"so {len(dropped)} columns are not used"
    )
    return tuple(name for name in columns if name not in BOOKING_COLUMNS), {"columns": why}


def load(settings: Settings, service: str, columns: tuple[str, ...], entities: pa.Table) -> Dataset:
    """Columns of a service as they were known at each row's date, through Feast, in time order."""
    ordered = entities.sort_by([("as_of", "ascending"), ("customer_id", "ascending")])
    at = times(ordered)
    frame = pd.DataFrame({
        "customer_id": ordered["customer_id"].to_numpy(zero_copy_only=False),
        "event_timestamp": pd.to_datetime(at, unit="us", utc=True).astype("datetime64[us, UTC]"),
    })  # fmt: skip
    found = historical(settings, frame, service)
    return Dataset(
        frame["customer_id"].to_numpy(object), at, as_model_input(found[list(columns)]), columns, service
    )


def with_request(settings: Settings, service: str, requests: pa.Table) -> Dataset:
    """Features at the moment of a request, joined by what the request itself says, in its order.

    `requests` is sorted by as_of and holds customer_id, as_of and REQUEST_COLUMNS. Two requests of
    one customer at one instant would share a row, so rows keep the order given.
    """
    at, columns = times(requests), SERVICES[service]
    frame = pd.DataFrame({
        "customer_id": requests["customer_id"].to_numpy(zero_copy_only=False),
        "event_timestamp": pd.to_datetime(at, unit="us", utc=True).astype("datetime64[us, UTC]"),
    })  # fmt: skip
    found = historical(settings, frame, service)
    features: dict[str, F64] = {name: found[name].to_numpy(np.float64) for name in columns}
    asked = {name: _floats(requests[name]) for name in REQUEST_COLUMNS}
    features |= application_features(asked, features)
    names = permitted(service, columns) + APPLICATION_COLUMNS
    matrix = as_model_input(np.stack([features[name] for name in names], axis=1))
    return Dataset(frame["customer_id"].to_numpy(object), at, matrix, names, service)


def _floats(column: pa.ChunkedArray) -> F64:
    filled = pc.fill_null(column.cast(pa.float64()), float("nan"))
    return np.asarray(filled.to_numpy(), np.float64)


@dataclass(frozen=True)
class Split:
    """Which rows train, calibrate and test, with an embargo between them."""

    train: npt.NDArray[np.bool_]
    calibrate: npt.NDArray[np.bool_]
    test: npt.NDArray[np.bool_]


def split_by_snapshot(as_of: I64, known: npt.NDArray[np.bool_], horizon: int) -> Split | None:
    """The last snapshot tests, an earlier one calibrates, those before it train.

    Embargo: every label of an earlier fold has ended before the next fold is observed. None when
    the data is too short for it.

    >>> at = np.array([0, 1, 2, 3, 4], np.int64)
    >>> cut = split_by_snapshot(at, np.ones(5, bool), horizon=2)
    >>> [at[fold].tolist() for fold in (cut.train, cut.calibrate, cut.test)]
    [[0], [2], [4]]
    """
    moments = np.unique(as_of[known])
    if not len(moments):
        return None
    test = moments[-1]
    before = moments[moments + horizon <= test]
    earlier = before[before + horizon <= before[-1]] if len(before) else before
    if not len(earlier):
        return None
    return Split(known & (as_of <= earlier[-1]), known & (as_of == before[-1]), known & (as_of == test))


def iso(at: int) -> str:
    """A time in microseconds as ISO 8601 in UTC.

    >>> iso(0)
    '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(at / 1_000_000, UTC).isoformat()
