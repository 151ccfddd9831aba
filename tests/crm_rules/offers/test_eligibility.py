from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from crm_rules.offers import eligibility
from crm_rules.offers.catalogue import Offer, Text
from crm_rules.offers.customers import Customers
from crm_rules.offers.listing import EPOCH
from crm_rules.offers.offers import Offers
from crm_rules.offers.products import Products
from crm_rules.policy import Policy
from crm_rules.rules import Rule

Make = Callable[..., Customers]
MakeOffers = Callable[..., Offers]
NAN = float("nan")
OfferRule = Rule[[Customers, Offers, Policy]]
CASES: list[tuple[str, OfferRule, dict[str, Any], dict[str, Any], bool]] = [
    ("affordable-minimum", eligibility.minimum_amount_beyond_the_means,
     {"income_monthly": 1_000}, {"minimum_amount": 24_000}, False),
    ("minimum-too-high", eligibility.minimum_amount_beyond_the_means,
     {"income_monthly": 1_000}, {"minimum_amount": 24_000.01}, True),
    ("income-unknown-is-none", eligibility.minimum_amount_beyond_the_means,
     {"income_monthly": NAN}, {"minimum_amount": 0.01}, True),
    ("income-unknown-nothing-asked", eligibility.minimum_amount_beyond_the_means,
     {"income_monthly": NAN}, {"minimum_amount": 0.0}, False),
    ("loan-a-day-late", eligibility.credit_while_in_arrears, {"days_past_due": 1}, {"family": "loan"}, True),
    ("loan-on-time", eligibility.credit_while_in_arrears, {"days_past_due": 0}, {"family": "loan"}, False),
    ("nothing-owed", eligibility.credit_while_in_arrears, {"days_past_due": NAN}, {"family": "card"}, False),
    ("savings-while-late", eligibility.credit_while_in_arrears, {"days_past_due": 90}, {}, False),
    ("seventeen", eligibility.a_minor, {"age": 17}, {}, True),
    ("eighteen-this-year-savings", eligibility.a_minor, {"age": 18}, {}, False),
    ("eighteen-this-year-credit", eligibility.a_minor, {"age": 18}, {"family": "loan"}, True),
    ("nineteen", eligibility.a_minor, {"age": 19}, {"family": "loan"}, False),
    ("age-unknown-savings", eligibility.a_minor, {"age": NAN}, {}, False),
    ("age-unknown-credit", eligibility.a_minor, {"age": NAN}, {"family": "loan"}, True),
    ("a-young-company", eligibility.a_minor, {"age": 2, "is_company": 1}, {"family": "loan"}, False),
    ("tier-unknown", eligibility.reserved_for_a_tier, {}, {"tier_required": "gold"}, True),
    ("tier-below", eligibility.reserved_for_a_tier, {"tier": 0}, {"tier_required": "gold"}, True),
    ("tier-reached", eligibility.reserved_for_a_tier, {"tier": 1}, {"tier_required": "gold"}, False),
    ("tier-above", eligibility.reserved_for_a_tier, {"tier": 2}, {"tier_required": "gold"}, False),
    ("tier-of-no-programme", eligibility.reserved_for_a_tier, {"tier": 2}, {"tier_required": "x"}, True),
    ("for-everybody", eligibility.reserved_for_a_tier, {}, {"tier_required": None}, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "customer", "product", "blocked"), [pytest.param(*case[1:], id=case[0]) for case in CASES]
)
def test_eligibility_case_by_case(
    customers: Make,
    offers: MakeOffers,
    policy: Policy,
    rule: OfferRule,
    customer: dict[str, Any],
    product: dict[str, Any],
    blocked: bool,
) -> None:
    assert rule.mask(customers(**customer), offers(product), policy).tolist() == [[blocked]]


def test_what_somebody_holds_is_not_offered_to_them_again(
    customers: Make, offers: MakeOffers, policy: Policy
) -> None:
    owned = np.array([[True, False], [False, False]])
    mask = eligibility.already_holds_the_product.mask(customers(2, owned=owned), offers({}, {}), policy)
    np.testing.assert_array_equal(mask, owned)


def test_a_withdrawn_product_is_offered_to_nobody(
    customers: Make, offers: MakeOffers, policy: Policy
) -> None:
    shelf = offers({}, {}, withdrawn=("p1",))
    assert eligibility.withdrawn_from_sale.mask(customers(2), shelf, policy).tolist() == [[False, True]]


def test_products_are_sorted_by_id_whatever_the_order_given() -> None:
    entries = [{"product_id": i, "family": f, "risk_level": 1} for i, f in (("b", "loan"), ("a", "card"))]
    shelf = Products.from_catalogue(entries)
    assert shelf.product_id == ("a", "b")
    assert shelf.family.tolist() == ["card", "loan"]


VALID = {"valid_from": date(2026, 5, 1), "valid_to": date(2026, 5, 31)}


@pytest.mark.parametrize(
    ("day", "blocked"),
    [
        (date(2026, 4, 30), True), (date(2026, 5, 1), False), (date(2026, 5, 31), False),
        (date(2026, 6, 1), True),
    ],
)  # fmt: skip
def test_an_offer_holds_on_its_first_and_last_day(
    customers: Make, offers: MakeOffers, policy: Policy, day: date, blocked: bool
) -> None:
    shelf = offers({}, proposed=(Offer("o", "grow", "g", Text("o", "o"), "p0", **VALID),))
    today = customers(day=day.toordinal() - EPOCH)
    assert eligibility.not_valid_today.mask(today, shelf, policy).tolist() == [[blocked]]


@pytest.mark.parametrize(
    ("limits", "uses", "blocked"),
    [
        pytest.param({"budget": 100.0, "cost": 10.0}, 9, False, id="the-last-that-is-paid-for"),
        pytest.param({"budget": 100.0, "cost": 10.0}, 10, True, id="one-beyond-the-budget"),
        pytest.param({"budget": 99.99, "cost": 10.0}, 9, True, id="a-cent-short"),
        pytest.param({"cap": 5}, 4, False, id="below-the-cap"),
        pytest.param({"cap": 5}, 5, True, id="at-the-cap"),
        pytest.param({"cap": 0}, 0, True, id="never"),
    ],
)
def test_an_offer_ends_with_its_budget_or_its_cap(
    customers: Make, offers: MakeOffers, policy: Policy, limits: dict[str, Any], uses: int, blocked: bool
) -> None:
    shelf = offers({}, proposed=(Offer("o", "grow", "g", Text("o", "o"), "p0", **limits),))
    somebody = replace(customers(), used_by_all=shelf.counts([{"o": uses}]))
    assert eligibility.used_up.mask(somebody, shelf, policy).tolist() == [[blocked]]


def test_a_customer_uses_an_offer_as_often_as_it_says(
    customers: Make, offers: MakeOffers, policy: Policy
) -> None:
    shelf = offers({}, proposed=(Offer("o", "grow", "g", Text("o", "o"), "p0", cap_per_customer=2),))
    crowd = customers(3, used=np.array([[1.0], [2.0], [3.0]]))
    assert eligibility.used_by_the_customer.mask(crowd, shelf, policy).tolist() == [[False], [True], [True]]
    assert eligibility.used_by_the_customer.mask(customers(), shelf, policy).tolist() == [[False]]


def test_an_offer_of_a_product_not_on_sale_is_withdrawn(
    customers: Make, offers: MakeOffers, policy: Policy
) -> None:
    shelf = offers({}, proposed=(Offer("o", "grow", "g", Text("o", "o"), "gone"),))
    assert eligibility.withdrawn_from_sale.mask(customers(), shelf, policy).tolist() == [[True, False]]
