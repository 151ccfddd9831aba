"""Bookings summed by month before any window is taken, so that every window is a sum of a few rows."""

from collections.abc import Sequence

import ibis.expr.types as ir

from feature_repo.raw.contracts import BOOKING_CHANNELS
from feature_repo.snapshot import DAY_US, MONTH, MONTHS, Seen

INCOME = ("salary", "pension")
SPENT_ON = (
    "rent", "household", "insurance", "card_payment", "loan_payment", "investment", "transfer_out", "fee",
)  # fmt: skip
CENTS = "decimal(38, 0)"  # exact, and wide enough for the square of a sum
REGULAR_MONTHS = 6


def months_of(bookings: Seen) -> ir.Table:
    """One row a spine row and `month` (0 is the last 30 days): exact sums, extremes and counts.

    Money: inflow, outflow, cash_in, cash_out, salary, penalty_interest, spent_on_<category>,
    largest_in, largest_out; balance_sum, balance_min, balance_max, and balance_squares in cents.
    Counts: bookings, payments, is_cash, by_<channel>, is_foreign, overdrawn, each share's `_known`.
    """
    table, amount, balance = bookings.table, bookings.amount, bookings.balance_after
    arrived, left = amount > 0, amount < 0
    by_person = left & bookings.channel.isin(("card", "online", "mobile", "branch"))
    income = bookings.category.isin(INCOME)
    cents = (balance * 100).cast(CENTS)
    shares: dict[str, ir.BooleanValue] = {"is_cash": bookings.is_cash, "is_foreign": bookings.is_foreign}
    shares |= {f"by_{name}": bookings.channel == name for name in BOOKING_CHANNELS}
    return table.group_by("row", month=_month(bookings)).agg(
        bookings=table.count(),
        inflow=_only(amount, arrived).sum(),
        outflow=_only(-amount, left).sum(),
        inflows=_only(1, arrived).count(),
        payments=_only(1, by_person).count(),
        paid_ago=_only(bookings.ago, by_person).min(),
        largest_in=_only(amount, arrived).max(),
        largest_out=_only(-amount, left).max(),
        cash_in=_only(amount, arrived & bookings.is_cash).sum(),
        cash_out=_only(-amount, left & bookings.is_cash).sum(),
        salary=_only(amount, income).sum(),
        salary_ago=_only(bookings.ago, income & arrived).min(),
        penalty_interest=_only(-amount, left & (bookings.category == "penalty_interest")).sum(),
        balance_sum=balance.sum(),
        balance_known=balance.count(),
        balance_min=balance.min(),
        balance_max=balance.max(),
        balance_squares=(cents * cents).cast(CENTS).sum(),
        overdrawn=_only(1, balance < 0).count(),
        channel_known=bookings.channel.count(),
        is_cash_known=bookings.is_cash.count(),
        is_foreign_known=bookings.is_foreign.count(),
        **{name: _only(1, which).count() for name, which in shares.items()},
        **{f"spent_on_{name}": _only(-amount, left & (bookings.category == name)).sum() for name in SPENT_ON},
    )


def counterparties_of(bookings: Seen) -> ir.Table:
    """One row a spine row and counterparty of the last 180 days: paid_in, paid_out, months_in.

    `months_in` is in how many of those six months money came from there.
    """
    seen = bookings.table.filter(bookings.within(REGULAR_MONTHS * MONTH), bookings.counterparty_id.notnull())
    seen = seen.mutate(month=_month(Seen(seen)))
    arrived = seen.amount > 0
    return seen.group_by("row", "counterparty_id").agg(
        paid_in=seen.amount.sum(where=arrived).fill_null(0),
        paid_out=(-seen.amount).sum(where=~arrived).fill_null(0),
        months_in=_sum([
            (arrived & (seen.month == month)).any().fill_null(False).cast("int64")
            for month in range(REGULAR_MONTHS)
        ]),
    )  # fmt: skip


def _only(value: ir.Value | int, condition: ir.BooleanValue) -> ir.Value:
    """The value where the condition holds, else null: DuckDB sums it faster than with `where`."""
    return condition.ifelse(value, None)


def _month(bookings: Seen) -> ir.IntegerValue:
    return ((bookings.ago - 1) // (MONTH * DAY_US)).cast("int64").clip(upper=MONTHS - 1)


def _sum(values: Sequence[ir.IntegerValue]) -> ir.IntegerValue:
    first, *others = values
    for other in others:
        first = first + other
    return first
