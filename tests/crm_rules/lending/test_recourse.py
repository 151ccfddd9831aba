"""Recourse asks for what a person can change, within the policy, the least effort first."""

import numpy as np
import pytest

from crm_rules.lending.limits import LEVERS
from crm_rules.lending.recourse import (
    CHANGED_FEATURES,
    FEATURES,
    MOST_LEVERS,
    PLANS,
    REQUEST,
    Candidates,
    candidates,
    changes,
    ways,
)
from crm_rules.policy import Policy
from crm_rules.rules import F64Array
from feature_repo.features.columns import CONSENTS, PROTECTED

NAN = float("nan")
NO_LIMIT = np.array([np.inf])
USUAL = {
    "amount": 10_000.0, "term_months": 24.0, "co_applicant": 0.0, "credit_utilisation": 0.8,
    "days_past_due": 12.0, "instalments_monthly": 300.0, "balance_last": 1_000.0,
}  # fmt: skip


def tried(policy: Policy, largest: F64Array = NO_LIMIT, **changed: float) -> Candidates:
    values = {name: np.array([value]) for name, value in (USUAL | changed).items()}
    asked, known = ({name: values[name] for name in names} for names in (REQUEST, FEATURES))
    return candidates(asked, known, largest, policy.lending.recourse)


def levers(found: Candidates) -> set[str]:
    return {lever for number, lever in enumerate(LEVERS) if found.moved[:, number].any()}


def test_only_what_a_person_can_change_is_ever_moved() -> None:
    assert not set(CHANGED_FEATURES) & (PROTECTED | CONSENTS)
    assert not any(word in column for column in CHANGED_FEATURES for word in ("365d", "tenure", "income"))
    assert set(REQUEST) == {"amount", "term_months", "co_applicant"}


def test_no_plan_moves_more_than_two_levers_and_their_number_is_bounded(policy: Policy) -> None:
    found = tried(policy)
    assert found.moved.sum(axis=1).max() == MOST_LEVERS
    assert len(found) <= len(PLANS) < 100


@pytest.mark.parametrize(
    ("changed", "absent"),
    [
        pytest.param({"co_applicant": 1.0}, "co_applicant", id="somebody-applies-along-already"),
        pytest.param({"credit_utilisation": 0.1}, "card", id="the-card-is-hardly-used"),
        pytest.param({"credit_utilisation": NAN}, "card", id="there-is-no-card"),
        pytest.param({"days_past_due": 0.0}, "arrears", id="nothing-is-late"),
        pytest.param({"days_past_due": NAN}, "arrears", id="there-is-no-loan"),
        pytest.param({"term_months": 80.0}, "term_months", id="the-term-is-as-long-as-it-gets"),
        pytest.param({"amount": 100.0}, "amount", id="the-amount-cannot-be-smaller"),
    ],
)
def test_what_cannot_be_changed_is_not_tried(policy: Policy, changed: dict[str, float], absent: str) -> None:
    assert levers(tried(policy, **changed)) == set(LEVERS) - {absent}


def test_amounts_stay_within_the_policy_and_are_round(policy: Policy) -> None:
    found, limits = tried(policy, amount=9_876.0), policy.lending.recourse
    amounts = found.request["amount"][found.moved[:, 0]]
    assert (amounts % limits.amount_round_to == 0).all()
    assert amounts.min() >= limits.amount_least_share * 9_876
    assert amounts.max() < 9_876
    assert found.request["term_months"].max() <= limits.term_months_max


def test_an_amount_above_what_is_decided_without_a_person_starts_there(policy: Policy) -> None:
    found = tried(policy, np.array([8_000.0]))
    assert found.moved[:, 0].all()
    assert found.request["amount"].max() == 8_000


def test_arrears_are_paid_from_the_account(policy: Policy) -> None:
    found = tried(policy, days_past_due=45.0)
    paid = found.moved[:, LEVERS.index("arrears")]
    assert set(found.features["days_past_due"][paid]) == {0.0}
    assert set(found.features["balance_last"][paid]) == {400.0}
    assert set(found.features["balance_last"][~paid]) == {1_000.0}


def test_the_least_effort_is_told_first_and_no_way_asks_for_more_than_another(policy: Policy) -> None:
    found = tried(policy)
    told = ways(found, np.ones(len(found), bool), 1, policy.lending.recourse)[0]
    assert len(told) == policy.lending.recourse.ways
    assert (np.diff(found.effort[told]) >= 0).all()
    for at in told:
        others = [other for other in told if other != at]
        assert not any((found.moved[at] >= found.moved[other]).all() for other in others)


def test_a_change_says_from_where_to_where(policy: Policy) -> None:
    values = {name: np.array([value]) for name, value in USUAL.items()}
    found = tried(policy)
    at = int(np.flatnonzero(found.moved[:, 0] & found.moved[:, 3])[0])
    told = changes(found, at, {n: values[n] for n in REQUEST}, {n: values[n] for n in FEATURES})
    assert [(each.lever, each.before) for each in told] == [("amount", 10_000.0), ("card", 0.8)]
    assert told[0].after < 10_000
    assert told[1].after == policy.lending.recourse.card_utilisation


def test_several_cases_are_those_of_each_alone(policy: Policy) -> None:
    rng = np.random.default_rng(5)
    n = 60
    rows = {name: rng.uniform(0, 2 * value, n) for name, value in USUAL.items()}
    rows["co_applicant"] = np.round(rng.random(n))
    asked, known = ({name: rows[name] for name in names} for names in (REQUEST, FEATURES))
    largest = rng.uniform(3_000, 20_000, n)
    together = candidates(asked, known, largest, policy.lending.recourse)
    for case in range(n):
        alone = candidates(
            {k: v[[case]] for k, v in asked.items()}, {k: v[[case]] for k, v in known.items()},
            largest[[case]], policy.lending.recourse,
        )  # fmt: skip
        mine = together.case == case
        assert (alone.effort == together.effort[mine]).all()
        assert (alone.request["amount"] == together.request["amount"][mine]).all()
