"""The product's own answer to applications for credit, in the reference's shape."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crm_rules.lending.applicants import Applicants
from crm_rules.lending.policy import Decisions, decide
from crm_rules.policy import Policy
from tests.reference.lending import Application, Credit, Terms, cents
from tests.reference.policies import toml

NUMBERS = {
    "pd": "pd", "amount": "amount", "term_months": "term", "income_monthly": "income",
    "instalments_monthly": "running", "exposure_total": "exposure", "age_years": "age",
    "days_past_due": "days_past_due", "loans_written_off": "loans_written_off",
    "applications_refused_365d": "refused_365d", "bureau_delinquencies": "bureau_delinquencies",
}  # fmt: skip
FLAGS = {
    "is_company": "company", "is_newcomer": "newcomer", "degraded": "degraded", "stopped": "stopped",
}  # fmt: skip


def applicants(asked: Sequence[Application]) -> Applicants:
    """Applications as columns."""
    numbers = {name: np.array([getattr(each, own) for each in asked], float) for name, own in NUMBERS.items()}
    flags = {name: np.array([getattr(each, own) for each in asked], bool) for name, own in FLAGS.items()}
    return Applicants(grade=np.array([each.grade for each in asked], np.str_), **numbers, **flags)


def answers(policy: Mapping[str, Any], situation: str, asked: Sequence[Application]) -> list[Credit]:
    """All of them decided at once, under a policy read from its TOML."""
    lending = Policy.parse(toml(policy).encode()).lending
    found = decide(applicants(asked), lending, situation)
    return [_credit(found, row) for row in range(len(asked))]


def _credit(found: Decisions, row: int) -> Credit:
    outcome, got = str(found.outcome[row]), found.terms
    terms = Terms(
        amount=cents(float(got.amount[row])),
        term=float(got.term_months[row]),
        rate=float(got.rate[row]),
        instalment=cents(float(got.instalment[row])),
        limit=cents(float(got.limit[row])),
    )
    return Credit(outcome, frozenset(found.held(row)), terms if outcome == "approve" else None)
