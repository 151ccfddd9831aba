import numpy as np
import pytest

from crm_rules.offers.arbitration import begun_with, priorities, ranked, turned

NONE = np.zeros(4, bool)


def test_priority_is_the_product_of_its_four_factors() -> None:
    found = priorities(np.array([[0.5]]), np.array([[1.2]]), np.array([10.0]), np.array([1.1]))
    assert found.tolist() == [[0.5 * 1.2 * 10.0 * 1.1]]


def test_an_infinite_chance_times_nothing_is_no_warning() -> None:
    assert np.isnan(priorities(np.array([[np.inf]]), np.ones((1, 1)), np.zeros(1), np.ones(1))).all()


def test_the_highest_priority_comes_first_and_ties_go_by_id() -> None:
    assert ranked(np.array([[0.2, 0.5, 0.5, 0.9]]), NONE[None], NONE).tolist() == [[3, 1, 2, 0]]


def test_what_is_out_never_ranks_and_gaps_are_minus_one() -> None:
    out = np.array([[True, False, True, True]])
    assert ranked(np.array([[0.9, 0.5, 0.1, 0.2]]), out, NONE).tolist() == [[1, -1, -1, -1]]


def test_mandatory_offers_come_first_among_themselves_by_priority() -> None:
    mandatory = np.array([True, False, True, False])
    assert ranked(np.array([[0.1, 0.9, 0.2, 0.8]]), NONE[None], mandatory).tolist() == [[2, 0, 1, 3]]
    out = np.array([[False, False, True, True]])
    assert ranked(np.array([[0.1, 0.9, 0.2, 0.8]]), out, mandatory).tolist() == [[0, 1, -1, -1]]


def test_an_order_may_begin_with_a_place_that_was_drawn() -> None:
    assert begun_with(np.array([3, 1, 2, -1]), 2).tolist() == [2, 3, 1, -1]


@pytest.mark.parametrize(("start", "order"), [(0, [0, 1, 3, -1]), (1, [1, 3, 0, -1]), (2, [3, 0, 1, -1])])
def test_a_random_order_goes_round_by_id(start: int, order: list[int]) -> None:
    assert turned(np.array([3, 1, 0, -1]), start, NONE).tolist() == order


def test_a_random_order_leaves_mandatory_offers_first() -> None:
    mandatory = np.array([False, False, False, True])
    assert turned(np.array([3, 1, 0, -1]), 1, mandatory).tolist() == [3, 1, 0, -1]


def test_a_customer_alone_ranks_to_the_bit_as_among_a_thousand() -> None:
    random = np.random.default_rng(5)
    n, p = 1_000, 61
    chance, out = random.random((n, p)), random.random((n, p)) < 0.3
    chance[:, ::7] = chance[:, :1]
    c, v, lever = random.random((n, p)) + 0.5, random.random(p) + 0.5, random.random(p) + 0.5
    mandatory = np.arange(p) == 9
    priority = priorities(chance, c, v, lever)
    together = ranked(priority, out, mandatory)
    for row in range(0, n, 13):
        one = slice(row, row + 1)
        alone = priorities(chance[one], c[one], v, lever)
        assert alone.tobytes() == priority[one].tobytes()
        assert ranked(alone, out[one], mandatory).tobytes() == together[one].tobytes()
