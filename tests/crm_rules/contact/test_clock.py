"""The local time of customers, held against the standard library for every zone and change of its clocks."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo
from zoneinfo._zoneinfo import ZoneInfo as ReadableZone  # the same in Python, whose changes can be read

import numpy as np
import pytest
from numpy.typing import NDArray

from crm_rules.contact import clock
from crm_rules.contact.clock import DAY, EPOCH, SECOND, local
from feature_repo.zones import CODE, ZONES

BANK = "Asia/Shanghai"
LAST_LISTED = int(datetime(2037, 12, 31, tzinfo=UTC).timestamp())  # later changes follow from a rule


def us(*moments: datetime) -> NDArray[np.int64]:
    return np.array([(moment - EPOCH) // timedelta(microseconds=1) for moment in moments])


def zones(*names: str) -> NDArray[np.float64]:
    return np.array([CODE[name] for name in names], np.float64)


def told(moment_us: int, zone: str) -> tuple[int, int, int]:
    """Day, minute and year as the standard library tells them."""
    there = (EPOCH + timedelta(microseconds=moment_us)).astimezone(ZoneInfo(zone))
    return (there.date() - date(1970, 1, 1)).days, there.hour * 60 + there.minute, there.year


def changes(zone: str) -> list[int]:
    """The seconds since 1970 at which a zone changed its offset, as far as they are listed."""
    read = ReadableZone(zone)
    return [second for second in read._trans_utc if 0 <= second < LAST_LISTED]


def assert_as_told(at_us: NDArray[np.int64], names: list[str]) -> None:
    found = local(at_us, zones(*names), BANK)
    expected = np.array([told(int(moment), name) for moment, name in zip(at_us, names, strict=True)])
    assert found.known.all()
    assert np.array_equal(np.stack([found.day, found.minute, found.year], axis=1), expected)


def test_every_zone_is_right_at_any_moment() -> None:
    rng = np.random.default_rng(5)
    names = [*ZONES] * 20
    first, last = us(datetime(1970, 1, 2, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    assert_as_told(rng.integers(first, last, len(names)), names)


def test_every_zone_is_right_on_both_sides_of_every_change_of_its_clocks() -> None:
    cases = [(second + side, zone) for zone in ZONES for second in changes(zone) for side in (-1, 0, 1)]
    assert len(cases) > 30_000
    assert_as_told(np.array([second * SECOND for second, _ in cases]), [zone for _, zone in cases])


def test_no_zone_changes_twice_within_one_day() -> None:
    apart = min(after - before for zone in ZONES for before, after in pairwise(changes(zone)))
    assert apart > DAY


CASES = [
    ("the second before the gap", "Europe/Berlin", "2026-03-29T00:59:59", (2026, 3, 29), 119),
    ("the gap: two o'clock is three", "Europe/Berlin", "2026-03-29T01:00:00", (2026, 3, 29), 180),
    ("the fold: half past two", "Europe/Berlin", "2026-10-25T00:30:00", (2026, 10, 25), 150),
    ("and again an hour later", "Europe/Berlin", "2026-10-25T01:30:00", (2026, 10, 25), 150),
    ("a gap at midnight", "Africa/Cairo", "2026-04-23T22:00:00", (2026, 4, 24), 60),
    ("half an hour of summer time", "Australia/Lord_Howe", "2026-04-04T15:00:00", (2026, 4, 5), 90),
    ("three quarters of an hour", "Asia/Kathmandu", "2026-01-01T18:15:00", (2026, 1, 2), 0),
    ("a leap day", BANK, "2028-02-28T16:00:00", (2028, 2, 29), 0),
    ("its last minute", BANK, "2028-02-29T15:59:59.999999", (2028, 2, 29), 1439),
    ("still the old year", "America/New_York", "2026-01-01T04:59:00", (2025, 12, 31), 1439),
    ("already the new year", "Pacific/Kiritimati", "2025-12-31T10:00:00", (2026, 1, 1), 0),
    ("a microsecond before 1970", "UTC", "1969-12-31T23:59:59.999999", (1969, 12, 31), 1439),
]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "at", "day", "minute"), [pytest.param(*case[1:], id=case[0]) for case in CASES]
)
def test_the_clock_on_the_wall_shows(zone: str, at: datetime, day: tuple[int, int, int], minute: int) -> None:
    found = local(us(datetime.fromisoformat(at + "+00:00")), zones(zone), "UTC")
    assert (date(1970, 1, 1) + timedelta(days=int(found.day[0])), found.minute[0]) == (date(*day), minute)
    assert found.year[0] == day[0]


@pytest.mark.parametrize("code", [np.nan, -1.0, float(len(ZONES)), np.inf, -np.inf], ids=str)
def test_an_unknown_zone_has_the_time_of_the_bank_and_is_told(code: float) -> None:
    at = us(datetime(2026, 3, 1, 12, tzinfo=UTC))
    found = local(at, np.array([code]), BANK)
    assert (found.minute[0], found.known[0]) == (20 * 60, False)


def test_a_zone_this_machine_does_not_hold_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    newest = ZONES.index("America/Coyhaique")
    there = clock._zone
    monkeypatch.setattr(clock, "_zone", lambda code: None if code == newest else there(code))
    clock._day.cache_clear()
    at = us(*[datetime(2026, 3, 1, 12, tzinfo=UTC)] * 2)
    found = local(at, zones("America/Coyhaique", "Asia/Tokyo"), BANK)
    clock._day.cache_clear()
    assert found.minute.tolist() == [20 * 60, 21 * 60]
    assert found.known.tolist() == [False, True]


def test_a_customer_alone_has_the_same_time_as_among_thousands() -> None:
    rng = np.random.default_rng(3)
    at = us(datetime(2026, 3, 29, tzinfo=UTC)) + rng.integers(0, 2 * DAY, 5_000) * SECOND
    zone = rng.choice([*range(len(ZONES)), np.nan], 5_000)
    among = local(at, zone, BANK)
    for row in range(0, 5_000, 50):
        alone = local(at[row : row + 1], zone[row : row + 1], BANK)
        for name in ("day", "minute", "year", "known"):
            assert getattr(alone, name).tolist() == getattr(among, name)[row : row + 1].tolist()
            assert getattr(alone, name).dtype == getattr(among, name).dtype


@pytest.mark.parametrize("moment", [np.iinfo(np.int64).min, np.iinfo(np.int64).max], ids=["first", "last"])
def test_a_moment_no_calendar_can_name_has_a_time_all_the_same(moment: int) -> None:
    found = local(np.array([moment, 0]), zones(BANK, BANK), BANK)
    assert found.day[1] == 0
    assert abs(found.day[0] - moment // (DAY * SECOND)) <= 1


def test_nobody_has_no_time() -> None:
    found = local(np.empty(0, np.int64), np.empty(0), BANK)
    assert [len(each) for each in (found.day, found.minute, found.year, found.known)] == [0] * 4
