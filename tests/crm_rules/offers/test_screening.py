from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from crm_rules.offers import screening as screening_module
from crm_rules.offers.catalogue import Catalogue
from crm_rules.offers.chances import Chances
from crm_rules.offers.customers import COLUMNS, Customers, Moments
from crm_rules.offers.funnel import Asked, run
from crm_rules.offers.offers import Offers
from crm_rules.offers.products import Products
from crm_rules.offers.screening import CODES, OFFER_RULES, screen
from crm_rules.policy import STANDARD, Policy
from crm_rules.rules import UNAVAILABLE, Mask, Rule
from crm_rules.vocabulary import FAMILIES

STANDARD_POLICY = Policy.load(STANDARD)
ODD = st.sampled_from(
    [np.nan, np.inf, -np.inf, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 64.0, 65.0, 365.0, 366.0]
)
AT, EVENT = 1_780_000_000_000_000, 1_779_900_000_000_000


def test_somebody_without_hindrance_may_have_everything(
    customers: Callable[..., Customers], offers: Callable[..., Offers], policy: Policy
) -> None:
    shelf = offers(*({"risk_level": risk} for risk in (1, 2, 3, 4, 5)))
    screening = screen(customers(3, offers=5), shelf, policy)
    assert not screening.blocked.any()
    assert (screening.first == -1).all()


def test_the_first_rule_that_removed_an_offer_is_told_and_all_others_too(
    customers: Callable[..., Customers], offers: Callable[..., Offers], policy: Policy
) -> None:
    screening = screen(customers(risk_level=1, complaints_365d=9), offers({"risk_level": 4}), policy)
    assert CODES[screening.first[0, 0]] == "SUIT-01"
    assert screening.codes(0, 0) == ("SUIT-01", "CONT-01")


def _odd(*given: Any) -> Mask:
    """A rule that divides by what may be nothing."""
    customers: Customers = given[0]
    return np.asarray((1.0 / customers.income_monthly)[:, None] > 1e9)


def test_a_rule_that_divides_by_nothing_denies_that_customer_and_nobody_else(
    customers: Callable[..., Customers], offers: Callable[..., Offers], policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    odd: Rule[Any] = replace(OFFER_RULES[2], code="ODD-01", predicate=_odd)
    monkeypatch.setattr(screening_module, "OFFER_RULES", (odd, *OFFER_RULES[1:]))
    crowd = customers(3, offers=2, income_monthly=np.array([5_000.0, 0.0, 5_000.0]))
    screening = screen(crowd, offers({}, {}), policy)
    assert screening.blocked.tolist() == [[False, False], [True, True], [False, False]]
    assert screening.codes(1, 0) == (UNAVAILABLE,)


@pytest.mark.parametrize("given", [True, None, np.ones((1, 1))], ids=["a-flag", "nothing", "numbers"])
def test_a_rule_that_gives_no_mask_denies(
    customers: Callable[..., Customers], offers: Callable[..., Offers], policy: Policy,
    monkeypatch: pytest.MonkeyPatch, given: Any,
) -> None:  # fmt: skip
    odd: Rule[Any] = replace(OFFER_RULES[2], code="ODD-01", predicate=lambda *_: given)
    monkeypatch.setattr(screening_module, "OFFER_RULES", (odd, *OFFER_RULES[1:]))
    assert screen(customers(), offers({}), policy).codes(0, 0) == (UNAVAILABLE,)


def test_a_missing_value_a_rule_did_not_plan_for_denies(
    customers: Callable[..., Customers], offers: Callable[..., Offers], policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    needy = replace(OFFER_RULES[0], needs=("income_monthly",))
    monkeypatch.setattr(screening_module, "OFFER_RULES", (needy, *OFFER_RULES[1:]))
    screening = screen(customers(2, income_monthly=np.array([1.0, np.nan])), offers({}), policy)
    assert screening.blocked.tolist() == [[False], [True]]
    assert screening.codes(1, 0) == (UNAVAILABLE,)


def test_customers_take_their_columns_by_feature_name() -> None:
    columns = {name: np.array([float(i)]) for i, name in enumerate(COLUMNS)}
    moments = Moments(np.array([AT]), np.array([EVENT]), "Asia/Shanghai")
    somebody = Customers.known(columns, moments, np.zeros((1, 2), bool), ["phone"])
    assert somebody.consents.tolist() == [[7.0, 8.0, 9.0]]
    assert somebody.consent_profiling.tolist() == [10.0]
    assert len(somebody.one(0)) == 1


@settings(max_examples=150, deadline=None)
@given(
    features=arrays.arrays(np.float64, (4, len(COLUMNS)), elements=ODD),
    risks=arrays.arrays(np.float64, 6, elements=ODD),
    chance=arrays.arrays(np.float64, (4, 6), elements=st.floats(0, 1)),
    families=st.lists(st.sampled_from(FAMILIES), min_size=6, max_size=6),
)
def test_no_unsuitable_or_unwanted_product_is_ever_ranked(
    features: np.ndarray, risks: np.ndarray, chance: np.ndarray, families: list[str]
) -> None:
    columns = dict(zip(COLUMNS, features.T, strict=True))
    moments = Moments(np.full(4, AT), np.full(4, EVENT), "Asia/Shanghai")
    crowd = Customers.known(columns, moments, np.zeros((4, 6), bool), [None] * 4)
    entries = [
        {"product_id": f"p{i}", "family": f, "risk_level": r}
        for i, (f, r) in enumerate(zip(families, risks, strict=True))
    ]
    shelf = Offers.of(Catalogue("none"), Products.from_catalogue(entries), STANDARD_POLICY)
    asked = Asked([f"C{i}" for i in range(4)], np.full(4, AT), np.ones(4, bool))
    order = run(crowd, shelf, STANDARD_POLICY, Chances(chance, chance), asked).order
    for customer, position in ((c, p) for c in range(4) for p in order[c] if p >= 0):
        risk = risks[position]
        assert 1 <= risk <= 5
        if risk > 1:
            assert risk < 2 or -1 <= columns["risk_assessment_age_days"][customer] <= 366
            assert risk <= columns["risk_level"][customer] <= 5
        assert 1.0 in [columns[f"consent_marketing_{c}"][customer] for c in ("email", "phone", "app")]
