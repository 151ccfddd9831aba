"""How old the online rows are: each keeps the time its features are of."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from feature_repo.packed_rows import PackedRows

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Freshness:
    """The event times of a view's rows as of a date; None and NaN where it has no rows.

    `stale` is the share of rows older than the limit.
    """

    view: str
    rows: int
    oldest: datetime | None
    median: datetime | None
    newest: datetime | None
    median_age_days: float
    stale: float


def freshness(rows: PackedRows, as_of: datetime, limit: timedelta) -> list[Freshness]:
    """One entry a view, in the order the views were first written.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> day = 86_400_000_000
    >>> with TemporaryDirectory() as folder, PackedRows.open(Path(folder) / "o.db", read_only=False) as rows:
    ...     rows.write("credit", ["debt"], ["a", "b", "c"], [0, 8 * day, 9 * day], np.ones((3, 1)))
    ...     [view] = freshness(rows, datetime(1970, 1, 11, tzinfo=UTC), timedelta(days=7))
    >>> view.rows, view.median_age_days, round(view.stale, 2), f"{view.oldest:%Y-%m-%d}"
    (3, 2.0, 0.33, '1970-01-01')
    """
    return [_of_view(rows, view, as_of, limit) for view in rows.columns()]


def _of_view(rows: PackedRows, view: str, as_of: datetime, limit: timedelta) -> Freshness:
    times = np.sort(rows.event_us(view))
    if not len(times):
        return Freshness(view, 0, None, None, None, np.nan, np.nan)
    oldest, median, newest = (EPOCH + int(times[at]) * MICROSECOND for at in (0, len(times) // 2, -1))
    stale = times < (as_of - limit - EPOCH) // MICROSECOND
    age = (as_of - median) / timedelta(days=1)
    return Freshness(view, len(times), oldest, median, newest, round(age, 3), float(stale.mean()))
