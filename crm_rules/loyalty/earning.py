"""What a booking earns, and until when: pure functions of the booking and the policy."""

import calendar
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from crm_rules.loyalty.limits import Loyalty

MINOR_UNITS = 100


class Booking(NamedTuple):
    """One booking of a customer; `amount_minor` in cents, negative when money left the account."""

    booking_id: str
    customer_id: str
    at: datetime
    amount_minor: int
    category: str


def points_for(amount_minor: int, category: str, policy: Loyalty) -> int:
    """Whole points a booking earns (positive) or a refund takes back (negative); none in other categories.

    The same amount earns and takes back the same; parts of a purchase round down each by itself.

    >>> from crm_rules.policy import STANDARD, Policy
    >>> loyalty = Policy.load(STANDARD).loyalty
    >>> points_for(-25_99, "card_payment", loyalty), points_for(25_99, "card_payment", loyalty)
    (2, -2)
    """
    rate = policy.points_per_100.get(category, 0)
    points = abs(amount_minor) * rate // (100 * MINOR_UNITS)
    return points if amount_minor < 0 else -points


def expires_at(earned_at: datetime, policy: Loyalty) -> datetime:
    """When points stop to count: the midnight (UTC) that ends the day so many months later.

    Where that month has no such day, its last day counts.

    >>> from crm_rules.policy import STANDARD, Policy
    >>> expires_at(datetime(2024, 2, 29, 12, tzinfo=UTC), Policy.load(STANDARD).loyalty).isoformat()
    '2026-03-01T00:00:00+00:00'
    """
    day = earned_at.astimezone(UTC).date()
    years, month = divmod(day.month - 1 + policy.expiry_months, 12)
    year, month = day.year + years, month + 1
    last = date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
    return datetime.combine(last + timedelta(days=1), time(), UTC)
