from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from crm_rules.offers.arbitration import arbitrate
from crm_rules.offers.columns import CUSTOMER_COLUMNS, Customers, Products
from crm_rules.offers.screening import OFFER_CODES, screen
from crm_rules.policy import STANDARD, Policy
from crm_rules.vocabulary import FAMILIES

STANDARD_POLICY = Policy.load(STANDARD)
ODD = st.sampled_from(
    [np.nan, np.inf, -np.inf, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 64.9, 65.0, 365.0, 366.0]
)


def test_somebody_without_hindrance_may_have_everything(
    customers: Callable[..., Customers], products: Callable[..., Products], policy: Policy
) -> None:
    shelf = products(*({"risk_level": risk} for risk in (1, 2, 3, 4, 5)))
    screening = screen(customers(3, products=5), shelf, policy)
    assert not screening.blocked.any()
    assert (screening.first_rule == -1).all()


def test_the_first_rule_that_removed_a_product_is_told(
    customers: Callable[..., Customers], products: Callable[..., Products], policy: Policy
) -> None:
    screening = screen(customers(risk_level=1, consent_profiling=0), products({"risk_level": 4}), policy)
    assert OFFER_CODES[screening.first_rule[0, 0]] == "SUIT-01"
    held = [code for code, mask in zip(screening.codes, screening.removed[:, 0, 0], strict=True) if mask]
    assert held == ["SUIT-01", "CONS-02"]


def test_customers_take_their_columns_by_feature_name() -> None:
    columns = {name: np.array([float(i)]) for i, name in enumerate(CUSTOMER_COLUMNS)}
    somebody = Customers.from_columns(columns, np.zeros((1, 2), bool))
    assert somebody.consent("phone").tolist() == columns["consent_marketing_phone"].tolist()
    assert somebody.consent_profiling.tolist() == columns["consent_profiling"].tolist()
    assert len(somebody) == 1


@settings(max_examples=150, deadline=None)
@given(
    features=arrays.arrays(np.float64, (4, len(CUSTOMER_COLUMNS)), elements=ODD),
    risks=arrays.arrays(np.float64, 6, elements=ODD),
    propensity=arrays.arrays(np.float64, (4, 6), elements=st.floats(0, 1)),
    families=st.lists(st.sampled_from(FAMILIES), min_size=6, max_size=6),
)
def test_no_unsuitable_or_unwanted_product_is_ever_ranked(
    features: np.ndarray, risks: np.ndarray, propensity: np.ndarray, families: list[str]
) -> None:
    columns = dict(zip(CUSTOMER_COLUMNS, features.T, strict=True))
    crowd = Customers.from_columns(columns, np.zeros((4, 6), bool))
    entries = [
        {"product_id": f"p{i}", "family": f, "risk_level": r}
        for i, (f, r) in enumerate(zip(families, risks, strict=True))
    ]
    shelf = Products.from_catalogue(entries)
    blocked = screen(crowd, shelf, STANDARD_POLICY).blocked
    order = arbitrate(propensity, np.ones(6), np.ones(6), np.ones(6), blocked, shelf.product_id, 6).order
    for customer, position in ((c, p) for c in range(4) for p in order[c] if p >= 0):
        risk = risks[position]
        assert 1 <= risk <= 5
        if risk > 1:
            assert risk < 2 or 0 <= columns["risk_assessment_age_days"][customer] <= 365
            assert risk <= columns["risk_level"][customer] <= 5
        consents = [columns[f"consent_marketing_{c}"][customer] for c in ("email", "phone", "app")]
        assert 1.0 in consents
        assert columns["consent_profiling"][customer] == 1.0
