"""What a loan costs, to the cent, and what decides it."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest

from crm_rules.lending.policy import decide
from crm_rules.lending.terms import UNIT, annuity_factor, instalments
from crm_rules.policy import Policy
from tests.crm_rules.lending.conftest import NAN, Make


@pytest.mark.parametrize(
    ("amount", "rate", "months", "instalment"),
    [
        pytest.param(6_000.0, 0.07, 24, 268.64, id="two-years"),
        pytest.param(100_000.0, 0.06, 360, 599.55, id="the-textbook-mortgage"),
        pytest.param(1_200.0, 0.12, 12, 106.62, id="one-percent-a-month"),
        pytest.param(100.0, 0.0, 3, 33.33, id="no-interest"),
        pytest.param(100.01, 0.0, 2, 50.01, id="half-a-cent-goes-up"),
        pytest.param(0.01, 0.2, 24, 0.0, id="a-cent-asked-for"),
        pytest.param(1_000.0, 0.12, 1, 1_010.0, id="one-month"),
    ],
)
def test_an_instalment_to_the_cent(amount: float, rate: float, months: int, instalment: float) -> None:
    found = instalments(np.array([round(amount * 100)], float), np.array([rate]), np.array([float(months)]))
    assert found[0] / 100 == instalment


def test_a_thousand_instalments_against_decimal_numbers() -> None:
    random = np.random.default_rng(11)
    cents = random.integers(1, 10**11, 1_000)
    rates, months = random.choice([0.045, 0.07, 0.2, 0.1234], 1_000), random.integers(1, 601, 1_000)
    found = instalments(cents.astype(float), rates, months.astype(float))
    with localcontext() as context:
        context.prec = 80
        for at in range(1_000):
            monthly = Decimal(str(rates[at])) / 12
            exact = monthly / (1 - (1 + monthly) ** -int(months[at]))
            factor = math.floor(exact * 10**12 + Decimal("0.5"))
            assert found[at] == math.floor(Fraction(int(cents[at]) * factor, 10**12) + Fraction(1, 2))


def test_what_is_paid_pays_the_loan_off_to_the_rounding_of_each_instalment() -> None:
    owed, instalment = 600_000.0, instalments(np.array([600_000.0]), np.array([0.07]), np.array([24.0]))[0]
    for _ in range(24):
        owed = owed * (1 + 0.07 / 12) - instalment
    assert abs(owed) < 24


def test_a_longer_term_costs_less_a_month_and_a_higher_rate_more() -> None:
    by_term = [annuity_factor(0.07, months) for months in range(1, 601)]
    by_rate = [annuity_factor(rate, 60) for rate in (0.0, 0.01, 0.05, 0.2, 1.0)]
    assert by_term == sorted(by_term, reverse=True)
    assert by_rate == sorted(by_rate)
    assert by_rate[0] == round(UNIT / 60)


@pytest.mark.parametrize(
    ("amount", "rate", "months"),
    [
        pytest.param(NAN, 0.07, 24.0, id="no-amount"),
        pytest.param(1e5, NAN, 24.0, id="no-rate"),
        pytest.param(1e5, 0.07, NAN, id="no-term"),
    ],
)
def test_without_one_of_its_parts_there_is_no_instalment(amount: float, rate: float, months: float) -> None:
    assert np.isnan(instalments(np.array([amount]), np.array([rate]), np.array([months]))[0])


@pytest.mark.parametrize(
    ("changed", "limit"),
    [
        pytest.param({}, 400_000.0, id="what-the-grade-gets"),
        pytest.param({"grade": "D"}, 200_000.0, id="a-worse-grade"),
        pytest.param({"exposure_total": 2_300_000.0}, 200_000.0, id="what-is-owed-leaves-less"),
        pytest.param({"exposure_total": 2_499_999.99}, 0.01, id="a-cent-left"),
        pytest.param({"exposure_total": 9e6}, 0.0, id="nothing-left"),
        pytest.param({"is_newcomer": True}, 100_000.0, id="somebody-new"),
        pytest.param({"grade": "A", "exposure_total": 0.0}, 500_000.0, id="no-more-than-without-a-person"),
    ],
)
def test_the_limit_is_what_the_policy_lends_now(
    applicants: Make, policy: Policy, changed: dict[str, object], limit: float
) -> None:
    assert decide(applicants(**changed), policy.lending, "application").terms.limit[0] == limit


def test_who_asks_changes_neither_price_nor_limit(applicants: Make, policy: Policy) -> None:
    """Only grade, amount, term and exposure do: everything else may be anything."""
    random = np.random.default_rng(5)
    others = {
        "pd": random.random(200), "income_monthly": random.uniform(0, 1e5, 200),
        "age_years": random.uniform(0, 100, 200), "is_company": random.random(200) < 0.5,
        "days_past_due": random.integers(0, 90, 200).astype(float),
        "instalments_monthly": random.uniform(0, 1e4, 200),
    }  # fmt: skip
    terms = decide(applicants(200, **others), policy.lending, "application").terms
    for values in (terms.rate, terms.instalment, terms.limit):
        assert len(np.unique(values)) == 1


def test_an_approved_amount_is_within_its_limit(applicants: Make, policy: Policy) -> None:
    random = np.random.default_rng(6)
    crowd = applicants(
        5_000, amount=np.round(random.uniform(1, 6e5, 5_000), 2), grade=random.choice(list("ABCD"), 5_000),
        exposure_total=np.round(random.uniform(0, 3e6, 5_000), 2), income_monthly=90_000.0,
        is_newcomer=random.random(5_000) < 0.2,
    )  # fmt: skip
    decisions = decide(crowd, policy.lending, "application")
    approved = decisions.outcome == "approve"
    assert 500 < approved.sum() < 4_500
    assert (decisions.terms.amount <= decisions.terms.limit)[approved].all()


def test_terms_are_told_as_numbers_of_money_and_months(applicants: Make, policy: Policy) -> None:
    terms = decide(applicants(), policy.lending, "application").terms
    assert terms.as_answer(0) == {
        "amount": 50_000.0, "term_months": 60, "rate": 0.055, "instalment": 955.06, "limit": 400_000.0,
    }  # fmt: skip
