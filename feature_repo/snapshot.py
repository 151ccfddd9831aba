"""What a bank knew as of a date: raw rows laid beside the (customer, date) that may see them.

A snapshot answers for many dates at once. Its *spine* is a table of customers and dates; each
spine row sees only rows recorded strictly before its date whose event lies strictly before it,
and of a corrected row only the correction it knew. A correction replaces what it corrects from
the moment it is recorded, even where it moves the event past the date.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.errors import BankError

# A row that nothing replaced is replaced at the end of time.
FOREVER = ibis.literal(datetime(9999, 12, 31, tzinfo=UTC), type="timestamp('UTC', 6)")
WINDOWS = (30, 90, 180, 365)  # days; a window is [as_of - days, as_of)
DAY_SECONDS = 86_400
TIME = pa.timestamp("us", tz="UTC")


class BadSpine(BankError, ValueError):
    """A spine is not a table of customers and dates."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The spine {why}. It needs customer_id (text) and as_of (UTC time), without nulls.")


@dataclass(frozen=True)
class Seen:
    """Raw rows of one kind beside the spine rows that see them; its columns are its attributes.

    Every row carries `row`, the number of its spine row, `as_of`, and the event time `event`.
    With `single` there is at most one row to a spine row; otherwise any number.
    """

    table: ir.Table
    single: bool = False

    def __getattr__(self, column: str) -> ir.Value:
        return self.table[column]

    def within(self, days: int) -> ir.BooleanValue:
        """Whether the event lies in the last `days` days before the date."""
        return self.event >= self.table[since(days)]

    def count(self, where: ir.BooleanValue | None = None) -> ir.IntegerScalar:
        """The number of rows."""
        return self.table.count(where=where)

    def days_since(self, time: ir.Value) -> ir.FloatingValue:
        """Days, with their fraction, from that time to the date."""
        date = self.as_of if self.single else self.as_of.max()
        return days_between(time, date)


def days_between(earlier: ir.Value, later: ir.Value) -> ir.FloatingValue:
    """Days, with their fraction, between two times of one row."""
    return (later.epoch_seconds() - earlier.epoch_seconds()) / DAY_SECONDS


def since(days: int) -> str:
    """The spine's column that says where a window of so many days begins."""
    return f"since_{days}d"


def spine_table(spine: pa.Table) -> pa.Table:
    """The distinct rows of a spine, numbered, with the beginning of every window.

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
    for days in WINDOWS:
        begins = pc.subtract(rows["as_of"], pa.scalar(timedelta(days=days), pa.duration("us")))
        rows = rows.append_column(since(days), begins)
    return rows.append_column("row", pa.array(np.arange(rows.num_rows)))


def until_replaced(rows: ir.Table, key: Sequence[str], keep: Callable[[ir.Table], ir.Table]) -> ir.Table:
    """These rows with `superseded_at`: when the same key was recorded again.

    Few keys are, so only those are sorted, and `keep` may hold their times for several readers.
    """
    again = rows.group_by(list(key)).agg(times=rows.count()).filter(ibis._.times > 1)
    repeated = rows.semi_join(again, list(key))
    following = repeated.recorded_at.lead().over(group_by=list(key), order_by="recorded_at")
    ends = keep(repeated.select(*key, "recorded_at", superseded_at=following))
    known = rows.left_join(ends, [*key, "recorded_at"], rname="{name}_ended")
    return known.select(*rows.columns, superseded_at=known.superseded_at.fill_null(FOREVER))


def visible(spine: ir.Table, rows: ir.Table, on: str, event: str, longest: int | None = None) -> ir.Table:
    """Each spine row beside the rows it sees, matched by the column `on`.

    `rows` comes from `until_replaced`; with `longest` only events of the last so many days count.
    """
    facts = rows.mutate(event=rows[event])
    taken = [name for name in facts.columns if name not in spine.columns]
    conditions = [
        spine[on] == facts[on],
        facts.event < spine.as_of,
        facts.recorded_at < spine.as_of,
        facts.superseded_at >= spine.as_of,
    ]
    if longest is not None:
        conditions.append(facts.event >= spine[since(longest)])
    joined = spine.inner_join(facts, conditions, rname="{name}_fact")
    return joined.select(*spine.columns, *taken)


def latest(seen: ir.Table, *entity: str) -> ir.Table:
    """Of each entity's visible versions the one in force: the last valid, then last recorded."""
    newest = ibis.row_number().over(
        group_by=["row", *entity], order_by=[seen.event.desc(), seen.recorded_at.desc()]
    )
    return seen.mutate(newest=newest).filter(ibis._.newest == 0).drop("newest")
