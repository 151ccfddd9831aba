"""What happens on the accounts where the customer keeps money (current, savings; not cards or loans)."""

import ibis.expr.types as ir

from feature_repo.features.feature import Feature, entry
from feature_repo.snapshot import Seen

INCOME = ("salary", "pension")
CENTS = "decimal(38, 0)"  # exact, and wide enough for the square of a sum


def inflow(bookings: Seen, days: int) -> ir.Value:
    """Money that came into the customer's accounts in the last {days} days."""
    return bookings.amount.sum(where=bookings.within(days) & (bookings.amount > 0))


def outflow(bookings: Seen, days: int) -> ir.Value:
    """Money that left the customer's accounts in the last {days} days."""
    return (-bookings.amount).sum(where=bookings.within(days) & (bookings.amount < 0))


def bookings(bookings: Seen, days: int) -> ir.Value:
    """Bookings in the last {days} days."""
    return bookings.count(where=bookings.within(days))


def cash_share(bookings: Seen, days: int) -> ir.Value:
    """Share of the bookings of the last {days} days that were cash."""
    return share(bookings, bookings.is_cash, days)


def mobile_share(bookings: Seen, days: int) -> ir.Value:
    """Share of the bookings of the last {days} days made in the mobile app."""
    return share(bookings, bookings.channel == "mobile", days)


def foreign_share(bookings: Seen, days: int) -> ir.Value:
    """Share of the bookings of the last {days} days whose counterparty is in another country."""
    return share(bookings, bookings.is_foreign, days)


def share(bookings: Seen, which: ir.BooleanValue, days: int) -> ir.Value:
    """Share of those bookings among the bookings for which it is known."""
    of_all = bookings.count(where=bookings.within(days) & which.notnull())
    return bookings.count(where=bookings.within(days) & which) / of_all.nullif(0)


def salary_monthly(bookings: Seen, days: int) -> ir.Value:
    """Salary or pension received a month, over the last {days} days."""
    paid = bookings.amount.sum(where=bookings.within(days) & bookings.category.isin(INCOME))
    return paid.cast("float64") / (days / 30)


def balance_mean(bookings: Seen, days: int) -> ir.Value:
    """Mean balance after the bookings of the last {days} days."""
    known = bookings.within(days) & bookings.balance_after.notnull()
    total = bookings.balance_after.sum(where=known).cast("float64")
    return total / bookings.count(where=known).nullif(0)


def balance_min(bookings: Seen, days: int) -> ir.Value:
    """Lowest balance after a booking in the last {days} days."""
    return bookings.balance_after.min(where=bookings.within(days))


def balance_volatility(bookings: Seen, days: int) -> ir.Value:
    """Standard deviation of the balance after the bookings of the last {days} days.

    From exact sums of cents and of their squares, so the order of the rows cannot show.
    """
    cents = (bookings.balance_after * 100).cast(CENTS)
    known = bookings.within(days) & cents.notnull()
    n, total = bookings.count(where=known).cast(CENTS), cents.sum(where=known)
    spread = n * (cents * cents).cast(CENTS).sum(where=known) - total * total
    return spread.cast("float64").sqrt() / (n.cast("float64").nullif(0) * 100)


def negative_balance_bookings(bookings: Seen, days: int) -> ir.Value:
    """Bookings of the last {days} days that left a balance below zero."""
    return bookings.count(where=bookings.within(days) & (bookings.balance_after < 0))


def inflow_trend(bookings: Seen, days: int) -> ir.Value:
    """Money received in the last {days} days against the {days} before: -1 (dried up) to 1 (new)."""
    arrived = bookings.amount > 0
    now = bookings.amount.sum(where=arrived & bookings.within(days)).fill_null(0).cast("float64")
    both = bookings.amount.sum(where=arrived & bookings.within(2 * days)).fill_null(0).cast("float64")
    return (2 * now - both) / both.nullif(0)


def penalty_interest(bookings: Seen, days: int) -> ir.Value:
    """Interest charged for overdrawing in the last {days} days."""
    return (-bookings.amount).sum(
        where=bookings.within(days) & (bookings.category == "penalty_interest") & (bookings.amount < 0)
    )


def balance_last(account_histories: Seen) -> ir.Value:
    """Balance after the last booking, summed over the customer's accounts.

    Of bookings at the same moment the one recorded last counts, then the greatest booking_id.
    """
    return account_histories.balance_after.sum()


def days_since_last_booking(account_histories: Seen) -> ir.Value:
    """Days since the last booking."""
    return account_histories.days_since(account_histories.last_booked_at.max())


def history_days(account_histories: Seen) -> ir.Value:
    """Days since the first booking the bank knows, at most 365: beyond that it tells the bank's age."""
    return account_histories.days_since(account_histories.first_booked_at.min()).clip(upper=365)


FEATURES: tuple[Feature, ...] = (
    *entry(inflow, "money", 30, 90, 365, nothing=0),
    *entry(outflow, "money", 30, 90, 365, nothing=0),
    *entry(bookings, "count", 30, 90, nothing=0),
    *entry(cash_share, "share", 90),
    *entry(salary_monthly, "money", 90, nothing=0),
    *entry(balance_last, "money"),
    *entry(balance_mean, "money", 90),
    *entry(balance_min, "money", 90, 365),
    *entry(balance_volatility, "money", 90),
    *entry(negative_balance_bookings, "count", 365, nothing=0),
    *entry(days_since_last_booking, "days"),
    *entry(history_days, "days"),
    *entry(inflow_trend, "ratio", 90),
    *entry(mobile_share, "share", 90),
    *entry(foreign_share, "share", 90),
    *entry(penalty_interest, "money", 365, nothing=0),
)
