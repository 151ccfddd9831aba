"""Balances and flows on accounts where the customer keeps money: current and savings, not cards or loans."""

import ibis.expr.types as ir

from feature_repo.features.feature import Feature, entry
from feature_repo.months import CENTS
from feature_repo.snapshot import MONTHS, Monthly, Seen, in_days

WHOLE_MONTHS = MONTHS - 1
REGULAR = 3  # months of the last six


def inflow(booking_months: Monthly, days: int) -> ir.Value:
    """Money that came into the customer's accounts in the last {days} days."""
    return booking_months.inflow.sum(where=booking_months.within(days))


def outflow(booking_months: Monthly, days: int) -> ir.Value:
    """Money that left the customer's accounts in the last {days} days."""
    return booking_months.outflow.sum(where=booking_months.within(days))


def net_flow(booking_months: Monthly, days: int) -> ir.Value:
    """Money that came in less money that left in the last {days} days."""
    came, left = inflow(booking_months, days), outflow(booking_months, days)
    return came.fill_null(0) - left.fill_null(0)


def savings_rate(booking_months: Monthly, days: int) -> ir.Value:
    """Share of the money received in the last {days} days that stayed: 1 all of it, below 0 more left."""
    came, left = inflow(booking_months, days), outflow(booking_months, days)
    return 1 - left.fill_null(0).cast("float64") / came.cast("float64").nullif(0)


def largest_inflow(booking_months: Monthly, days: int) -> ir.Value:
    """Largest single amount received in the last {days} days."""
    return booking_months.largest_in.max(where=booking_months.within(days))


def largest_outflow(booking_months: Monthly, days: int) -> ir.Value:
    """Largest single amount that left in the last {days} days."""
    return booking_months.largest_out.max(where=booking_months.within(days))


def bookings(booking_months: Monthly, days: int) -> ir.Value:
    """Bookings in the last {days} days."""
    return booking_months.bookings.sum(where=booking_months.within(days))


def months_active(booking_months: Monthly, days: int) -> ir.Value:
    """Months of 30 days with a booking, of the last {days} days."""
    return booking_months.count(where=booking_months.within(days))


def salary_monthly(booking_months: Monthly, days: int) -> ir.Value:
    """Salary or pension received a month, over the last {days} days."""
    return booking_months.salary.sum(where=booking_months.within(days)).cast("float64") / (days / 30)


def salary_months(booking_months: Monthly, days: int) -> ir.Value:
    """Months of 30 days with a salary or pension, of the last {days} days."""
    return booking_months.count(where=booking_months.within(days) & (booking_months.salary > 0))


def days_since_last_salary(booking_months: Monthly) -> ir.Value:
    """Days since the last salary or pension of the last year."""
    return in_days(booking_months.salary_ago.min())


def salary_trend(booking_months: Monthly, days: int) -> ir.Value:
    """Salary of the last {days} days against the {days} before: -1 (stopped) to 1 (new)."""
    return trend(booking_months, booking_months.salary, days)


def regular_payer_months(counterparties: Seen, days: int) -> ir.Value:
    """In how many of the months of the last {days} days the steadiest payer sent money."""
    return counterparties.months_in.max()


def regular_inflow_monthly(counterparties: Seen, days: int) -> ir.Value:
    """Money a month from the largest payer who sent some in at least three months of the last {days} days.

    It finds a salary where bookings carry no category.
    """
    regular = counterparties.paid_in.max(where=counterparties.months_in >= REGULAR)
    return regular.cast("float64") / (days / 30)


def inflow_concentration(counterparties: Seen, days: int) -> ir.Value:
    """Share of the largest payer among what known counterparties paid in the last {days} days."""
    total = counterparties.paid_in.sum().cast("float64")
    return counterparties.paid_in.max().cast("float64") / total.nullif(0)


def balance_last(account_histories: Seen) -> ir.Value:
    """Balance after the last booking, summed over the customer's accounts.

    Of bookings at the same moment the one recorded last counts, then the greatest booking_id.
    """
    return account_histories.balance_after.sum(where=account_histories.keeps_money)


def balance_mean(booking_months: Monthly, days: int) -> ir.Value:
    """Mean balance after the bookings of the last {days} days."""
    return mean_balance(booking_months, booking_months.within(days))


def balance_min(booking_months: Monthly, days: int) -> ir.Value:
    """Lowest balance after a booking in the last {days} days."""
    return booking_months.balance_min.min(where=booking_months.within(days))


def balance_max(booking_months: Monthly, days: int) -> ir.Value:
    """Highest balance after a booking in the last {days} days."""
    return booking_months.balance_max.max(where=booking_months.within(days))


def balance_volatility(booking_months: Monthly, days: int) -> ir.Value:
    """Standard deviation of the balance after the bookings of the last {days} days.

    From exact sums of cents and of their squares, so the order of the rows cannot show.
    """
    window = booking_months.within(days)
    n = booking_months.balance_known.sum(where=window).cast(CENTS)
    total = (booking_months.balance_sum.sum(where=window) * 100).cast(CENTS)
    squares = booking_months.balance_squares.sum(where=window).cast(CENTS)
    spread = (n * squares).cast(CENTS) - (total * total).cast(CENTS)
    return spread.cast("float64").sqrt() / (n.cast("float64").nullif(0) * 100)


