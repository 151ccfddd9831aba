"""What the tables of a bank look like: figures that tell whether its data can be relied on.

No figure tells of one person: identifiers and free text are never read out, and a code that fewer than
`CELL` rows hold is counted with the other rare ones.
"""

# ruff: noqa: S608 - queries are built from names of the contract, never from data

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from feature_repo.raw import history, reconcile
from feature_repo.raw.append import there
from feature_repo.raw.contracts import BY_NAME, TABLES, Kind, Table
from feature_repo.raw.formula import name
from feature_repo.raw.source import Source, files

CELL = 10
MEMORY = "1GB"
SHOWN = 15
DAY = 86_400
OTHERS = "(others, of which each is rarer)"

Cell = str | int | float
Rows = list[tuple[Cell, ...]]


@dataclass(frozen=True)
class Panel:
    """One finding: a title that says it, what was looked at, a plot's points, and the table beside it.

    `holds` is whether the figures keep their `limit`; None where there is no limit to keep.
    """

    key: str
    title: str
    seen: str
    points: tuple[tuple[str, float], ...]
    unit: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    limit: float | None = None
    holds: bool | None = None
    over_time: bool = False


def inspect(raw: Path, quarantine_limit: float, threads: int = 2) -> list[Panel]:
    """Every panel of the report on the bank in that folder; MissingTable when nothing was loaded."""
    source, loads = Source.read(raw), history.read(raw)
    with _opened(raw, threads) as bank:
        panels = [
            bank.months(), bank.nulls(), bank.delays(), bank.gaps(), bank.repeats(), bank.outliers(),
            bank.codes(), bank.totals(source),
        ]  # fmt: skip
    return [*_set_aside(history.current(loads), quarantine_limit), *panels, *_trend(loads, quarantine_limit)]


