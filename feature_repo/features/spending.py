"""How the customer pays and what for: channels, categories, cash, and recency, frequency and money."""

from collections.abc import Callable

import ibis.expr.types as ir

from feature_repo.features.feature import Feature, entry
from feature_repo.snapshot import Monthly, Seen, in_days

CHANNEL_WORDS = {
    "mobile": "made in the mobile app", "online": "made online", "branch": "made in a branch",
    "atm": "made at a machine", "card": "made by card", "standing_order": "made by standing order",
}  # fmt: skip
CATEGORY_WORDS = {
    "rent": "rent", "household": "household bills", "insurance": "insurance premiums",
    "card_payment": "payments by card or of card bills", "loan_payment": "loan instalments",
    "investment": "investments", "transfer_out": "transfers to others",
}  # fmt: skip


def cash_share(booking_months: Monthly, days: int) -> ir.Value:
    """Share of the bookings of the last {days} days that were cash."""
    return share(booking_months, booking_months.is_cash, booking_months.is_cash_known, days)


def cash_in(booking_months: Monthly, days: int) -> ir.Value:
    """Cash paid in during the last {days} days."""
    return booking_months.cash_in.sum(where=booking_months.within(days))


def cash_out(booking_months: Monthly, days: int) -> ir.Value:
    """Cash drawn in the last {days} days."""
    return booking_months.cash_out.sum(where=booking_months.within(days))


def cash_out_share(booking_months: Monthly, days: int) -> ir.Value:
    """Share of the money that left in the last {days} days that was drawn as cash."""
    return of_outflow(booking_months, booking_months.cash_out, days)


def foreign_share(booking_months: Monthly, days: int) -> ir.Value:
    """Share of the bookings of the last {days} days whose counterparty is in another country."""
    return share(booking_months, booking_months.is_foreign, booking_months.is_foreign_known, days)


def channel_share(channel: str) -> Callable[[Monthly, int], ir.Value]:
    """The feature that tells how many bookings came through that channel."""

    def of_bookings(booking_months: Monthly, days: int) -> ir.Value:
        made = getattr(booking_months, f"by_{channel}")
        return share(booking_months, made, booking_months.channel_known, days)

    of_bookings.__name__ = f"{channel}_share"
    of_bookings.__doc__ = f"Share of the bookings of the last {{days}} days {CHANNEL_WORDS[channel]}."
    return of_bookings


def category_share(category: str) -> Callable[[Monthly, int], ir.Value]:
    """The feature that tells how much of the outflow went into that category."""

    def of_spending(booking_months: Monthly, days: int) -> ir.Value:
        return of_outflow(booking_months, getattr(booking_months, f"spent_on_{category}"), days)

    of_spending.__name__ = f"{category}_share"
    of_spending.__doc__ = (
        f"Share of the money that left in the last {{days}} days that went into {CATEGORY_WORDS[category]}."
    )
    return of_spending


def mobile_trend(booking_months: Monthly, days: int) -> ir.Value:
    """Share of bookings made in the mobile app, last {days} days less the {days} before: -1 to 1."""
    now, then = booking_months.within(days), booking_months.between(days, 2 * days)
    return _portion(booking_months.by_mobile, booking_months.channel_known, now) - _portion(
        booking_months.by_mobile, booking_months.channel_known, then
    )


def fees(booking_months: Monthly, days: int) -> ir.Value:
    """Fees paid in the last {days} days."""
    return booking_months.spent_on_fee.sum(where=booking_months.within(days))


def invested(booking_months: Monthly, days: int) -> ir.Value:
    """Money that left for investments in the last {days} days."""
    return booking_months.spent_on_investment.sum(where=booking_months.within(days))


def counterparties(counterparties: Seen, days: int) -> ir.Value:
    """Different counterparties in the last {days} days."""
    return counterparties.count()


def payment_recency_days(booking_months: Monthly) -> ir.Value:
    """Recency: days since the customer last paid by card, online, in the app or in a branch, in a year."""
    return in_days(booking_months.paid_ago.min())


def payments(booking_months: Monthly, days: int) -> ir.Value:
    """Frequency: payments by card, online, in the app or in a branch in the last {days} days."""
    return booking_months.payments.sum(where=booking_months.within(days))


def outflow_per_booking(booking_months: Monthly, days: int) -> ir.Value:
    """Money: mean amount of a booking that left in the last {days} days."""
    window = booking_months.within(days)
    left = booking_months.outflows.sum(where=window)
    total = booking_months.outflow.sum(where=window).cast("float64")
    return total / left.cast("float64").nullif(0)


def share(booking_months: Monthly, which: ir.Value, known: ir.Value, days: int) -> ir.Value:
    """Share of those bookings among the bookings for which it is known."""
    return _portion(which, known, booking_months.within(days))


def of_outflow(booking_months: Monthly, part: ir.Value, days: int) -> ir.Value:
    """Share of a part of the outflow; a part that nobody paid is none of it."""
    window = booking_months.within(days)
    whole = booking_months.outflow.sum(where=window).cast("float64")
    return part.sum(where=window).fill_null(0).cast("float64") / whole.nullif(0)


def _portion(which: ir.Value, known: ir.Value, window: ir.BooleanValue) -> ir.Value:
    whole = known.sum(where=window).cast("float64")
    return which.sum(where=window).cast("float64") / whole.nullif(0)


FEATURES: tuple[Feature, ...] = (
    *entry(cash_share, "share", 90, 365),
    *entry(cash_in, "money", 90, nothing=0),
    *entry(cash_out, "money", 90, 365, nothing=0),
    *entry(cash_out_share, "share", 90),
    *entry(foreign_share, "share", 90, 365),
    *entry(channel_share("mobile"), "share", 90, 365),
    *entry(channel_share("online"), "share", 90),
    *entry(channel_share("branch"), "share", 90, 365),
    *entry(channel_share("atm"), "share", 90),
    *entry(channel_share("card"), "share", 90, 365),
    *entry(channel_share("standing_order"), "share", 90),
    *entry(mobile_trend, "ratio", 90),
    *entry(category_share("rent"), "share", 90),
    *entry(category_share("household"), "share", 90),
    *entry(category_share("insurance"), "share", 90),
    *entry(category_share("card_payment"), "share", 90, 365),
    *entry(category_share("loan_payment"), "share", 90),
    *entry(category_share("investment"), "share", 365),
    *entry(category_share("transfer_out"), "share", 90, 365),
    *entry(fees, "money", 365, nothing=0),
    *entry(invested, "money", 90, 365, nothing=0),
    *entry(counterparties, "count", 180, nothing=0),
    *entry(payment_recency_days, "days"),
    *entry(payments, "count", 30, 90, 365, nothing=0),
    *entry(outflow_per_booking, "money", 90),
)
