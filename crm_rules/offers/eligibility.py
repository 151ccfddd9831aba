"""Eligibility: whether a customer may have a product at all, and whether the offer holds today."""

import numpy as np

from crm_rules.offers.customers import Customers
from crm_rules.offers.listing import NO_TIER
from crm_rules.offers.offers import Offers
from crm_rules.policy import Policy
from crm_rules.rules import Effect, Mask, Stage, rule

OWN = "bank policy"


@rule(code="ELIG-01", law=OWN, effect=Effect.BLOCK, zh="客户已持有该产品。", stage=Stage.ELIGIBILITY)
def already_holds_the_product(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The customer already holds this product."""
    return customers.owned


@rule(code="ELIG-02", law=OWN, effect=Effect.BLOCK, zh="该产品已停售。", stage=Stage.ELIGIBILITY)
def withdrawn_from_sale(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The product is withdrawn from sale."""
    return offers.withdrawn[None]


@rule(
    code="ELIG-03",
    law=OWN,
    effect=Effect.BLOCK,
    zh="该产品的起点金额超过客户在政策规定月数内的收入（收入不明按零计算）。",
    stage=Stage.ELIGIBILITY,
)
def minimum_amount_beyond_the_means(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The product's minimum amount is above the policy's number of monthly incomes; unknown is none."""
    means = customers.income_monthly * policy.eligibility.minimum_amount_monthly_incomes
    return np.asarray(offers.minimum_amount > np.where(np.isnan(means), 0.0, means)[:, None])


@rule(
    code="ELIG-04",
    law="responsible lending: CCD2 2023/2225 Art 18",
    effect=Effect.BLOCK,
    zh="存在逾期还款期间不提供新的信贷。",
    stage=Stage.ELIGIBILITY,
)
def credit_while_in_arrears(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """No new credit is offered while a payment is late."""
    late = customers.days_past_due >= policy.eligibility.arrears_from_days
    blocked: Mask = late[:, None] & offers.is_credit
    return blocked


@rule(
    code="ELIG-05",
    law="capacity to contract: PRC Civil Code Art 17-19",
    effect=Effect.BLOCK,
    zh="客户为未成年人；无法确定是否成年时不提供信贷。",
    stage=Stage.ELIGIBILITY,
)
def a_minor(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The customer is a minor; where it is not certain that they are of age, no credit is offered."""
    person, adult = customers.is_company != 1, policy.eligibility.adult_from_age
    minor = person & (customers.age < adult)
    uncertain = person & ~(customers.age > adult)  # only the year of birth is known: the day may be ahead
    blocked: Mask = minor[:, None] | (uncertain[:, None] & offers.is_credit)
    return blocked


@rule(
    code="ELIG-06",
    law=OWN,
    effect=Effect.BLOCK,
    zh="该产品仅面向特定会员等级，而客户未达到该等级或等级未知。",
    stage=Stage.ELIGIBILITY,
)
def reserved_for_a_tier(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The offer is reserved for a loyalty tier that the customer has not reached, as far as is known."""
    return np.asarray((offers.tier_needed != NO_TIER) & ~(customers.tier[:, None] >= offers.tier_needed))


@rule(code="OFFR-01", law=OWN, effect=Effect.BLOCK, zh="该优惠今日不在有效期内。", stage=Stage.ELIGIBILITY)
def not_valid_today(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The offer does not hold on this day where the customer is."""
    day = customers.local.day[:, None]
    return (day < offers.first_day) | (day > offers.last_day)


@rule(
    code="OFFR-02", law=OWN, effect=Effect.BLOCK, zh="该优惠的预算或总名额已用完。", stage=Stage.ELIGIBILITY
)
def used_up(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The offer's budget is spent, or it was used as often as it may be; unknown counts as spent."""
    if not offers.limited:
        return _nowhere(offers)
    uses = np.zeros((1, len(offers))) if customers.used_by_all is None else customers.used_by_all
    paid = (uses * offers.cost + offers.cost <= offers.budget) | np.isinf(offers.budget)
    return np.asarray(~(paid & ((uses < offers.cap) | np.isinf(offers.cap))))


@rule(code="OFFR-03", law=OWN, effect=Effect.BLOCK, zh="客户已用满该优惠的次数。", stage=Stage.ELIGIBILITY)
def used_by_the_customer(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The customer has used the offer as often as one customer may; unknown counts as too often."""
    if not offers.limited:
        return _nowhere(offers)
    used = np.zeros((1, len(offers))) if customers.used is None else customers.used
    return np.asarray(~((used < offers.cap_per_customer) | np.isinf(offers.cap_per_customer)))


def _nowhere(offers: Offers) -> Mask:
    return np.zeros((1, len(offers)), np.bool_)


ELIGIBILITY = (
    already_holds_the_product,
    withdrawn_from_sale,
    minimum_amount_beyond_the_means,
    credit_while_in_arrears,
    a_minor,
    reserved_for_a_tier,
    not_valid_today,
    used_up,
    used_by_the_customer,
)
