"""How much a part can do to customers: exposure x purpose gives a tier, the tier what it takes to change it.

>>> rules = Materiality.load(MATERIALITY)
>>> rules.tier_of("credit_risk", customers=100_000).name, rules.tier_of("segmentation", customers=900).name
('high', 'low')
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from crm_rules import strict_toml
from crm_rules.errors import InvalidPolicy
from crm_rules.governance.person import Role
from crm_rules.strict_toml import Among, Within

MATERIALITY = Path(__file__).parents[1] / "policies" / "materiality.toml"
PARTS = ("segmentation", "propensity", "credit_risk", "recommendation", "policy", "products", "reasons")
PURPOSES = ("credit", "advice", "marketing")
EXPOSURES = ("small", "medium", "large")
TIERS = ("high", "medium", "low")
KINDS = (
    "calibration", "card", "champion", "content", "discrimination", "fairness", "faithfulness", "latency",
    "leak", "pack", "parity", "pia", "reproducibility", "signature", "size", "stability",
)  # fmt: skip
ROLES = tuple(str(role) for role in Role)
TRIGGERS = ("psi",)
LEAST_NEEDED = (Role.VALIDATOR, Role.RISK_APPROVER)  # of every part, whatever the file says

LONGEST_MONTHS = 60
Months = Annotated[int, Within(1, LONGEST_MONTHS)]
Days = Annotated[int, Within(1, 730)]
Names = Annotated[tuple[str, ...], Among(KINDS)]


@dataclass(frozen=True)
class Exposure:
    """From how many customers on a part counts as of medium and of large exposure."""

    medium: Annotated[int, Within(1, 1e9)]
    large: Annotated[int, Within(1, 1e9)]


@dataclass(frozen=True)
class TierRules:
    """What a tier asks: who signs, which gates nobody can waive, which may be waived, for how long."""

    needs: Annotated[tuple[str, ...], Among(ROLES)]
    hard: Names
    soft: Names
    validation_months: Months
    waiver_days: Days
    rollback_review_days: Days
    triggers: Annotated[Mapping[str, Annotated[float, Within(0, 1)]], Among(TRIGGERS)]


@dataclass(frozen=True)
class Tier:
    """A tier by its name; `needs` are the roles that sign, each another person."""

    name: str
    rules: TierRules

    @property
    def needs(self) -> tuple[Role, ...]:
        """The roles that have to sign."""
        return tuple(Role(name) for name in self.rules.needs)

    def due(self, validated: date) -> date:
        """When what was validated that day has to be validated again."""
        return add_months(validated, self.rules.validation_months)


@dataclass(frozen=True)
class Materiality:
    """The file of tiers."""

    version: str
    exposure: Exposure
    purpose: Annotated[Mapping[str, str], Among(PARTS)]
    requests: Annotated[Mapping[str, Annotated[tuple[str, ...], Among(ROLES)]], Among(PARTS)]
    tiers: Annotated[Mapping[str, Mapping[str, str]], Among(PURPOSES)]
    tier: Annotated[Mapping[str, TierRules], Among(TIERS)]

    @staticmethod
    def load(path: Path) -> "Materiality":
        """Read strictly; InvalidPolicy names the key that is wrong."""
        return Materiality.parse(path.read_bytes())

    @staticmethod
    def parse(content: bytes) -> "Materiality":
        """The same from bytes."""
        found = strict_toml.read(Materiality, content)
        _require(set(found.purpose) == set(PARTS), "purpose", f"should name each of {PARTS}")
        _require(set(found.requests) == set(PARTS), "requests", f"should name each of {PARTS}")
        _require(set(found.tiers) == set(PURPOSES), "tiers", f"should name each of {PURPOSES}")
        _require(found.exposure.medium < found.exposure.large, "exposure", "should rise from medium to large")
        _require(set(found.purpose.values()) <= set(PURPOSES), "purpose", f"should be of {PURPOSES}")
        for purpose, by_exposure in found.tiers.items():
            whole = set(by_exposure) == set(EXPOSURES) and set(by_exposure.values()) <= set(found.tier)
            _require(whole, f"tiers.{purpose}", f"should give each of {EXPOSURES} a tier of [tier]")
        for name, rules in found.tier.items():
            both = set(rules.hard) & set(rules.soft)
            _require(not both, f"tier.{name}", f"has {sorted(both)} both hard and soft")
            lacking = [str(role) for role in LEAST_NEEDED if str(role) not in rules.needs]
            _require(not lacking, f"tier.{name}.needs", f"lacks {lacking}, which sign everything")
        return found

    def requesters(self, part: str) -> tuple[Role, ...]:
        """The roles that may put this part forward; InvalidPolicy for a part nobody has heard of."""
        self._require_known(part)
        return tuple(Role(name) for name in self.requests[part])

    def tier_of(self, part: str, customers: int) -> Tier:
        """The tier of a part in a bank of so many customers; InvalidPolicy for a part nobody has heard of."""
        self._require_known(part)
        at = sum(customers >= least for least in (self.exposure.medium, self.exposure.large))
        name = self.tiers[self.purpose[part]][EXPOSURES[at]]
        return Tier(name, self.tier[name])

    def _require_known(self, part: str) -> None:
        _require(part in self.purpose, f"purpose.{part}", f"is not known; parts are {PARTS}")


def add_months(day: date, months: int) -> date:
    """So many months later, on the same day or the month's last.

    >>> add_months(date(2026, 8, 31), 6)
    datetime.date(2027, 2, 28)
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has a 28th")


def _require(holds: bool, key: str, problem: str) -> None:
    if not holds:
        raise InvalidPolicy(key, problem)
