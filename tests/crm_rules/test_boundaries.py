"""Every threshold of the offer rules a unit below, at and above it; days at their edges where people are."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.reference.reference import draw
from tests.reference.shapes import NAN, Offer, World
from tests.reference.stories import OFFER, codes, decided, of_product, shelf, somebody

TICK = timedelta(microseconds=1)
RISKY, CREDIT = of_product(risk=3.0), of_product(family="loan")
Blocked = Callable[[float], tuple[str, ...]]


def assessed(days: float) -> dict[str, float]:
    """Assessed so many whole days before the moment, which is two weeks after the profile's."""
    return {"risk_assessment_age_days": days - 14}


# code, the threshold of the standard policy, one unit, whether it blocks below, at and above, and how
THRESHOLDS: list[tuple[str, str, float, float, tuple[bool, bool, bool], Blocked]] = [
    ("needs-an-assessment", "SUIT-02", 2, 1, (False, True, True),
     lambda x: codes(shelf(**of_product(risk=x)), somebody(risk_assessment_age_days=NAN))),
    ("assessment-valid", "SUIT-02", 365, 1, (False, False, True),
     lambda x: codes(shelf(**RISKY), somebody(**assessed(x)))),
    ("risk-of-the-product", "SUIT-01", 3, 1, (False, False, True),
     lambda x: codes(shelf(**of_product(risk=x)), somebody(risk_level=3.0))),
    ("level-of-the-customer", "SUIT-01", 3, 1, (True, False, False),
     lambda x: codes(shelf(**RISKY), somebody(risk_level=x))),
    ("lowest-level-there-is", "SUIT-02", 1, 1, (True, False, False),
     lambda x: codes(shelf(**RISKY), somebody(risk_level=x))),
    ("highest-level-there-is", "SUIT-02", 5, 1, (False, False, True),
     lambda x: codes(shelf(**RISKY), somebody(risk_level=x))),
    ("extra-care-from-age", "SUIT-03", 65, 1, (False, True, True),
     lambda x: codes(shelf(**RISKY), somebody(age_years=x))),
    ("extra-care-from-risk", "SUIT-03", 3, 1, (False, True, True),
     lambda x: codes(shelf(**of_product(risk=x)), somebody(age_years=70.0))),
    ("adult", "ELIG-05", 18, 1, (True, False, False),
     lambda x: codes(shelf(), somebody(age_years=x))),
    ("adult-for-credit", "ELIG-05", 18, 1, (True, True, False),
     lambda x: codes(shelf(**CREDIT), somebody(age_years=x))),
    ("arrears", "ELIG-04", 1, 1, (False, True, True),
     lambda x: codes(shelf(**CREDIT), somebody(days_past_due=x))),
    ("arrears-of-a-fraction", "ELIG-04", 1, 1e-9, (False, True, True),
     lambda x: codes(shelf(**CREDIT), somebody(days_past_due=x))),
    ("minimum-amount", "ELIG-03", 24_000, 0.01, (False, False, True),
     lambda x: codes(shelf(**of_product(minimum=x)), somebody())),
    ("complaints", "CONT-01", 3, 1, (False, True, True),
     lambda x: codes(shelf(), somebody(complaints_365d=x))),
    ("likely-to-leave", "KEEP-01", 0.2, 1e-9, (True, False, False),
     lambda x: codes(shelf(replace(OFFER, issue="keep")), somebody(churn=x))),
    ("cap", "OFFR-02", 100, 1, (False, True, True),
     lambda x: codes(shelf(replace(OFFER, cap=100)), somebody(used_by_all={"offer": x}))),
    ("budget", "OFFR-02", 30, 0.01, (True, False, False),
     lambda x: codes(shelf(replace(OFFER, budget=x, cost=10.0)), somebody(used_by_all={"offer": 2}))),
    ("cap-of-a-customer", "OFFR-03", 2, 1, (False, True, True),
     lambda x: codes(shelf(replace(OFFER, cap_each=2)), somebody(used={"offer": int(x)}))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "threshold", "unit", "blocks", "removed"),
    [pytest.param(*each[1:], id=each[0]) for each in THRESHOLDS],
)
def test_a_threshold_one_unit_below_at_and_above(
    code: str, threshold: float, unit: float, blocks: tuple[bool, bool, bool], removed: Blocked
):
    found = [code in removed(threshold + step * unit) for step in (-1, 0, 1)]
    assert found == list(blocks)


@pytest.mark.parametrize(
    ("tier", "blocked"), [("silver", True), ("gold", False), ("platinum", False), (None, True), ("x", True)]
)
def test_a_tier_is_reached_from_itself_on(tier: str | None, blocked: bool):
    assert ("ELIG-06" in codes(shelf(replace(OFFER, tier="gold")), somebody(tier=tier))) is blocked


