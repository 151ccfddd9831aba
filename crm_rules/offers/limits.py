"""What a policy says about offers: who may, what is suitable, for whom, what first, who is in an arm."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from crm_rules.errors import InvalidPolicy
from crm_rules.strict_toml import Among, Within
from crm_rules.vocabulary import (
    CONTEXTS,
    FAMILIES,
    ISSUES,
    MARKETING_CHANNELS,
    Days,
    Percent,
    RiskLevel,
    Share,
    Years,
)


@dataclass(frozen=True)
class Suitability:
    """Who may be offered how much investment risk."""

    assessment_needed_from_risk: RiskLevel
    assessment_valid_days: Days
    extra_care_from_age: Years
    extra_care_from_risk: RiskLevel


@dataclass(frozen=True)
class Eligibility:
    """Who may have a product at all. `tiers` are those of the loyalty programme, the lowest first."""

    adult_from_age: Years
    credit_families: Annotated[tuple[str, ...], Among(FAMILIES)]
    arrears_from_days: Annotated[int, Within(1, 3_660)]
    minimum_amount_monthly_incomes: Annotated[float, Within(0, 1_000)]
    tiers: tuple[str, ...]


@dataclass(frozen=True)
class Consent:
    """Which channels can carry an offer once the customer has agreed to marketing there."""

    marketing_channels: Annotated[tuple[str, ...], Among(MARKETING_CHANNELS)]


@dataclass(frozen=True)
class Keep:
    """When a customer counts as likely to leave, so that an action to keep them makes sense."""

    likely_to_leave_from: Share


@dataclass(frozen=True)
class Targeting:
    """Which segments an offer, a product or a family is offered to only, or is kept from."""

    only_for: Mapping[str, tuple[str, ...]]
    kept_from: Mapping[str, tuple[str, ...]]

    @property
    def segments(self) -> frozenset[str]:
        """Every segment named."""
        return frozenset(
            name for table in (self.only_for, self.kept_from) for s in table.values() for name in s
        )

    def offers_of(self, segment: str) -> list[str]:
        """What the policy says of one segment, as `only_for.PRODUCT` or `kept_from.PRODUCT`."""
        tables = {"only_for": self.only_for, "kept_from": self.kept_from}
        return [f"{key}.{name}" for key, table in tables.items() for name, s in table.items() if segment in s]


@dataclass(frozen=True)
class Levers:
    """What the bank pushes or holds back, in percent: by issue, by group, by offer; they add up."""

    issue: Annotated[Mapping[str, Percent], Among(ISSUES)]
    group: Mapping[str, Percent]
    offer: Mapping[str, Percent]


@dataclass(frozen=True)
class Arbitration:
    """What comes first: levers and context weights in percent, and how much value counts (0 not, 1 fully)."""

    value_weight: Share
    lever: Levers
    context_percent: Annotated[
        Mapping[str, Annotated[Mapping[str, Percent], Among(FAMILIES)]], Among(CONTEXTS)
    ]


@dataclass(frozen=True)
class Arms:
    """Which shares of the customers are decided otherwise, so that the bank can measure what it does.

    The arm is drawn by month, exploration by day, both by a hash of `salt`, the period and the customer.
    """

    salt: str
    random_control: Annotated[float, Within(0, 0.5)]
    non_personalised: Annotated[float, Within(0, 0.5)]
    exploration: Annotated[float, Within(0, 0.5)]
    new_until_evidence: Annotated[int, Within(0, 1_000_000_000)]

    def check(self) -> None:
        """InvalidPolicy when the arms leave less than half of the customers to the best decision."""
        if self.random_control + self.non_personalised > 0.5:
            raise InvalidPolicy("arms", "random_control and non_personalised add up to more than a half")
