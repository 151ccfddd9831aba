import numpy as np
import pytest

from crm_rules.offers.arbitration import Ranking, arbitrate, context, levers, worth
from crm_rules.policy import Policy
from crm_rules.rules import F64Array
from crm_rules.vocabulary import FAMILIES

IDS = ("a", "b", "c", "d")
ONES = np.ones(4)


def _rank(propensity: F64Array, blocked: list[list[bool]] | None = None, top: int = 3) -> Ranking:
    mask = np.zeros(propensity.shape, bool) if blocked is None else np.array(blocked)
    return arbitrate(propensity, ONES, ONES, ONES, mask, IDS, top)


def test_the_highest_priority_comes_first_and_ties_go_by_product_id() -> None:
    assert _rank(np.array([[0.2, 0.5, 0.5, 0.9]])).order.tolist() == [[3, 1, 2]]
    shuffled = arbitrate(np.full((1, 3), 0.5), ONES[:3], ONES[:3], ONES[:3], np.zeros((1, 3), bool), "zxy", 3)
    assert shuffled.order.tolist() == [[1, 2, 0]]


def test_what_is_blocked_never_ranks_and_gaps_are_minus_one() -> None:
    ranking = _rank(np.array([[0.9, 0.5, 0.1, 0.2]]), [[True, False, True, True]])
    assert ranking.order.tolist() == [[1, -1, -1]]
    assert np.isnan(ranking.priority).tolist() == [[True, False, True, True]]


def test_more_places_than_products_stay_empty() -> None:
    assert _rank(np.array([[0.1, 0.2, 0.3, 0.4]]), top=6).order.tolist() == [[3, 2, 1, 0, -1, -1]]


@pytest.mark.parametrize("unknown", [np.nan, np.inf, -np.inf])
def test_an_unknown_propensity_never_wins(unknown: float) -> None:
    assert _rank(np.array([[unknown, 0.1, unknown, 0.2]])).order.tolist() == [[3, 1, -1]]


def test_an_infinite_propensity_times_nothing_is_no_warning() -> None:
    ranking = arbitrate(
        np.array([[np.inf, 1.0]]), np.ones(2), np.zeros(2), np.ones(2), np.zeros((1, 2), bool), "ab", 1
    )
    assert ranking.order.tolist() == [[1]]


def test_priority_is_the_product_of_its_four_factors() -> None:
    factors = np.array([0.5]), np.array([1.2]), np.array([10.0]), np.array([1.1])
    ranking = arbitrate(factors[0][None], *factors[1:], np.zeros((1, 1), bool), "a", 1)
    assert ranking.priority.tolist() == [[0.5 * 1.2 * 10.0 * 1.1]]


def test_levers_and_context_come_from_the_policy_in_percent(policy: Policy) -> None:
    by_family = dict(zip(FAMILIES, levers(FAMILIES, policy.arbitration).tolist(), strict=True))
    assert (by_family["pension"], by_family["loan"]) == (1.1, 1.0)
    assert context(("mortgage", "loan"), "branch", policy.arbitration).tolist() == [1.2, 1.0]
    assert context(("mortgage",), "chat", policy.arbitration).tolist() == [1.0]
    assert worth(np.array([0.0, 100.0]), policy.arbitration).tolist() == [0.0, 10.0]


def test_a_customer_alone_ranks_to_the_bit_as_among_a_thousand() -> None:
    random = np.random.default_rng(5)
    n, p = 1_000, 61
    propensity, blocked = random.random((n, p)), random.random((n, p)) < 0.3
    propensity[:, ::7] = propensity[:, :1]
    c, v, lever = (random.random(p) + 0.5 for _ in range(3))
    ids = [f"p{i:02}" for i in random.permutation(p)]
    together = arbitrate(propensity, c, v, lever, blocked, ids, 5)
    for row in range(0, n, 13):
        alone = arbitrate(propensity[row : row + 1], c, v, lever, blocked[row : row + 1], ids, 5)
        assert alone.order.tobytes() == together.order[row].tobytes()
        assert alone.priority.tobytes() == together.priority[row].tobytes()
