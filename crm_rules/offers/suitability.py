"""Suitability: no customer is offered more investment risk than an assessment in force allows.

What is unknown closes: an unassessed customer counts as C1, an unrated product suits nobody. The law named is
China's suitability measures for financial institutions, NFRA Order 2025-7, in force from 1 February 2026.
"""

import numpy as np

from crm_rules.offers.customers import Customers
from crm_rules.offers.offers import HIGHEST, LOWEST, Offers
from crm_rules.policy import Policy
from crm_rules.rules import Effect, F64Array, Mask, Stage, rule

LAW = "NFRA Order 2025-7"


def higher_rating(issuer: F64Array, seller: F64Array) -> F64Array:
    """The rating that counts when issuer's and seller's differ; where one is unknown, the other; else NaN.

    >>> higher_rating(np.array([2.0, 4.0, np.nan]), np.array([3.0, np.nan, np.nan])).tolist()
    [3.0, 4.0, nan]
    """
    return np.fmax(issuer, seller)


def _rated(level: F64Array) -> Mask:
    return (level >= LOWEST) & (level <= HIGHEST)


@rule(
    code="SUIT-01",
    law=LAW,
    effect=Effect.BLOCK,
    zh="该产品的风险等级高于客户的评定等级。",
    stage=Stage.SUITABILITY,
)
def riskier_than_the_customer_may_hold(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The product's risk level is above the customer's assessed level."""
    may_hold = np.where(_rated(customers.risk_level), customers.risk_level, LOWEST)
    return ~(offers.rated & (offers.risk_level <= may_hold[:, None]))


@rule(
    code="SUIT-02",
    law=LAW,
    effect=Effect.BLOCK,
    zh="该产品需要有效的风险评估，而客户没有。",
    stage=Stage.SUITABILITY,
)
def assessment_missing_or_expired(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The product needs a risk assessment in force, and the customer has none."""
    days = customers.assessment_days
    in_force = _rated(customers.risk_level) & (days >= 0) & (days <= policy.suitability.assessment_valid_days)
    blocked: Mask = ~in_force[:, None] & offers.asks_assessment
    return blocked


@rule(
    code="SUIT-03",
    law=LAW,
    effect=Effect.BLOCK,
    zh="达到政策规定年龄或年龄不明的客户，购买此风险等级的产品须由专人当面建议。",
    stage=Stage.SUITABILITY,
)
def an_older_customer_is_advised_in_person(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """From the policy's age on, or at an unknown age, this much risk needs advice by a person."""
    younger = customers.age < policy.suitability.extra_care_from_age
    blocked: Mask = ~(younger | (customers.is_company == 1))[:, None] & offers.asks_advice
    return blocked


SUITABILITY = (
    riskier_than_the_customer_may_hold,
    assessment_missing_or_expired,
    an_older_customer_is_advised_in_person,
)