class Bank:
    """Views `there_<table>` over one bank's tables."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, raw: Path) -> None:
        self._connection = connection
        self._tables = [table for table in TABLES if files(raw, table.name)]
        for table in self._tables:
            there(connection, raw, table)

    def months(self) -> Panel:
        """Rows by table and month of the event."""
        rows = self._each(
            lambda t: (
                f"select '{t.name}', strftime({name(t.event)}, '%Y-%m'), count(*) "
                f"from there_{t.name} group by all"
            )
        )
        shown = "bookings" if any(row[0] == "bookings" for row in rows) else str(rows[0][0])
        points = _whole([(str(month), float(count)) for table, month, count in rows if table == shown])
        least, most = min(points, key=_value), max(points, key=_value)
        title = f"{shown}: {least[1]:,.0f} rows in {least[0]} at least, {most[1]:,.0f} in {most[0]} at most"
        n = sum(int(row[2]) for row in rows)
        return Panel("months", title, f"n = {n:,} rows of {len(self._tables)} tables", points,
                     "rows", ("table", "month", "rows"), tuple(rows), over_time=True)  # fmt: skip

    def nulls(self) -> Panel:
        """Share of missing values by column."""
        rows: Rows = []
        for table in self._tables:
            free = [column.name for column in table.columns if not column.required]
            counts = ", ".join(f"count({name(column)})" for column in free)
            found = self._all(f"select count(*), {counts or '0'} from there_{table.name}")[0]
            for column, filled in zip(free, found[1:], strict=False):
                rows.append(
                    (f"{table.name}.{column}", int(found[0]), 1 - int(filled) / max(int(found[0]), 1))
                )
        rows.sort(key=lambda row: (-float(row[2]), row[0]))
        partly = [row for row in rows if 0 < float(row[2]) < 1]
        empty = sum(float(row[2]) == 1 for row in rows)
        title = f"{empty} of {len(rows)} optional columns are empty, {len(partly)} have gaps"
        return Panel("nulls", title, "share of rows without a value; columns with gaps are drawn",
                     _points(partly, 0, 2, 100), "% missing", ("column", "rows", "share missing"),
                     tuple(rows))  # fmt: skip

    def delays(self) -> Panel:
        """From an event to its recording: quantiles in days."""
        rows = self._each(
            lambda t: (
                f"select '{t.name}', count(*), quantile_cont(d, 0.5), quantile_cont(d, 0.9), "
                f"quantile_cont(d, 0.99), max(d) from (select (epoch(recorded_at) - epoch({name(t.event)})) "
                f"/ {DAY} as d from there_{t.name}) having count(*) > 0"
            )
        )
        worst = max(rows, key=lambda row: float(row[3]))
        within = f"{float(worst[3]):,.1f} days"
        title = f"nine of ten rows are recorded within {within} in every table, {worst[0]} last"
        return Panel("delays", title, f"recorded_at minus the event's time, {len(rows)} tables",
                     _points(rows, 0, 3), "days (90 % of rows)",
                     ("table", "rows", "median days", "90 %", "99 %", "longest"), tuple(rows))  # fmt: skip

    def gaps(self) -> Panel:
        """Rows that refer to what is not there."""
        there_are = {table.name for table in self._tables}
        rows: Rows = []
        for table in self._tables:
            for column, other in table.references:
                if other in there_are:
                    key = name(BY_NAME[other].key[0])
                    query = (
                        f"select count({name(column)}), count({name(column)}) filter (where {name(column)} "
                        f"not in (select {key} from there_{other})) from there_{table.name}"
                    )
                    rows.append((f"{table.name}.{column} -> {other}", *map(int, self._all(query)[0])))
        broken = sum(int(row[2]) for row in rows)
        title = "every reference leads somewhere" if not broken else f"{broken:,} references lead nowhere"
        n = sum(int(row[1]) for row in rows)
        return Panel("gaps", title, f"n = {n:,} references", _points(rows, 0, 2),
                     "rows without their other end", ("reference", "rows", "without"), tuple(rows), 0,
                     not broken)  # fmt: skip

    def repeats(self) -> Panel:
        """Corrections, versions, and keys recorded twice at one time."""
        rows = self._each(
            lambda t: (
                f"select '{t.name}', count(*), count(*) filter (where n > 1), "
                f"coalesce(sum(n - times), 0)::bigint from (select count(*) n, "
                f"count(distinct recorded_at) times "
                f"from there_{t.name} group by {', '.join(name(one) for one in t.key)})"
            )
        )
        twice, corrected = sum(int(row[3]) for row in rows), sum(int(row[2]) for row in rows)
        title = f"{corrected:,} keys were corrected; {twice:,} are recorded twice at one time"
        n = sum(int(row[1]) for row in rows)
        columns = ("table", "keys", "corrected", "twice at one time")
        return Panel("repeats", title, f"n = {n:,} keys", _points(rows, 0, 2), "keys corrected", columns,
                     tuple(rows), None, not twice)  # fmt: skip

    def outliers(self) -> Panel:
        """Bookings whose amount lies far above those of its category (Tukey's outer fence)."""
        if not any(table.name == "bookings" for table in self._tables):
            return Panel("outliers", "there are no bookings", "", (), "", (), ())
        rows = self._all(f"""select coalesce(category, '(none)'), count(*), count(*) filter (
                where a > high), max(high) from (
                select category, a, q3 + 3 * (q3 - q1) as high from (
                    select category, abs(amount)::double as a,
                        quantile_cont(abs(amount)::double, 0.25) over (partition by category) as q1,
                        quantile_cont(abs(amount)::double, 0.75) over (partition by category) as q3
                    from there_bookings using sample reservoir(500000 rows) repeatable (7)))
            group by 1 having count(*) >= {CELL} order by 3 desc""")
        far, n = sum(int(row[2]) for row in rows), sum(int(row[1]) for row in rows)
        title = f"{far / max(n, 1):.2%} of amounts lie far outside their category's range"
        rows.sort(key=lambda row: -int(row[2]) / int(row[1]))
        points = tuple((str(row[0]), 100 * int(row[2]) / int(row[1])) for row in rows[:SHOWN])
        return Panel("outliers", title, f"n = {n:,} bookings (a sample of at most 500,000); far is above the "
                     f"third quartile by three times the middle half", points, "% of the category",
                     ("category", "bookings", "far outside", "from this amount"), tuple(rows))  # fmt: skip

    def codes(self) -> Panel:
        """Shares of every code; rare ones together."""
        rows: Rows = []
        for table in self._tables:
            for column in table.columns:
                if column.kind is Kind.CODE:
                    rows += self._shares(table, column.name)
        drawn = "bookings.category" if any(row[0] == "bookings.category" for row in rows) else None
        sure = [row for row in rows if row[1] != OTHERS]
        widest = max(sure, key=lambda row: (row[0] == drawn, float(row[3])), default=("nothing", "-", 0, 0.0))
        title = (
            f"of {len({row[0] for row in rows})} code columns: {widest[0]} is {widest[1]} in {widest[3]:.0%}"
        )
        shown = [row for row in rows if row[0] == widest[0]]
        points = tuple((f"{row[1]}", 100 * float(row[3])) for row in shown[:SHOWN])
        return Panel("codes", title, f"codes held by {CELL} rows or more; drawn: {widest[0]}", points,
                     "% of rows", ("column", "code", "rows", "share"), tuple(rows))  # fmt: skip

    def totals(self, source: Source) -> Panel:
        """The control totals kept with the bank against the sums of its files."""
        rows: Rows = []
        for table in self._tables:
            for total, found in reconcile.totals(self._connection, table, f"there_{table.name}").items():
                kept = source.totals.get(total)
                if kept is not None:
                    rows.append((total, kept, found, str(Decimal(found) - Decimal(kept))))
        apart = sum(Decimal(str(row[3])) != 0 for row in rows)
        title = (
            "every control total agrees with the files"
            if not apart
            else f"{apart} control totals differ from the files"
        )
        points = tuple((str(row[0]), abs(float(row[3]))) for row in rows if float(row[3]))
        columns = ("total", "by the loads", "in the files", "difference")
        return Panel("totals", title, f"n = {len(rows)} totals, as the source's loads gave them", points,
                     "difference", columns, tuple(rows), 0, not apart)  # fmt: skip

    def _shares(self, table: Table, column: str) -> Rows:
        found = self._all(
            f"select {name(column)}, count(*) from there_{table.name} where {name(column)} is not null "
            f"group by 1 order by 2 desc, 1"
        )
        n = sum(int(row[1]) for row in found)
        large = [row for row in found if int(row[1]) >= CELL][:SHOWN]
        rest = n - sum(int(row[1]) for row in large)
        rows: Rows = [(f"{table.name}.{column}", row[0], row[1], int(row[1]) / n) for row in large]
        if rest >= CELL:
            rows.append((f"{table.name}.{column}", OTHERS, rest, rest / n))
        elif rest:
            rows.append((f"{table.name}.{column}", OTHERS, f"under {CELL}", 0.0))
        return rows

    def _each(self, query: Callable[[Table], str]) -> Rows:
        rows = [row for table in self._tables for row in self._all(query(table))]
        return sorted(rows, key=lambda row: tuple(str(cell) for cell in row[:2]))

    def _all(self, query: str) -> Rows:
        return list(self._connection.execute(query).fetchall())


@contextmanager
def _opened(raw: Path, threads: int) -> Iterator[Bank]:
    with duckdb.connect() as connection:
        connection.execute(f"set timezone = 'UTC'; set threads = {threads}; set memory_limit = '{MEMORY}'")
        yield Bank(connection, raw)


def _set_aside(loads: list[history.Load], limit: float) -> list[Panel]:
    """What the loads of this bank set aside, by reason."""
    if not loads:
        return []
    counts: dict[str, int] = {}
    for load in loads:
        for reason, count in load.reasons.items():
            counts[reason] = counts.get(reason, 0) + count
    read = sum(fate.read for load in loads for fate in load.tables.values())
    aside = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    rows: Rows = [(*reason.split("|"), count) for reason, count in ordered]
    fates = [fate for load in loads for fate in load.tables.values() if fate.read]
    worst = max((fate.quarantined / fate.read for fate in fates), default=0.0)
    title = f"{aside:,} of {read:,} rows read were set aside, at most {worst:.2%} of a table in a load"
    points = tuple((f"{row[0]}: {row[1]}", float(row[3])) for row in rows[:SHOWN])
    seen = f"n = {len(loads)} loads; a load stops above {limit:.1%} of a table's rows"
    columns = ("column", "class", "reason", "rows")
    return [Panel("quarantine", title, seen, points, "rows", columns, tuple(rows), None, worst <= limit)]


def _trend(loads: list[history.Load], limit: float) -> list[Panel]:
    """From load to load: the share set aside, and the rows that were new."""
    counted = [load for load in loads if load.tables]
    if not counted:
        return []
    rows: Rows = []
    for load in counted:
        fates = load.tables.values()
        read, aside = sum(fate.read for fate in fates), sum(fate.quarantined for fate in fates)
        rows.append((load.at[:16].replace("T", " "), load.kind, read, sum(fate.kept for fate in fates),
                     sum(fate.repeated for fate in fates), sum(fate.corrected for fate in fates), aside,
                     aside / max(read, 1), load.seconds))  # fmt: skip
    shares = [float(row[7]) for row in rows]
    columns = ("load", "kind", "read", "new", "known", "corrections", "set aside", "share", "seconds")
    way = "unchanged" if shares[-1] == shares[0] else "down" if shares[-1] < shares[0] else "up"
    aside_ = Panel(
        "trend", f"the share set aside is {shares[-1]:.2%} in the last load, {way} since the first",
        f"n = {len(rows)} loads that read rows", tuple((str(row[0]), 100 * float(row[7])) for row in rows),
        "% set aside", columns, tuple(rows), 100 * limit, shares[-1] <= limit, over_time=True,
    )  # fmt: skip
    new = Panel(
        "growth", f"the last load brought {int(rows[-1][3]):,} new rows of {int(rows[-1][2]):,} read",
        f"n = {len(rows)} loads that read rows", tuple((str(row[0]), float(row[3])) for row in rows),
        "new rows",
        columns[:6], tuple(row[:6] for row in rows), over_time=True,
    )  # fmt: skip
    return [aside_, new]


def _whole(months: list[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """The months from the first to the last; one without rows has none.

    >>> _whole([("2024-12", 3.0), ("2025-02", 1.0)])
    (('2024-12', 3.0), ('2025-01', 0.0), ('2025-02', 1.0))
    """
    found = dict(months)
    first, last = ((int(month[:4]) * 12 + int(month[5:]) - 1) for month in (min(found), max(found)))
    names = [f"{month // 12:04d}-{month % 12 + 1:02d}" for month in range(first, last + 1)]
    return tuple((name, found.get(name, 0.0)) for name in names)


def _points(rows: Rows, label: int, value: int, scale: float = 1) -> tuple[tuple[str, float], ...]:
    ordered = sorted(rows, key=lambda row: -float(row[value]))
    return tuple((str(row[label]), scale * float(row[value])) for row in ordered[:SHOWN] if float(row[value]))


def _value(point: tuple[str, float]) -> float:
    return point[1]