def balance_trend(booking_months: Monthly, days: int) -> ir.Value:
    """Mean balance of the last {days} days less that of the {days} before, as a share of both: -1 to 1."""
    now = mean_balance(booking_months, booking_months.within(days))
    then = mean_balance(booking_months, booking_months.between(days, 2 * days))
    return (now - then) / (now.abs() + then.abs()).nullif(0)


def negative_balance_bookings(booking_months: Monthly, days: int) -> ir.Value:
    """Bookings of the last {days} days that left a balance below zero."""
    return booking_months.overdrawn.sum(where=booking_months.within(days))


def days_since_last_booking(account_histories: Seen) -> ir.Value:
    """Days since the last booking."""
    last = account_histories.last_booked_at.max(where=account_histories.keeps_money)
    return account_histories.days_since(last)


def history_days(account_histories: Seen) -> ir.Value:
    """Days since the first booking the bank knows, at most 365: beyond that it tells the bank's age."""
    first = account_histories.first_booked_at.min(where=account_histories.keeps_money)
    return account_histories.days_since(first).clip(upper=365)


def inflow_trend(booking_months: Monthly, days: int) -> ir.Value:
    """Money received in the last {days} days against the {days} before: -1 (dried up) to 1 (new)."""
    return trend(booking_months, booking_months.inflow, days)


def outflow_trend(booking_months: Monthly, days: int) -> ir.Value:
    """Money that left in the last {days} days against the {days} before: -1 (stopped) to 1 (new)."""
    return trend(booking_months, booking_months.outflow, days)


def inflow_volatility(booking_months: Monthly, days: int) -> ir.Value:
    """Standard deviation over mean of what came in during the 12 last months of 30 days."""
    return variation(booking_months, booking_months.inflow)


def outflow_volatility(booking_months: Monthly, days: int) -> ir.Value:
    """Standard deviation over mean of what left during the 12 last months of 30 days."""
    return variation(booking_months, booking_months.outflow)


def penalty_interest(booking_months: Monthly, days: int) -> ir.Value:
    """Interest charged for overdrawing in the last {days} days."""
    return booking_months.penalty_interest.sum(where=booking_months.within(days))


def trend(booking_months: Monthly, amount: ir.Value, days: int) -> ir.Value:
    """The amount of the last `days` days against that of as many before: -1 to 1."""
    now = amount.sum(where=booking_months.within(days)).fill_null(0).cast("float64")
    then = amount.sum(where=booking_months.between(days, 2 * days)).fill_null(0).cast("float64")
    return (now - then) / (now + then).nullif(0)


def mean_balance(booking_months: Monthly, window: ir.BooleanValue) -> ir.Value:
    """Mean balance after the bookings of a window."""
    total = booking_months.balance_sum.sum(where=window).cast("float64")
    return total / booking_months.balance_known.sum(where=window).cast("float64").nullif(0)


def variation(booking_months: Monthly, amount: ir.Value) -> ir.Value:
    """Standard deviation over mean of an amount by month; a month without bookings counts as zero.

    From exact sums of cents and of their squares, so a steady amount varies by exactly nothing.
    """
    whole = booking_months.month < WHOLE_MONTHS
    cents = (amount * 100).cast(CENTS)
    total = cents.sum(where=whole).cast(CENTS)
    squares = (cents * cents).cast(CENTS).sum(where=whole).cast(CENTS)
    spread = (squares * WHOLE_MONTHS).cast(CENTS) - (total * total).cast(CENTS)
    return spread.cast("float64").sqrt() / total.cast("float64").nullif(0)


FEATURES: tuple[Feature, ...] = (
    *entry(inflow, "money", 30, 90, 180, 365, nothing=0),
    *entry(outflow, "money", 30, 90, 180, 365, nothing=0),
    *entry(net_flow, "money", 90, 365, nothing=0),
    *entry(savings_rate, "ratio", 90, 365),
    *entry(largest_inflow, "money", 90),
    *entry(largest_outflow, "money", 90),
    *entry(bookings, "count", 30, 90, 180, 365, nothing=0),
    *entry(months_active, "count", 365, nothing=0),
    *entry(salary_monthly, "money", 90, 365, nothing=0),
    *entry(salary_months, "count", 180, 365, nothing=0),
    *entry(days_since_last_salary, "days"),
    *entry(salary_trend, "ratio", 90),
    *entry(regular_payer_months, "count", 180, nothing=0),
    *entry(regular_inflow_monthly, "money", 180, nothing=0),
    *entry(inflow_concentration, "share", 180),
    *entry(balance_last, "money"),
    *entry(balance_mean, "money", 30, 90, 180, 365),
    *entry(balance_min, "money", 90, 365),
    *entry(balance_max, "money", 90, 365),
    *entry(balance_volatility, "money", 90, 365),
    *entry(balance_trend, "ratio", 90),
    *entry(negative_balance_bookings, "count", 90, 365, nothing=0),
    *entry(days_since_last_booking, "days"),
    *entry(history_days, "days"),
    *entry(inflow_trend, "ratio", 30, 90),
    *entry(outflow_trend, "ratio", 30, 90),
    *entry(inflow_volatility, "ratio", 365),
    *entry(outflow_volatility, "ratio", 365),
    *entry(penalty_interest, "money", 365, nothing=0),
)
