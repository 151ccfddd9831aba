"""Life events: what changed in the customer's record and ways."""

import ibis.expr.types as ir

from feature_repo.features.feature import Feature, entry
from feature_repo.snapshot import DAY_US, Seen
from feature_repo.sources import level

SALARY_LATE_DAYS = 60.0
NOT_ON_FILE = -1.0  # no income is below 0


def record_changes(customer_changes: Seen, days: int) -> ir.Value:
    """New versions of the customer's record in the last {days} days, the first not counted."""
    first = customer_changes.ago.max() <= days * DAY_US
    return customer_changes.count(where=customer_changes.within(days)) - first.cast("int64")


def moves(customer_changes: Seen, days: int) -> ir.Value:
    """Moves to another region in the last {days} days."""
    moved = customer_changes.region != customer_changes.region_before
    return customer_changes.count(where=customer_changes.within(days) & moved)


def occupation_changes(customer_changes: Seen, days: int) -> ir.Value:
    """Changes of occupation in the last {days} days."""
    changed = customer_changes.occupation != customer_changes.occupation_before
    return customer_changes.count(where=customer_changes.within(days) & changed)


def income_change(customer_changes: Seen, days: int) -> ir.Value:
    """Income on file against that of {days} days before: 0 the same, 1 twice as much; at most 10.

    Unknown unless both are on file and the one before was above 0.
    """
    # A version without income says so: of unknowns, engines would take the version before or none.
    income = customer_changes.income_monthly.cast("float64").fill_null(NOT_ON_FILE)
    now = income.argmax(customer_changes.event).nullif(NOT_ON_FILE)
    then = income.argmax(customer_changes.event, where=customer_changes.before(days)).nullif(NOT_ON_FILE)
    return (now / then.nullif(0) - 1).clip(upper=10.0)


def risk_level_changes(customer_changes: Seen, days: int) -> ir.Value:
    """Levels by which the assessed risk appetite rose over the last {days} days; below 0 it fell."""
    risk = level(customer_changes.risk_level)
    rise = risk - level(customer_changes.risk_level_before)
    return rise.sum(where=customer_changes.within(days))


def days_since_last_move(customer_changes: Seen) -> ir.Value:
    """Days since the last move to another region."""
    return customer_changes.days_since_last(where=customer_changes.region != customer_changes.region_before)


def salary_stopped(salary_months_180d: ir.Value, days_since_last_salary: ir.Value) -> ir.Value:
    """Whether a salary of at least three of six months has not come for 60 days: 1 yes."""
    return (salary_months_180d >= 3) & (days_since_last_salary > SALARY_LATE_DAYS).fill_null(False)


FEATURES: tuple[Feature, ...] = (
    *entry(record_changes, "count", 365, nothing=0),
    *entry(moves, "count", 365, nothing=0),
    *entry(occupation_changes, "count", 365, nothing=0),
    *entry(income_change, "ratio", 365),
    *entry(risk_level_changes, "level", 365, nothing=0),
    *entry(days_since_last_move, "days"),
    *entry(salary_stopped, "flag"),
)
