"""A release tried beside the current one: it answers some customers, or decides in the shadow of answers.

One at a time. It begins with the last signature of a request that asked for it, and ends by becoming
current (finish) or by being dropped (end); the share of customers may change meanwhile.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from crm_rules.governance.person import Role

CANDIDATE = "candidate"  # the kind of the event
BEGIN, SHARE, FINISH, END = "begin", "share", "finish", "end"  # its causes


class Mode(StrEnum):
    """What a candidate does."""

    CANARY = "canary"  # answers its share of the customers
    SHADOW = "shadow"  # decides about its share once they were answered; logged, never returned


@dataclass(frozen=True)
class Tryout:
    """How a release is tried: on how many customers of a hundred, and whether they get its answers.

    >>> Tryout.of({"mode": "canary", "percent": 10})
    Tryout(mode=<Mode.CANARY: 'canary'>, percent=10)
    """

    mode: Mode
    percent: int

    def __post_init__(self) -> None:
        if type(self.percent) is not int or not 1 <= self.percent <= 100:
            raise ValueError(f"{self.percent!r} is no share of customers; it is 1 to 100 percent")

    @staticmethod
    def of(told: Mapping[str, Any]) -> "Tryout":
        """As a request or a record tells it; ValueError for what is none."""
        return Tryout(Mode(told["mode"]), told["percent"])

    def as_json(self) -> dict[str, object]:
        """As a request and a record tell it."""
        return {"mode": str(self.mode), "percent": self.percent}

    def __str__(self) -> str:
        return f"{self.mode} for {self.percent} % of customers"


@dataclass(frozen=True)
class Named:
    """A release became the candidate, its share changed, or it ended: then `release` is empty.

    `subject` is the request it came from.
    """

    number: int
    release: str
    parts: Mapping[str, str]
    tryout: Tryout
    cause: str
    subject: str
    by: str
    role: Role
    at: str
    reason: str
    record: Mapping[str, Any]

    @property
    def running(self) -> bool:
        """Whether a release is tried since then."""
        return bool(self.release)

    def follows(self, before: "Named | None", parts: Mapping[str, str]) -> str:
        """Why it cannot come after `before`; empty when it can. `parts` are those its begin would give."""
        if self.running != (self.cause in (BEGIN, SHARE)):
            return f"{self.cause} of {self.subject} names {'a' if self.running else 'no'} release"
        if self.cause == BEGIN:
            if before is not None:
                return f"the release of {before.subject} is tried already"
            return "" if dict(self.parts) == dict(parts) else f"{self.subject} gives other parts"
        if before is None or before.subject != self.subject:
            return f"no release of {self.subject} is tried"
        if self.cause == SHARE and (self.release, dict(self.parts), self.tryout.mode) != (
            before.release, dict(before.parts), before.tryout.mode,
        ):  # fmt: skip
            return "it changes more than the share"
        return "" if self.cause in (SHARE, FINISH, END) else f"there is no cause '{self.cause}'"


def named_in(subject: str, by: str, role: Role, at: str, body: Mapping[str, Any]) -> Named:
    """What an event tells; KeyError, TypeError or ValueError when it is not well formed."""
    return Named(
        int(body["number"]), str(body["release"]), {**body["parts"]}, Tryout.of(body), str(body["cause"]),
        subject, by, role, at, str(body["reason"]), body["record"],
    )  # fmt: skip
