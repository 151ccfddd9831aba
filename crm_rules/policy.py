"""The bank's policy: every number a rule reads, from one strict, versioned TOML file.

>>> Policy.load(STANDARD).suitability.assessment_valid_days
365
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from crm_rules import strict_toml
from crm_rules.cases.limits import CaseLimits
from crm_rules.compliance.limits import Conduct
from crm_rules.contact.limits import Calendar, Contact
from crm_rules.contradictions import check_contradictions
from crm_rules.lending.limits import Lending
from crm_rules.loyalty.limits import Loyalty
from crm_rules.offers.limits import (
    Arbitration,
    Arms,
    Consent,
    Eligibility,
    Keep,
    Suitability,
    Targeting,
)

STANDARD = Path(__file__).parent / "policies" / "standard.toml"


@dataclass(frozen=True)
class Policy:
    """The whole policy of one version, in force from a day on."""

    version: str
    effective_from: date
    calendar: Calendar
    suitability: Suitability
    eligibility: Eligibility
    consent: Consent
    contact: Contact
    keep: Keep
    targeting: Targeting
    lending: Lending
    cases: CaseLimits
    arbitration: Arbitration
    arms: Arms
    loyalty: Loyalty
    conduct: Conduct

    @staticmethod
    def parse(data: bytes) -> "Policy":
        """Read TOML bytes, the same bytes a release digests; InvalidPolicy names the key that is wrong."""
        return Policy.of(strict_toml.table_of(data))

    @staticmethod
    def of(table: Mapping[str, object]) -> "Policy":
        """The policy of a table that was read; InvalidPolicy names the key that is wrong."""
        policy = strict_toml.read_table(Policy, table)
        policy.calendar.check()
        policy.contact.check()
        policy.conduct.check()
        policy.lending.check()
        policy.cases.check()
        policy.arms.check()
        check_contradictions(policy)
        return policy

    @staticmethod
    def load(path: Path) -> "Policy":
        """Read a policy file; InvalidPolicy when it cannot be read."""
        return strict_toml.load(path, Policy.parse)
