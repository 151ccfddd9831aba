"""Time zones by number."""

import hashlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from feature_repo.zones import CODE, ZONES

FROZEN = (419, "62ad32438a50ee8f")


def test_a_zone_keeps_its_code_for_ever() -> None:
    """The codes stand in rows and logs. A new zone comes last: then, and only then, change these two."""
    count, digest = FROZEN
    assert hashlib.sha256(" ".join(ZONES[:count]).encode()).hexdigest()[:16] == digest


def test_no_zone_is_there_twice() -> None:
    assert len(set(ZONES)) == len(ZONES)
    assert [CODE[name] for name in ZONES] == list(range(len(ZONES)))


@pytest.mark.parametrize("former", sorted(set(CODE) - set(ZONES)))
def test_a_former_name_is_the_zone_it_became(former: str) -> None:
    now = ZoneInfo(ZONES[CODE[former]])
    moments = [1_700_000_000 + 86_400 * 30 * step for step in range(24)]
    for second in moments:
        at = datetime.fromtimestamp(second, UTC)
        assert at.astimezone(ZoneInfo(former)).utcoffset() == at.astimezone(now).utcoffset()


@pytest.mark.parametrize("name", ZONES)
def test_a_zone_is_one_of_the_world(name: str) -> None:
    assert ZoneInfo(name).key == name
