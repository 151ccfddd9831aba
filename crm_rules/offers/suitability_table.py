"""The suitability rules as one table: every level of customer and product, assessment and age.

Derived from the rules by asking them, so that what masks the recommender, what answers a check at the
counter, what tests enumerate and what a customer reads are one thing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product as combinations

import numpy as np

from crm_rules.contact.clock import Local
from crm_rules.offers.catalogue import Catalogue
from crm_rules.offers.customers import NO_CHANNEL, Customers
from crm_rules.offers.offers import Offers
from crm_rules.offers.products import Products
from crm_rules.offers.suitability import SUITABILITY
from crm_rules.policy import Policy
from crm_rules.rules import F64Array, judge
from crm_rules.vocabulary import MARKETING_CHANNELS

LEVELS = (np.nan, 1.0, 2.0, 3.0, 4.0, 5.0)
RISKS = (1, 2, 3, 4, 5)
HOLDERS = ("person", "older person", "company")


@dataclass(frozen=True)
class Cell:
    """One customer before one product: `level` 0 is unassessed; `codes` are of the rules that say no."""

    level: int
    risk: int
    in_force: bool
    holder: str
    codes: tuple[str, ...]

    @property
    def suitable(self) -> bool:
        """Whether no rule says no."""
        return not self.codes


def table(policy: Policy) -> tuple[Cell, ...]:
    """Every cell: six levels by five risks, assessment in force or a day too old, three kinds of holder."""
    return tuple(_cells(policy))


def _cells(policy: Policy) -> Iterator[Cell]:
    limits = policy.suitability
    kinds = list(combinations(LEVELS, (True, False), HOLDERS))
    asked = _customers(
        np.array([level for level, _, _ in kinds]),
        np.array([limits.assessment_valid_days + (0.0 if fresh else 1.0) for _, fresh, _ in kinds]),
        np.array([float(limits.extra_care_from_age - (holder == "person")) for _, _, holder in kinds]),
        np.array([float(holder == "company") for _, _, holder in kinds]),
    )
    verdicts = judge(SUITABILITY, asked, _shelf(policy), policy, across=len(RISKS))
    held = [np.broadcast_to(each.holds, (len(kinds), len(RISKS))) for each in verdicts]
    for row, (level, fresh, holder) in enumerate(kinds):
        for at, risk in enumerate(RISKS):
            codes = tuple(rule.code for rule, mask in zip(SUITABILITY, held, strict=True) if mask[row, at])
            yield Cell(0 if np.isnan(level) else int(level), risk, fresh, holder, codes)


def _customers(level: F64Array, days: F64Array, age: F64Array, company: F64Array) -> Customers:
    n, unknown = len(level), np.full(len(level), np.nan)
    zero = np.zeros(n, np.int64)
    nowhere = Local(zero, zero, zero, np.zeros(n, np.bool_))
    return Customers(
        age=age, risk_level=level, assessment_days=days, is_company=company, income_monthly=unknown,
        days_past_due=unknown, complaints_365d=unknown, consents=np.zeros((n, len(MARKETING_CHANNELS))),
        consent_profiling=unknown, preferred_channel=unknown, tier=unknown, leaving=unknown,
        channel=np.full(n, NO_CHANNEL, np.int8), local=nowhere, owned=np.zeros((n, len(RISKS)), np.bool_),
    )  # fmt: skip


def _shelf(policy: Policy) -> Offers:
    entries = [{"product_id": f"R{risk}", "family": "fund", "risk_level": risk} for risk in RISKS]
    return Offers.of(Catalogue("table"), Products.from_catalogue(entries), policy)
