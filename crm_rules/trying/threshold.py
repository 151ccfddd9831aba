"""A number of the policy and the column it is held against."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Threshold:
    """`key` of the policy, the rule that reads it, the column it bounds, and the smallest step of that.

    `times` makes a value of the column from the number. `beside` are other columns of the customer or
    applicant, `offer` of the offer; `of_offer` says that the column itself is the offer's.
    """

    key: str
    code: str
    column: str
    unit: float = 1.0
    times: float = 1.0
    beside: Mapping[str, Any] = field(default_factory=dict)
    offer: Mapping[str, Any] = field(default_factory=dict)
    of_offer: bool = False


@dataclass(frozen=True)
class Tried:
    """A threshold one unit below, at, and above its value: what the column was, and the codes that held."""

    key: str
    value: object
    code: str
    column: str
    steps: tuple[tuple[float, tuple[str, ...]], ...]

    @property
    def turns(self) -> bool:
        """Whether its rule says something else somewhere in these three."""
        return len({self.code in codes for _, codes in self.steps}) > 1

    def as_row(self) -> dict[str, str]:
        """As `bank rules test` prints it."""
        told = [f"{at:.10g} {'+'.join(codes) or '-'}" for at, codes in self.steps]
        value = f"{self.value:.10g}" if isinstance(self.value, int | float) else str(self.value)
        return {
            "key": self.key, "value": value, "rule": self.code, "column": self.column,
            "below": told[0], "at": told[1], "above": told[2], "": "" if self.turns else "NEVER TURNS",
        }  # fmt: skip