# The first moment of a day there, and of the day after it, in UTC: the widest zones, days of 23, 23.5 and 25
# hours, and days whose midnight does not exist.
DAYS = [
    ("Pacific/Pago_Pago", date(2026, 6, 15), "2026-06-15T11:00", "2026-06-16T11:00"),
    ("Pacific/Kiritimati", date(2026, 6, 15), "2026-06-14T10:00", "2026-06-15T10:00"),
    ("UTC", date(2024, 2, 29), "2024-02-29T00:00", "2024-03-01T00:00"),
    ("Asia/Kathmandu", date(2026, 1, 1), "2025-12-31T18:15", "2026-01-01T18:15"),
    ("Asia/Shanghai", date(2026, 12, 31), "2026-12-30T16:00", "2026-12-31T16:00"),
    (None, date(2026, 12, 31), "2026-12-30T16:00", "2026-12-31T16:00"),
    ("Europe/Berlin", date(2026, 3, 29), "2026-03-28T23:00", "2026-03-29T22:00"),
    ("Europe/Berlin", date(2026, 10, 25), "2026-10-24T22:00", "2026-10-25T23:00"),
    ("America/New_York", date(2026, 3, 8), "2026-03-08T05:00", "2026-03-09T04:00"),
    ("America/New_York", date(2026, 11, 1), "2026-11-01T04:00", "2026-11-02T05:00"),
    ("Australia/Lord_Howe", date(2026, 10, 4), "2026-10-03T13:30", "2026-10-04T13:00"),
    ("America/Havana", date(2026, 3, 8), "2026-03-08T05:00", "2026-03-09T04:00"),
    ("Africa/Cairo", date(2026, 4, 24), "2026-04-23T22:00", "2026-04-24T21:00"),
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("zone", "day", "first", "following"), DAYS, ids=[f"{d[0]}-{d[1]}" for d in DAYS])
def test_an_offer_begins_and_ends_with_the_customers_own_day(
    zone: str | None, day: date, first: str, following: str
):
    moments = [utc(first) - TICK, utc(first), utc(following) - TICK, utc(following)]

    def valid(offer: Offer) -> list[bool]:
        people = [somebody(at=at, event=at - timedelta(days=1), time_zone=zone) for at in moments]
        return ["OFFR-01" not in codes(shelf(offer), person) for person in people]

    assert valid(replace(OFFER, valid_from=day)) == [False, True, True, True]
    assert valid(replace(OFFER, valid_to=day)) == [True, True, True, False]
    assert valid(replace(OFFER, valid_from=day, valid_to=day)) == [False, True, True, False]


@pytest.mark.parametrize(("zone", "day", "first", "following"), DAYS, ids=[f"{d[0]}-{d[1]}" for d in DAYS])
def test_an_assessment_holds_to_the_end_of_the_customers_last_day(
    zone: str | None, day: date, first: str, following: str
):
    """Assessed in the last second of a day; with 30 days it is in force on the thirtieth day after, whole."""
    world = shelf(suitability__assessment_valid_days=30, **RISKY)
    event = utc(following) + timedelta(days=20)
    ago = (event - utc(following) + timedelta(seconds=1)).total_seconds() / 86_400
    last = _midnight(day + timedelta(days=31), zone or "Asia/Shanghai")

    def in_force(at: datetime) -> bool:
        person = somebody(at=at, event=event, time_zone=zone, risk_assessment_age_days=ago)
        return "SUIT-02" not in codes(world, person)

    yesterday, tomorrow = last - timedelta(days=1), last + timedelta(days=1)
    assert [in_force(at) for at in (yesterday, last - TICK, last, tomorrow)] == [True, True, False, False]


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("ago", "at", "in_force"),
    [
        pytest.param(0.0, timedelta(0), True, id="assessed-this-moment"),
        pytest.param(-1 / 86_400, timedelta(0), False, id="said-to-be-a-second-ahead"),
        pytest.param(-1 / 86_400, timedelta(seconds=1), True, id="a-second-after-the-profile"),
        pytest.param(NAN, timedelta(0), False, id="never"),
        pytest.param(math.inf, timedelta(0), False, id="infinitely-long-ago"),
        pytest.param(1e300, timedelta(0), False, id="longer-ago-than-there-is-time"),
        pytest.param(-1e300, timedelta(0), False, id="further-ahead-than-there-is-time"),
    ],
)
def test_an_assessment_that_lies_ahead_is_unknown(ago: float, at: timedelta, in_force: bool):
    event = datetime(2026, 6, 1, tzinfo=UTC)
    person = somebody(at=event + at, event=event, risk_assessment_age_days=ago)
    assert ("SUIT-02" not in codes(shelf(**RISKY), person)) is in_force


