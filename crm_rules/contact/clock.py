"""What the clock on a customer's wall says at a moment, exact to the second where summer time begins or ends.

>>> at = datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)
>>> moments = np.array([int(at.timestamp()), int(at.timestamp()) + 1]) * SECOND
>>> local(moments, np.full(2, float(CODE["Europe/Berlin"])), "Asia/Shanghai").minute.tolist()
[119, 180]
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crm_rules.rules import F64Array, Mask
from feature_repo.zones import CODE, ZONES

I64Array = NDArray[np.int64]
SECOND = 1_000_000  # microseconds
DAY = 86_400  # seconds
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = -719_000, 2_932_000  # days that a calendar date can name; beyond them the offset is theirs
FEW = 8  # moments looked up one by one
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Local:
    """The local time of n moments: arrays of length n."""

    day: I64Array  # days since 1970-01-01 of the local date
    minute: I64Array  # minutes since local midnight, as the clock shows them
    year: I64Array
    known: Mask  # whether the zone is known; where not, the time is that of the default zone


class _Day(NamedTuple):
    """The seconds a zone is ahead of UTC in a UTC day: `before` the second `change`, `after` from it on."""

    before: int
    after: int
    change: int
    known: bool


def local(at_us: I64Array, zone: F64Array, default: str) -> Local:
    """The local time at each moment (microseconds since 1970, UTC) in each zone (its code), (n,) each.

    A zone that is NaN, no code, or strange to this machine is unknown. `default` names a zone of `ZONES`.
    """
    bank = CODE[default]
    if len(at_us) <= FEW:
        return _one_by_one(at_us.tolist(), zone.tolist(), bank)
    given = (zone >= 0) & (zone < len(ZONES)) & (zone == np.floor(zone))
    code = np.where(given, zone, bank).astype(np.int64)
    second = at_us // SECOND
    ahead, here = _ahead(second, code, bank)
    day, rest = np.divmod(second + ahead, DAY)
    year = day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    return Local(day, rest // 60, year, given & here)


def _one_by_one(at_us: list[int], zones: list[float], bank: int) -> Local:
    """The same for a few moments, each by itself: arrays cost more than they save there."""
    found = []
    for at, zone in zip(at_us, zones, strict=True):
        given = 0 <= zone < len(ZONES) and zone == int(zone)
        second = at // SECOND
        before, after, change, here = _day(second // DAY * len(ZONES) + (int(zone) if given else bank), bank)
        day, rest = divmod(second + (before if second < change else after), DAY)
        found.append((day, rest // 60, _year(day), given and here))
    day_, minute, year, known = zip(*found, strict=True) if found else ((), (), (), ())
    return Local(
        np.array(day_, np.int64),
        np.array(minute, np.int64),
        np.array(year, np.int64),
        np.array(known, np.bool_),
    )


@lru_cache(maxsize=4_096)
def _year(day: int) -> int:
    return int(np.int64(day).astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)) + 1970


def _ahead(second: I64Array, code: I64Array, bank: int) -> tuple[I64Array, Mask]:
    """The seconds each zone is ahead of UTC at each second, and whether this machine knows the zone."""
    key = second // DAY * len(ZONES) + code  # one for each zone and day
    keys, where = np.unique(key, return_inverse=True)
    days = np.array([_day(each, bank) for each in keys.tolist()], np.int64)[where]
    early, late, change_at, knows = days.T
    return np.where(second < change_at, early, late), knows.astype(np.bool_)


@lru_cache(maxsize=65_536)
def _day(key: int, bank: int) -> _Day:
    """A zone's UTC day. Within one day a zone changes its offset at most once; a test holds that for all."""
    day, code = divmod(key, len(ZONES))
    day = min(max(day, FIRST), LAST)
    zone = _zone(code)
    if zone is None:
        return _Day(0, 0, NEVER, False) if code == bank else _of_the_bank(day, bank)
    start, end = day * DAY, (day + 1) * DAY
    before, after = _offset(zone, start), _offset(zone, end)
    if before == after:
        return _Day(before, after, NEVER, True)
    while end - start > 1:
        middle = (start + end) // 2
        if _offset(zone, middle) == before:
            start = middle
        else:
            end = middle
    return _Day(before, after, end, True)


def _of_the_bank(day: int, bank: int) -> _Day:
    return _day(day * len(ZONES) + bank, bank)._replace(known=False)


@cache
def _zone(code: int) -> ZoneInfo | None:
    """The rules of a zone; None where this machine has none."""
    try:
        return ZoneInfo(ZONES[code])
    except (OSError, ValueError, LookupError):
        return None


def _offset(zone: ZoneInfo, second: int) -> int:
    ahead = (EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset()
    return int((ahead or timedelta()).total_seconds())
