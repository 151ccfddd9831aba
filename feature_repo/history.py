"""Raw tables with the time each row was replaced, and what of them each row of a spine sees."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from operator import xor

import ibis
import ibis.expr.types as ir

from feature_repo.engine import Engine
from feature_repo.raw.contracts import BY_NAME
from feature_repo.snapshot import DAY_US


@dataclass(frozen=True)
class History:
    """The raw tables of one engine; what was corrected is found once, for any number of snapshots."""

    engine: Engine
    _rows: dict[str, ir.Table] = field(default_factory=dict)

    def rows(self, table: str) -> ir.Table:
        """A raw table with `superseded_at`: when the same key was recorded again."""
        if table not in self._rows:
            self._rows[table] = until_replaced(self.engine, table)
        return self._rows[table]


def until_replaced(engine: Engine, table: str) -> ir.Table:
    """A raw table with `superseded_at`: when the same key was recorded again; null when never.

    Few keys are recorded twice. Those whose hash occurs twice are looked at more closely; hashes are
    only a sieve, so a collision costs nothing but the sorting of two more rows.
    """
    rows, key = engine.read(table), BY_NAME[table].key
    marked = rows.select(*key, "recorded_at", mark=reduce(xor, (engine.hash(rows[name]) for name in key)))
    twice = marked.group_by("mark").agg(times=marked.count()).filter(ibis._.times > 1)
    suspects = marked.semi_join(twice, "mark")
    following = suspects.recorded_at.lead().over(group_by=list(key), order_by="recorded_at")
    ends = suspects.select(*key, "recorded_at", superseded_at=following)
    ends = engine.remember(table, ends.filter(ends.superseded_at.notnull()))
    joined = rows.left_join(ends, [*key, "recorded_at"], rname="{name}_ended")
    return joined.select(*rows.columns, "superseded_at")


@dataclass(frozen=True)
class Span:
    """The first and the last date of a spine."""

    first: datetime
    last: datetime

    def scanned(self, rows: ir.Table, event: str, longest: int | None) -> ir.Table:
        """The rows that any date of the span may see: what is left out need not be read at all."""
        first, last = (ibis.literal(date, type="timestamp('UTC', 6)") for date in (self.first, self.last))
        kept = [rows[event] < last, rows.recorded_at < last, in_force(rows, first)]
        if longest is not None:
            first = ibis.literal(self.first - timedelta(days=longest), type="timestamp('UTC', 6)")
            kept.append(rows[event] >= first)
        return rows.filter(kept)


def visible(
    engine: Engine, near: ir.Table, span: Span, rows: ir.Table, on: str, event: str, longest: int | None
) -> ir.Table:
    """Each row of `near` (spine rows, or more to each) beside the rows it sees, matched by column `on`.

    `rows` comes from `until_replaced`; with `longest` only events of the last so many days count.
    Every pair has `event` and `ago`, the microseconds from the event to the date.
    """
    facts = span.scanned(rows, event, longest)
    facts = facts.mutate(event=facts[event], event_us=engine.microseconds(facts[event]))
    taken = [name for name in facts.columns if name not in near.columns and name != "event_us"]
    conditions = [near[on] == facts[on]]
    if span.first < span.last:  # else `scanned` has seen to it
        conditions += [
            facts.event < near.as_of, facts.recorded_at < near.as_of, in_force(facts, near.as_of),
        ]  # fmt: skip
    joined = near.inner_join(facts, conditions, rname="{name}_fact")
    pairs = joined.select(*near.columns, *taken, ago=joined.as_of_us - joined.event_us)
    return pairs if longest is None else pairs.filter(pairs.ago <= longest * DAY_US)


def in_force(rows: ir.Table, date: ir.TimestampValue) -> ir.BooleanValue:
    """Whether a row had not been replaced before the date."""
    return rows.superseded_at.isnull() | (rows.superseded_at >= date)


def latest(seen: ir.Table, *entity: str) -> ir.Table:
    """Of each entity's visible versions the one in force: the last valid, then last recorded."""
    newest = ibis.row_number().over(
        group_by=["row", *entity], order_by=[seen.event.desc(), seen.recorded_at.desc()]
    )
    return seen.mutate(newest=newest).filter(ibis._.newest == 0).drop("newest")
