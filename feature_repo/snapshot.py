"""Raw rows as a date sees them: the words that features are written in.

A snapshot answers for many dates at once. Its *spine* is a table of customers and dates; each
spine row sees only rows recorded strictly before its date whose event lies strictly before it,
and of a corrected row only the correction it knew. A correction replaces what it corrects from
the moment it is recorded, even where it moves the event past the date.
"""

from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from feature_repo.errors import BankError

WINDOWS = (30, 90, 180, 365)  # days; a window is [as_of - days, as_of)
MONTH = 30  # days: windows up to 360 are whole numbers of these
MONTHS = 13  # the last one is the five days that are left of 365
DAY_SECONDS = 86_400
DAY_US = DAY_SECONDS * 1_000_000
TIME = pa.timestamp("us", tz="UTC")


class BadSpine(BankError, ValueError):
    """A spine is not a table of customers and dates."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The spine {why}. It needs customer_id (text) and as_of (UTC time), without nulls.")


@dataclass(frozen=True)
class Seen:
    """Raw rows of one kind beside the spine rows that see them; its columns are its attributes.

    Every row carries `row`, the number of its spine row, `as_of`, and how long `ago` its event was,
    in microseconds before the date. With `single` there is at most one row to a spine row.
    """

    table: ir.Table
    single: bool = False

    def __getattr__(self, column: str) -> ir.Value:
        return self.table[column]

    def within(self, days: int) -> ir.BooleanValue:
        """Whether the event lies in the last `days` days before the date."""
        return self.ago <= days * DAY_US

    def before(self, days: int) -> ir.BooleanValue:
        """Whether the event lies before the last `days` days."""
        return self.ago > days * DAY_US

    def count(self, where: ir.BooleanValue | None = None) -> ir.IntegerScalar:
        """The number of rows; 0, never null, where the condition is unknown for all of them."""
        return self.table.count(where=where).fill_null(0)

    def days_since_last(self, where: ir.BooleanValue | None = None) -> ir.FloatingValue:
        """Days, with their fraction, from the last of these events to the date."""
        return in_days(self.ago.min(where=where))

    def days_since(self, time: ir.Value) -> ir.FloatingValue:
        """Days, with their fraction, from that time to the date."""
        date = self.as_of if self.single else self.as_of.max()
        return days_between(time, date)


@dataclass(frozen=True)
class Monthly(Seen):
    """Sums over months of 30 days counted back from the date: `month` 0 is the last, 12 has five days."""

    def within(self, days: int) -> ir.BooleanValue:
        """Whether the month lies in the last `days` days: a multiple of 30, or 365 for all of them.

        >>> import ibis
        >>> Monthly(ibis.table({"month": "int64"})).within(45)
        Traceback (most recent call last):
        ...
        feature_repo.snapshot.NoSuchWindow: There is no window of 45 days: ...
        """
        return self.month < months(days)

    def between(self, later: int, earlier: int) -> ir.BooleanValue:
        """Whether the month lies before the last `later` days, but in the last `earlier`."""
        return (self.month >= months(later)) & (self.month < months(earlier))


class NoSuchWindow(BankError, ValueError):
    """A window that sums by month do not have."""

    def __init__(self, days: int) -> None:
        super().__init__(
            f"There is no window of {days} days: sums are kept by {MONTH} days. Take a multiple, or 365."
        )


def months(days: int) -> int:
    """How many months a window holds.

    >>> months(90), months(365)
    (3, 13)
    """
    if days == max(WINDOWS):
        return MONTHS
    if days % MONTH or not 0 < days < max(WINDOWS):
        raise NoSuchWindow(days)
    return days // MONTH


def in_days(microseconds: ir.IntegerValue) -> ir.FloatingValue:
    """A span of microseconds in days."""
    return microseconds.cast("float64") / DAY_US


def days_between(earlier: ir.Value, later: ir.Value) -> ir.FloatingValue:
    """Days, with their fraction, between two times of one row, each in whole seconds."""
    # Truncated first: of a fraction of a second one engine makes the nearest, the other the last second.
    return (later.truncate("s").epoch_seconds() - earlier.truncate("s").epoch_seconds()) / DAY_SECONDS


def spine_table(spine: pa.Table) -> pa.Table:
    """The distinct rows of a spine, numbered by customer and date, with the date in microseconds.

    >>> from datetime import UTC, datetime
    >>> day = pa.array([datetime(2025, 7, 1, tzinfo=UTC)] * 2, TIME)
    >>> spine_table(pa.table({"customer_id": ["ann", "ann"], "as_of": day})).num_rows
    1
    """
    if not {"customer_id", "as_of"} <= set(spine.column_names):
        raise BadSpine(f"has the columns {spine.column_names}")
    if not pa.types.is_timestamp(spine.schema.field("as_of").type):
        raise BadSpine(f"has an as_of of type {spine.schema.field('as_of').type}")
    keys = pa.table(
        {"customer_id": spine["customer_id"].cast(pa.string()), "as_of": spine["as_of"].cast(TIME)}
    )
    if keys["customer_id"].null_count or keys["as_of"].null_count:
        raise BadSpine("holds nulls")
    rows = keys.group_by(["customer_id", "as_of"]).aggregate([])
    rows = rows.sort_by([("customer_id", "ascending"), ("as_of", "ascending")])
    rows = rows.append_column("as_of_us", rows["as_of"].cast(pa.int64()))
    return rows.append_column("row", pa.array(np.arange(rows.num_rows)))
