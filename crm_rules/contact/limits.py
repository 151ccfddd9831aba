"""What a policy says about time and contact: where the bank's day begins, and when it speaks to customers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

from crm_rules.errors import InvalidPolicy
from crm_rules.strict_toml import Among, Like, Within
from crm_rules.vocabulary import CHANNELS
from feature_repo.zones import CODE

TimeOfDay = Annotated[str, Like(r"([01]\d|2[0-3]):[0-5]\d", 'a time of day like "08:00"')]


@dataclass(frozen=True)
class Calendar:
    """The zone whose day counts for a customer whose own is unknown."""

    zone: str

    def check(self) -> None:
        """InvalidPolicy when there is no such zone, or this machine does not know it."""
        if self.zone not in CODE:
            raise InvalidPolicy("calendar.zone", f"should be a zone like Asia/Shanghai, but is {self.zone!r}")
        try:
            ZoneInfo(self.zone)
        except (OSError, ValueError, LookupError) as error:
            raise InvalidPolicy(
                "calendar.zone", f"names {self.zone}, which the time zones of this machine do not hold"
            ) from error


@dataclass(frozen=True)
class Hours:
    """From when to when a channel is open, in the customer's time; over midnight where `from` is later."""

    from_: TimeOfDay
    to: TimeOfDay

    @property
    def opens(self) -> int:
        """The first open minute of the day."""
        return _minute(self.from_)

    @property
    def closes(self) -> int:
        """The first minute after it that is closed.

        >>> Hours("08:00", "22:00").closes
        1320
        """
        return _minute(self.to)


@dataclass(frozen=True)
class Contact:
    """When the bank keeps quiet. A channel without hours is always open."""

    quiet_from_complaints_365d: Annotated[int, Within(1, 1_000)]
    hours: Annotated[Mapping[str, Hours], Among(CHANNELS)]

    def check(self) -> None:
        """InvalidPolicy when a channel opens and closes at one time: never or always, nobody can tell."""
        for channel, hours in self.hours.items():
            if hours.opens == hours.closes:
                raise InvalidPolicy(
                    f"contact.hours.{channel}",
                    f"opens and closes at {hours.to}; leave the channel out where it is always open",
                )


def _minute(time: str) -> int:
    return int(time[:2]) * 60 + int(time[3:])
