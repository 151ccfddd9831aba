"""The bank's policy: every number a rule reads, from one strict, versioned TOML file.

>>> Policy.load(STANDARD).suitability.assessment_valid_days
365
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from crm_rules import strict_toml
from crm_rules.errors import InvalidPolicy
from crm_rules.strict_toml import Among, Within

STANDARD = Path(__file__).parent / "policies" / "standard.toml"

FAMILIES = (
    "current", "savings", "deposit", "card", "loan", "mortgage", "fund", "insurance", "pension",
)  # fmt: skip
CATEGORIES = (
    "salary", "pension", "transfer_in", "cash_in", "cash_out", "card_payment", "rent",
    "household", "insurance", "loan_payment", "interest", "penalty_interest", "fee",
    "transfer_out", "investment", "other",
)  # fmt: skip
MARKETING_CHANNELS = ("email", "phone", "app")
CONTEXTS = ("app", "branch", "chat", "email", "phone")

Share = Annotated[float, Within(0, 1)]
Percent = Annotated[float, Within(-100, 1_000)]
Money = Annotated[float, Within(0, 1e12)]
Days = Annotated[int, Within(0, 3_660)]
Years = Annotated[int, Within(0, 120)]
RiskLevel = Annotated[int, Within(1, 5)]


@dataclass(frozen=True)
class Suitability:
    """Who may be offered how much investment risk."""

    assessment_needed_from_risk: RiskLevel
    assessment_valid_days: Days
    extra_care_from_age: Years
    extra_care_from_risk: RiskLevel


@dataclass(frozen=True)
class Eligibility:
    """Who may have a product at all."""

    adult_from_age: Years
    credit_families: Annotated[tuple[str, ...], Among(FAMILIES)]
    arrears_from_days: Annotated[int, Within(1, 3_660)]
    minimum_amount_monthly_incomes: Annotated[float, Within(0, 1_000)]


@dataclass(frozen=True)
class Consent:
    """Which channels can carry an offer once the customer has agreed to marketing there."""

    marketing_channels: Annotated[tuple[str, ...], Among(MARKETING_CHANNELS)]


@dataclass(frozen=True)
class Contact:
    """When the bank keeps quiet."""

    quiet_from_complaints_365d: Annotated[int, Within(1, 1_000)]


@dataclass(frozen=True)
class Targeting:
    """Which segments a product, or a family of them, is offered to only, or is kept from."""

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
class LendingSituation:
    """Cut-offs of one credit situation: approve below one PD, decline above another, a person between."""

    approve_below_pd: Share
    decline_above_pd: Share
    instalment_to_income_max: Annotated[float, Within(0, 10)]
    amount_max: Money
    newcomer_amount_max: Money
    decline_from_days_past_due: Annotated[int, Within(1, 3_660)]
    adult_from_age: Years


LEVERS = ("amount", "term_months", "co_applicant", "card", "arrears")


@dataclass(frozen=True)
class Recourse:
    """How far an applicant may be told to go, and how much each change asks of them.

    `effort` weighs an amount given up entirely, a year more of repaying, and each of the others once.
    """

    ways: Annotated[int, Within(0, 5)]
    amount_least_share: Share
    amount_round_to: Annotated[float, Within(0.01, 1e6)]
    term_months_max: Annotated[int, Within(1, 600)]
    card_utilisation: Share
    effort: Annotated[Mapping[str, Annotated[float, Within(0, 10)]], Among(LEVERS)]


@dataclass(frozen=True)
class Lending:
    """Lending policy for a new application and for a customer with a running loan."""

    application: LendingSituation
    behaviour: LendingSituation
    recourse: Recourse

    def situation(self, name: str) -> LendingSituation:
        """The cut-offs of "application" or "behaviour"; KeyError for any other name."""
        return {"application": self.application, "behaviour": self.behaviour}[name]


@dataclass(frozen=True)
class Arbitration:
    """What comes first: levers and context weights in percent, and how much value counts (0 not, 1 fully)."""

    value_weight: Share
    lever_percent: Annotated[Mapping[str, Percent], Among(FAMILIES)]
    context_percent: Annotated[
        Mapping[str, Annotated[Mapping[str, Percent], Among(FAMILIES)]], Among(CONTEXTS)
    ]


@dataclass(frozen=True)
class Loyalty:
    """How points are earned, kept and spent."""

    points_per_100: Annotated[Mapping[str, Annotated[int, Within(0, 10_000)]], Among(CATEGORIES)]
    expiry_months: Annotated[int, Within(1, 120)]
    redeem_minimum: Annotated[int, Within(1, 1_000_000)]


@dataclass(frozen=True)
class Policy:
    """The whole policy of one version."""

    version: str
    suitability: Suitability
    eligibility: Eligibility
    consent: Consent
    contact: Contact
    targeting: Targeting
    lending: Lending
    arbitration: Arbitration
    loyalty: Loyalty

    @staticmethod
    def parse(data: bytes) -> "Policy":
        """Read TOML bytes, the same bytes a release digests; InvalidPolicy names the key that is wrong."""
        policy = strict_toml.read(Policy, data)
        for name in ("application", "behaviour"):
            cuts = policy.lending.situation(name)
            if cuts.approve_below_pd > cuts.decline_above_pd:
                raise InvalidPolicy(
                    f"lending.{name}.approve_below_pd",
                    f"is {cuts.approve_below_pd}, above decline_above_pd {cuts.decline_above_pd}",
                )
        if missing := sorted(set(LEVERS) - set(policy.lending.recourse.effort)):
            raise InvalidPolicy("lending.recourse.effort", f"lacks {missing}")
        return policy

    @staticmethod
    def load(path: Path) -> "Policy":
        """Read a policy file; InvalidPolicy when it cannot be read."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InvalidPolicy("(file)", f"{path} cannot be read: {error.strerror}") from error
        return Policy.parse(data)
