"""Makes the generated bank: partitions that live alone, and what they share."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa

from feature_repo.raw.contracts import FX_RATES, PRODUCTS
from feature_repo.raw.generate.accounts import BOOKED_IN
from feature_repo.raw.generate.clock import Calendar, iso
from feature_repo.raw.generate.crew import Crew
from feature_repo.raw.generate.economy import Economy, Shock, economy
from feature_repo.raw.generate.files import write
from feature_repo.raw.generate.market import products, rates
from feature_repo.raw.generate.partition import Made, Plan, live
from feature_repo.raw.generate.truth import write_story
from feature_repo.raw.landing import digest, landing
from feature_repo.raw.source import Source

PARTITION = 10_000
"""Customers a partition: large enough for fast arrays, small enough for 300 MB a process."""
MOST_IN_A_PARTITION = 100_000
"""Numbers of two partitions begin arrow.SPAN apart, and a customer may have four accounts."""
NEWCOMERS = 0.02
"""What share of the bank's customers a campaign brings in addition, each month it runs."""


def make(
    customers: int,
    seed: int,
    raw: Path,
    truth: Path,
    months: int = 48,
    ends: date = date(2026, 1, 1),
    threads: int = 2,
    shock: Shock | None = None,
    shock_from: int = 6,
    partition: int = PARTITION,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> Source:
    """Make a bank of that many customers over the months before `ends`; same seed, same bytes.

    Raw tables go to `raw`, what only the maker knows to `truth`; both are swapped in whole. Bytes
    depend on seed, customers, months, shock and `partition` (customers a partition), never on
    `threads`, the number of processes. `shock` holds for the last `shock_from` months; a campaign
    brings customers on top of `customers`. Raises ShockTooLong, NoSpace, WorkerLost.
    """
    if not 1 <= partition <= MOST_IN_A_PARTITION:
        raise ValueError(f"A partition holds 1 to {MOST_IN_A_PARTITION} customers, not {partition}.")
    calendar = Calendar.of(ends, months)
    shared = np.random.default_rng(np.random.SeedSequence([seed, 0]))
    around = economy(calendar, shared, shock, shock_from)
    exchange = rates(calendar, shared)
    with landing(raw) as draft, landing(truth) as hidden:
        plans = _plans(customers, seed, calendar, around, draft, hidden, partition)
        rows: dict[str, int] = {}
        cents = dict.fromkeys(BOOKED_IN.tolist(), 0)
        for done, made in enumerate(_made(plans, threads), 1):
            rows = {name: rows.get(name, 0) + made.rows.get(name, 0) for name in rows | made.rows}
            cents = {name: sum_ + made.cents[name] for name, sum_ in cents.items()}
            on_progress(done, len(plans))
        rows |= _shared_tables(calendar, exchange, draft)
        write_story(
            hidden, calendar.edges.astype("datetime64[us]"), around, seed=seed, customers=customers,
            partition=partition, partitions=len(plans),
        )  # fmt: skip
        totals = {"bookings.rows": str(rows["bookings"])} | {
            f"bookings.amount.{name}": f"{Decimal(sum_) / 100:.2f}" for name, sum_ in cents.items()
        }
        rows = dict(sorted(rows.items()))
        source = Source(
            "generated", "CNY", iso(calendar.start), iso(calendar.end), digest(draft), rows, totals
        )
        source.write(draft)
    return source


def _plans(
    customers: int, seed: int, calendar: Calendar, around: Economy, raw: Path, truth: Path, size: int
) -> list[Plan]:
    """The bank's customers cut into partitions, and after them those a campaign brings."""
    extra = 0
    if around.shock is Shock.CAMPAIGN:
        extra = max(1, round(customers * NEWCOMERS * (calendar.months - around.first)))
    sizes = [(wanted, new) for whole, new in ((customers, False), (extra, True))
             for wanted in (min(size, whole - done) for done in range(0, whole, size))]  # fmt: skip
    return [
        Plan(number, wanted, new, seed, calendar, around, raw, truth)
        for number, (wanted, new) in enumerate(sizes)
    ]


def _made(plans: list[Plan], threads: int) -> Iterator[Made]:
    """Every partition, made here when there is nothing to share, else by worker processes."""
    if min(threads, len(plans)) == 1:
        yield from map(live, plans)
        return
    with Crew(live, min(threads, len(plans))) as crew:
        yield from crew.run(plans)


def _shared_tables(calendar: Calendar, exchange: pa.Table, raw: Path) -> dict[str, int]:
    shared = ((PRODUCTS, products(calendar)), (FX_RATES, exchange))
    for contract, table in shared:
        write(contract, table, raw, 0)
    return {contract.name: table.num_rows for contract, table in shared}