@pytest.mark.parametrize("ago", [10.0, 0.0, -20_610.0])
def test_an_assessment_of_a_profile_without_a_time_is_unknown(ago: float):
    """Also one that would be in force were the profile of 1970."""
    assert "SUIT-02" in codes(shelf(**RISKY), somebody(event=None, risk_assessment_age_days=ago))


@pytest.mark.parametrize(
    ("zone", "new_year"),
    [
        ("Pacific/Kiritimati", "2025-12-31T10:00"),
        ("UTC", "2026-01-01T00:00"),
        ("Pacific/Pago_Pago", "2026-01-01T11:00"),
        (None, "2025-12-31T16:00"),
    ],
)
def test_a_year_of_birth_comes_of_age_at_the_customers_own_new_year(zone: str | None, new_year: str):
    born_2008 = {"event": utc("2025-06-01T00:00"), "age_years": 17.0, "time_zone": zone}
    before, after = somebody(at=utc(new_year) - TICK, **born_2008), somebody(at=utc(new_year), **born_2008)
    assert "ELIG-05" in codes(shelf(), before)
    assert "ELIG-05" not in codes(shelf(), after)
    assert "ELIG-05" in codes(shelf(**CREDIT), after)  # the birthday may be still to come


@pytest.mark.parametrize(
    ("zone", "at", "quiet"),
    [
        pytest.param("Asia/Shanghai", "2026-06-15T07:59:59.999999+08:00", True, id="before-eight"),
        pytest.param("Asia/Shanghai", "2026-06-15T08:00+08:00", False, id="eight"),
        pytest.param("Asia/Shanghai", "2026-06-15T21:59:59.999999+08:00", False, id="before-ten"),
        pytest.param("Asia/Shanghai", "2026-06-15T22:00+08:00", True, id="ten"),
        pytest.param("Asia/Kathmandu", "2026-06-15T08:00+05:45", False, id="eight-in-Kathmandu"),
        pytest.param("Europe/Berlin", "2026-03-29T08:00+02:00", False, id="eight-on-a-day-of-23-hours"),
        pytest.param("Europe/Berlin", "2026-03-29T07:59:59.999999+02:00", True, id="before-eight-of-23"),
        pytest.param("Europe/Berlin", "2026-10-25T08:00+01:00", False, id="eight-on-a-day-of-25-hours"),
        pytest.param("Europe/Berlin", "2026-10-25T22:00+01:00", True, id="ten-on-a-day-of-25-hours"),
        pytest.param(None, "2026-06-15T12:00+08:00", True, id="nobody-knows-where"),
    ],
)
def test_quiet_hours_begin_and_end_to_the_microsecond(zone: str | None, at: str, quiet: bool):
    moment = datetime.fromisoformat(at).astimezone(UTC)
    person = somebody(at=moment, event=moment - timedelta(days=1), time_zone=zone, channel="email")
    assert ("CONT-02" in codes(shelf(), person)) is quiet
    assert "CONT-02" not in codes(shelf(), replace(person, channel="app"))  # a channel without hours


@pytest.mark.parametrize(("table", "what", "period"), [
    ("random_control", "arm", "2026-06"), ("non_personalised", "arm", "2026-06"),
    ("exploration", "explore", "2026-06-15"),
])  # fmt: skip
def test_a_share_ends_just_below_the_number_drawn(table: str, what: str, period: str):
    """Whoever draws exactly the share is outside it; the smallest step more and they are in."""
    name, u = next(
        (name, u) for name in map(str, range(99)) if 0 < (u := draw("2026", what, period, name)) < 0.4
    )
    new = replace(OFFER, offer_id="new", start=0.0, start_evidence=10)

    def drawn(share: float) -> bool:
        world: World = shelf(OFFER, new, **{f"arms__{table}": share})
        found = decided(world, somebody(customer_id=name))
        return found.order[0] == "new" if table == "exploration" else found.arm != "best"

    assert not drawn(math.nextafter(u, 0))
    assert not drawn(u)
    assert drawn(math.nextafter(u, 1))


@pytest.mark.parametrize(("evidence", "is_new"), [(999.0, True), (1_000.0, False), (1_001.0, False)])
def test_an_offer_is_new_until_the_models_know_enough(evidence: float, is_new: bool):
    old = Offer("old", group="service", value=1e6, start=1.0, start_evidence=10_000)
    new = replace(OFFER, start=0.5, start_evidence=10)
    world = shelf(old, new, arms__exploration=0.5, **of_product(evidence=evidence))
    assert codes(world, somebody()) == ()
    found = {decided(world, somebody(customer_id=f"C{n}")).order[0] for n in range(30)}
    assert ("offer" in found) is is_new
