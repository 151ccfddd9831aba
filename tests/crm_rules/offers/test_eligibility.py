from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from crm_rules.offers import eligibility
from crm_rules.offers.columns import Customers, Products
from crm_rules.policy import Policy
from crm_rules.rules import Rule

Make = Callable[..., Customers]
MakeProducts = Callable[..., Products]
NAN = float("nan")
OfferRule = Rule[[Customers, Products, Policy]]
CASES: list[tuple[str, OfferRule, dict[str, Any], dict[str, Any], bool]] = [
    ("affordable-minimum", eligibility.minimum_amount_beyond_the_means,
     {"income_monthly": 1_000}, {"minimum_amount": 24_000}, False),
    ("minimum-too-high", eligibility.minimum_amount_beyond_the_means,
     {"income_monthly": 1_000}, {"minimum_amount": 24_000.01}, True),
    ("income-unknown-is-asked-at-sale", eligibility.minimum_amount_beyond_the_means,
     {"income_monthly": NAN}, {"minimum_amount": 24_000}, False),
    ("loan-a-day-late", eligibility.credit_while_in_arrears, {"days_past_due": 1}, {"family": "loan"}, True),
    ("loan-on-time", eligibility.credit_while_in_arrears, {"days_past_due": 0}, {"family": "loan"}, False),
    ("nothing-owed", eligibility.credit_while_in_arrears, {"days_past_due": NAN}, {"family": "card"}, False),
    ("savings-while-late", eligibility.credit_while_in_arrears, {"days_past_due": 90}, {}, False),
    ("seventeen", eligibility.a_minor, {"age_years": 17.99}, {}, True),
    ("eighteen", eligibility.a_minor, {"age_years": 18}, {"family": "loan"}, False),
    ("age-unknown-savings", eligibility.a_minor, {"age_years": NAN}, {}, False),
    ("age-unknown-credit", eligibility.a_minor, {"age_years": NAN}, {"family": "loan"}, True),
    ("a-young-company", eligibility.a_minor, {"age_years": 2, "is_company": 1}, {"family": "loan"}, False),
    ("reserved-for-a-tier", eligibility.reserved_for_a_tier, {}, {"tier_required": "gold"}, True),
    ("for-everybody", eligibility.reserved_for_a_tier, {}, {"tier_required": None}, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "customer", "product", "blocked"), [pytest.param(*case[1:], id=case[0]) for case in CASES]
)
def test_eligibility_case_by_case(
    customers: Make,
    products: MakeProducts,
    policy: Policy,
    rule: OfferRule,
    customer: dict[str, Any],
    product: dict[str, Any],
    blocked: bool,
) -> None:
    assert rule.mask(customers(**customer), products(product), policy).tolist() == [[blocked]]


def test_what_somebody_holds_is_not_offered_to_them_again(
    customers: Make, products: MakeProducts, policy: Policy
) -> None:
    owned = np.array([[True, False], [False, False]])
    mask = eligibility.already_holds_the_product.mask(customers(2, owned=owned), products({}, {}), policy)
    np.testing.assert_array_equal(mask, owned)


def test_a_withdrawn_product_is_offered_to_nobody(
    customers: Make, products: MakeProducts, policy: Policy
) -> None:
    shelf = products({}, {}, withdrawn=("p1",))
    assert eligibility.withdrawn_from_sale.mask(customers(2), shelf, policy).tolist() == [[False, True]] * 2


def test_products_are_sorted_by_id_whatever_the_order_given() -> None:
    entries = [{"product_id": i, "family": f, "risk_level": 1} for i, f in (("b", "loan"), ("a", "card"))]
    shelf = Products.from_catalogue(entries)
    assert shelf.product_id == ("a", "b")
    assert shelf.family.tolist() == ["card", "loan"]
