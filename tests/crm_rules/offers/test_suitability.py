from collections.abc import Callable
from itertools import product as combinations

import numpy as np
import pytest

from crm_rules.offers.customers import Customers
from crm_rules.offers.offers import Offers
from crm_rules.offers.suitability import (
    SUITABILITY,
    an_older_customer_is_advised_in_person,
    assessment_missing_or_expired,
    higher_rating,
    riskier_than_the_customer_may_hold,
)
from crm_rules.policy import Policy

Make = Callable[..., Customers]
MakeOffers = Callable[..., Offers]
LEVELS = (1, 2, 3, 4, 5)


def _allowed(level: float, risk: int, assessed: float, age: float, company: bool) -> bool:
    """The law, written a second time, the plain way."""
    if risk == 1:
        return True
    if level not in LEVELS or not 0 <= assessed <= 365 or risk > level:
        return False
    return risk < 3 or company or age < 65


def test_suitability_over_every_level_risk_assessment_and_age(
    customers: Make, offers: MakeOffers, policy: Policy
) -> None:
    levels = (*LEVELS, np.nan, 0.0, 6.0, np.inf, -np.inf)
    assessed = (0.0, 365.0, 366.0, -1.0, np.nan)
    cases = list(combinations(levels, assessed, (17.0, 64.0, 65.0, 90.0, np.nan), (0.0, 1.0)))
    level, days, age, company = (np.array(column) for column in zip(*cases, strict=True))
    shelf = offers(*({"risk_level": risk} for risk in LEVELS))
    crowd = customers(len(cases), risk_level=level, assessment_days=days, age=age, is_company=company)
    blocked = np.any([rule.mask(crowd, shelf, policy) for rule in SUITABILITY], axis=0)
    expected = [[not _allowed(c[0], risk, c[1], c[2], c[3] == 1) for risk in LEVELS] for c in cases]
    np.testing.assert_array_equal(blocked, expected)


@pytest.mark.parametrize(("level", "risk"), list(combinations(LEVELS, LEVELS)))
def test_no_product_above_the_customers_level(
    customers: Make, offers: MakeOffers, policy: Policy, level: int, risk: int
) -> None:
    mask = riskier_than_the_customer_may_hold.mask(
        customers(risk_level=level), offers({"risk_level": risk}), policy
    )
    assert mask.tolist() == [[risk > level]]


@pytest.mark.parametrize("risk", [None, 0, 6, float("nan"), float("inf")])
def test_an_unrated_product_suits_nobody(
    customers: Make, offers: MakeOffers, policy: Policy, risk: float | None
) -> None:
    assert riskier_than_the_customer_may_hold.mask(customers(), offers({"risk_level": risk}), policy).all()


def test_an_unknown_level_is_no_assessment_however_fresh(
    customers: Make, offers: MakeOffers, policy: Policy
) -> None:
    unknown = customers(risk_level=np.nan, assessment_days=1)
    shelf = offers({"risk_level": 1}, {"risk_level": 2})
    assert assessment_missing_or_expired.mask(unknown, shelf, policy).tolist() == [[False, True]]


def test_an_unknown_age_is_treated_as_old(customers: Make, offers: MakeOffers, policy: Policy) -> None:
    shelf = offers({"risk_level": 2}, {"risk_level": 3})
    mask = an_older_customer_is_advised_in_person.mask(customers(age=np.nan), shelf, policy)
    assert mask.tolist() == [[False, True]]


def test_the_higher_of_issuers_and_sellers_rating_counts() -> None:
    rating = higher_rating(np.array([2.0, 5.0, np.nan, 3.0]), np.array([4.0, 1.0, 2.0, np.nan]))
    assert rating.tolist() == [4.0, 5.0, 2.0, 3.0]


@pytest.mark.parametrize("level", [np.nan, 0.0, 6.0, np.inf])
def test_an_unassessed_customer_counts_as_the_lowest_level(
    customers: Make, offers: MakeOffers, policy: Policy, level: float
) -> None:
    shelf = offers({"risk_level": 1}, {"risk_level": 2})
    mask = riskier_than_the_customer_may_hold.mask(customers(risk_level=level), shelf, policy)
    assert mask.tolist() == [[False, True]]
