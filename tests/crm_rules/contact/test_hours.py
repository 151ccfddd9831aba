"""The hours of a channel in the customer's own time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from crm_rules.contact.clock import EPOCH, local
from crm_rules.contact.hours import within
from crm_rules.contact.limits import Hours
from crm_rules.errors import InvalidPolicy
from crm_rules.policy import STANDARD, Policy
from feature_repo.zones import CODE, ZONES

DAYTIME, NIGHT = Hours("08:00", "22:00"), Hours("22:00", "08:00")
TEXT = STANDARD.read_text()


@pytest.mark.parametrize(
    ("time", "day", "night"),
    [
        pytest.param("07:59", False, True, id="07:59"),
        pytest.param("08:00", True, False, id="08:00"),
        pytest.param("21:59", True, False, id="21:59"),
        pytest.param("22:00", False, True, id="22:00"),
        pytest.param("00:00", False, True, id="midnight"),
        pytest.param("23:59", False, True, id="the last minute"),
    ],
)
def test_a_channel_is_open_from_its_first_minute_until_before_its_last(
    time: str, day: bool, night: bool
) -> None:
    minute, known = np.array([int(time[:2]) * 60 + int(time[3:])]), np.array([True])
    assert within(DAYTIME, minute, known).tolist() == [day]
    assert within(NIGHT, minute, known).tolist() == [night]


def test_a_channel_that_closes_at_midnight_is_open_until_then() -> None:
    minutes = np.arange(1440)
    open_at = within(Hours("09:00", "00:00"), minutes, np.ones(1440, np.bool_))
    assert minutes[open_at].tolist() == list(range(540, 1440))


def test_where_the_zone_is_unknown_every_channel_is_closed() -> None:
    minutes = np.arange(1440)
    for hours in (DAYTIME, NIGHT):
        assert not within(hours, minutes, np.zeros(1440, np.bool_)).any()


@pytest.mark.parametrize("zone", ZONES)
def test_in_every_zone_a_channel_opens_and_closes_by_the_clock_on_the_wall(zone: str) -> None:
    """Two days around every change of the clocks of 2026, each quarter of an hour, and the edges' seconds."""
    first = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [first + timedelta(hours=6 * step) for step in range(4 * 365)]
    moments += [
        datetime(2026, month, day, hour, minute, second, tzinfo=UTC)
        for month, day in ((3, 8), (3, 29), (10, 25), (11, 1))
        for hour in range(24)
        for minute in (0, 14, 15, 29, 30, 44, 45, 59)
        for second in (0, 59)
    ]
    at = np.array([(moment - EPOCH) // timedelta(microseconds=1) for moment in moments])
    there = local(at, np.full(len(at), float(CODE[zone])), "UTC")
    found = within(DAYTIME, there.minute, there.known)
    walls = [moment.astimezone(ZoneInfo(zone)) for moment in moments]
    assert found.tolist() == [8 <= wall.hour < 22 for wall in walls]


def test_an_hour_that_is_there_twice_is_open_both_times() -> None:
    late = Hours("02:00", "03:00")
    at = np.array([int(datetime(2026, 10, 25, hour, 30, tzinfo=UTC).timestamp()) for hour in (0, 1, 2)])
    there = local(at * 1_000_000, np.full(3, float(CODE["Europe/Berlin"])), "UTC")
    assert within(late, there.minute, there.known).tolist() == [True, True, False]


WRONG = [
    ("no hour of the day", 'from = "09:00"', 'from = "24:00"', "contact.hours.phone.from"),
    ("a time without its zero", 'from = "09:00"', 'from = "9:00"', "contact.hours.phone.from"),
    ("a time with seconds", 'to = "20:00"', 'to = "20:00:00"', "contact.hours.phone.to"),
    ("a time of TOML", 'to = "20:00"', "to = 20:00:00", "contact.hours.phone.to"),
    ("a number", 'to = "20:00"', "to = 20", "contact.hours.phone.to"),
    ("closes when it opens", 'to = "20:00"', 'to = "09:00"', "contact.hours.phone"),
    ("no end", 'to = "20:00"', "", "contact.hours.phone.to"),
    ("no such channel", "[contact.hours.social]", "[contact.hours.fax]", "contact.hours.fax"),
    ("an unknown key", 'to = "20:00"', 'to = "20:00"\nuntil = "20:00"', "contact.hours.phone.until"),
    ("no such zone", 'zone = "Asia/Shanghai"', 'zone = "Mars/North"', "calendar.zone"),
    ("no zone", 'zone = "Asia/Shanghai"', 'zone = ""', "calendar.zone"),
]


@pytest.mark.parametrize(("old", "new", "key"), [pytest.param(*case[1:], id=case[0]) for case in WRONG])
def test_a_policy_with_wrong_hours_is_refused_and_the_key_named(old: str, new: str, key: str) -> None:
    assert old in TEXT
    with pytest.raises(InvalidPolicy) as raised:
        Policy.parse(TEXT.replace(old, new, 1).encode())
    assert raised.value.key == key


def test_a_bank_in_a_zone_this_machine_does_not_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(name: str) -> ZoneInfo:
        raise LookupError(name)

    monkeypatch.setattr("crm_rules.contact.limits.ZoneInfo", lacking)
    with pytest.raises(InvalidPolicy, match="do not hold"):
        Policy.load(STANDARD)
