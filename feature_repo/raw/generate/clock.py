"""The months of the generated bank, in microseconds since 1970 (UTC)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]
HOUR = 3_600_000_000
DAY = 24 * HOUR
SPRING_FESTIVAL = {2021: 2, 2022: 2, 2023: 1, 2024: 2, 2025: 1, 2026: 2, 2027: 2, 2028: 1}
"""The month each Chinese new year falls into."""


def microseconds(day: date) -> int:
    """Midnight of that day.

    >>> microseconds(date(1970, 1, 2)) == DAY
    True
    """
    return (day - date(1970, 1, 1)) // timedelta(days=1) * DAY


@dataclass(frozen=True)
class Calendar:
    """Month boundaries: month `m` runs from `edges[m]` up to `edges[m + 1]`."""

    first_days: tuple[date, ...]

    @staticmethod
    def of(ends: date, months: int) -> "Calendar":
        """The `months` whole months before the month of `ends`, and its first day.

        >>> Calendar.of(date(2026, 1, 1), 2).first_days[0]
        datetime.date(2025, 11, 1)
        """
        last = ends.year * 12 + ends.month - 1
        span = range(last - months, last + 1)
        return Calendar(tuple(date(number // 12, number % 12 + 1, 1) for number in span))

    @property
    def months(self) -> int:
        """How many whole months there are."""
        return len(self.first_days) - 1

    @property
    def edges(self) -> Times:
        """Month boundaries, (months + 1,)."""
        return np.array([microseconds(day) for day in self.first_days], np.int64)

    @property
    def start(self) -> int:
        """The first instant."""
        return microseconds(self.first_days[0])

    @property
    def end(self) -> int:
        """The first instant after the last month."""
        return microseconds(self.first_days[-1])

    def days(self, month: int) -> int:
        """How many days that month has."""
        return (self.first_days[month + 1] - self.first_days[month]).days

    def spending(self, month: int) -> float:
        """Seasonal factor of spending: December and the spring festival are busy."""
        day = self.first_days[month]
        festive = 1.25 if SPRING_FESTIVAL.get(day.year, 2) == day.month else 1.0
        return festive * {12: 1.22, 7: 1.06, 8: 1.06, 3: 0.92}.get(day.month, 1.0)

    def bonus(self, month: int) -> bool:
        """Whether the yearly bonus is paid: the month before the spring festival ends the year."""
        day = self.first_days[month]
        return SPRING_FESTIVAL.get(day.year, 2) == day.month

    def working_days(self, month: int) -> Times:
        """For each day of the month (from 0): itself, or the Friday before when it is a weekend.

        A weekend that begins the month is moved to its first working day.

        >>> Calendar.of(date(2025, 12, 1), 1).working_days(0)[:4].tolist()  # 1 November 2025: a Saturday
        [2, 2, 2, 3]
        """
        days = np.arange(self.days(month))
        weekday = (days + self.first_days[month].weekday()) % 7
        moved = days - np.maximum(weekday - 4, 0)
        return np.where(moved >= 0, moved, days + 7 - weekday)

    def busy_days(self, month: int) -> Times:
        """The days of the month (from 0), Saturdays and Sundays three times for every two."""
        days = np.arange(self.days(month))
        weekday = (days + self.first_days[month].weekday()) % 7
        return np.repeat(days, np.where(weekday >= 5, 3, 2))

    def years(self, month: int) -> float:
        """Years since the first month."""
        return month / 12.0


def iso(microsecond: int) -> str:
    """ISO 8601 in UTC."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microsecond)).isoformat()
