"""The moment of a decision, for one customer: their local day and minute, age, days since the assessment."""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from tests.reference.shapes import NAN, Person


@dataclass(frozen=True)
class Moment:
    """`minute` is None where the customer's own zone is unknown; `age` and `assessed_days` may be NaN."""

    day: date
    minute: int | None
    age: float
    assessed_days: float


def moment(person: Person, bank_zone: str) -> Moment:
    """Everything that depends on the clock, at `person.at`."""
    zone = _zone(person.time_zone or bank_zone)
    local = person.at.astimezone(zone)
    minute = local.hour * 60 + local.minute if person.time_zone else None
    return Moment(
        local.date(), minute, _age(person, local.date()), _assessed_days(person, zone, local.date())
    )


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _age(person: Person, today: date) -> float:
    if person.event is None or not math.isfinite(person.age_years):
        return NAN
    born = person.event.astimezone(UTC).year - person.age_years
    return today.year - born


def _assessed_days(person: Person, zone: ZoneInfo, today: date) -> float:
    """Whole calendar days since the assessment; NaN where unknown or said to lie after the moment."""
    ago = person.risk_assessment_age_days
    if person.event is None or math.isnan(ago):
        return NAN
    try:
        assessed = person.event - timedelta(days=ago)
        assessed_day = assessed.astimezone(zone).date()
    except OverflowError:  # before the year 1, or after the year 9999
        return math.inf if math.isfinite(ago) and ago > 0 else NAN
    return NAN if assessed > person.at else float((today - assessed_day).days)


def month_of(at: datetime) -> str:
    """YYYY-MM in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m")


def day_of(at: datetime) -> str:
    """YYYY-MM-DD in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d")
