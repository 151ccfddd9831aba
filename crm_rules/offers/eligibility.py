"""Eligibility: whether a customer may have a product at all, and whether it makes sense now."""

import numpy as np

from crm_rules.offers.columns import Customers, Products
from crm_rules.policy import Policy
from crm_rules.rules import Effect, Mask, rule

OWN = "bank policy"


def _credit(products: Products, policy: Policy) -> Mask:
    return np.isin(products.family, policy.eligibility.credit_families)


@rule(code="ELIG-01", law=OWN, effect=Effect.BLOCK, zh="客户已持有该产品。")
def already_holds_the_product(customers: Customers, products: Products, policy: Policy) -> Mask:
    """The customer already holds this product."""
    return customers.owned


@rule(code="ELIG-02", law=OWN, effect=Effect.BLOCK, zh="该产品已停售。")
def withdrawn_from_sale(customers: Customers, products: Products, policy: Policy) -> Mask:
    """The product is withdrawn from sale."""
    return np.broadcast_to(products.withdrawn, (len(customers), len(products)))


@rule(code="ELIG-03", law=OWN, effect=Effect.BLOCK, zh="该产品的起点金额超过客户在政策规定月数内的收入。")
def minimum_amount_beyond_the_means(customers: Customers, products: Products, policy: Policy) -> Mask:
    """The product's minimum amount is more than the customer's income over the policy's number of months."""
    means = customers.income_monthly * policy.eligibility.minimum_amount_monthly_incomes
    beyond: Mask = products.minimum_amount > means[:, None]
    return beyond


@rule(
    code="ELIG-04",
    law="responsible lending: CCD2 2023/2225 Art 18",
    effect=Effect.BLOCK,
    zh="存在逾期还款期间不提供新的信贷。",
)
def credit_while_in_arrears(customers: Customers, products: Products, policy: Policy) -> Mask:
    """No new credit is offered while a payment is late."""
    late = customers.days_past_due >= policy.eligibility.arrears_from_days
    return late[:, None] & _credit(products, policy)


@rule(
    code="ELIG-05",
    law="capacity to contract: PRC Civil Code Art 17-19",
    effect=Effect.BLOCK,
    zh="客户为未成年人；年龄不明时不提供信贷。",
)
def a_minor(customers: Customers, products: Products, policy: Policy) -> Mask:
    """The customer is a minor; where the age is unknown, no credit is offered."""
    company = customers.is_company == 1
    minor = (customers.age_years < policy.eligibility.adult_from_age) & ~company
    unknown = np.isnan(customers.age_years) & ~company
    blocked: Mask = minor[:, None] | (unknown[:, None] & _credit(products, policy))
    return blocked


@rule(code="ELIG-06", law=OWN, effect=Effect.BLOCK, zh="该产品仅面向特定会员等级，而客户的等级未知。")
def reserved_for_a_tier(customers: Customers, products: Products, policy: Policy) -> Mask:
    """The product is reserved for a loyalty tier, and the customer's tier is not known."""
    return np.broadcast_to(products.tier_required != "", (len(customers), len(products)))


ELIGIBILITY = (
    already_holds_the_product,
    withdrawn_from_sale,
    minimum_amount_beyond_the_means,
    credit_while_in_arrears,
    a_minor,
    reserved_for_a_tier,
)
