"""Arms are drawn by a hash: the shares are those of the policy, and the probability is the true one."""

from dataclasses import replace

import numpy as np
import pytest

from crm_rules.errors import InvalidPolicy
from crm_rules.offers import arms
from crm_rules.offers.limits import Arms
from crm_rules.policy import Policy

LIMITS = Arms("s", 0.02, 0.01, 0.02, 1_000)
DAY_US = 86_400_000_000
MARCH = 20_513 * DAY_US  # 2026-03-01
EVERYBODY = tuple(f"C{number:06}" for number in range(40_000))


def drawn(at_us: int, limits: Arms = LIMITS) -> np.ndarray:
    at = np.full(len(EVERYBODY), at_us, np.int64)
    return arms.draw(EVERYBODY, at, np.ones(len(EVERYBODY), bool), limits).arm


def test_each_arm_gets_its_share() -> None:
    counts = np.bincount(drawn(MARCH), minlength=4) / len(EVERYBODY)
    for share, wanted in zip(counts, (0.97, 0.02, 0.01, 0.0), strict=True):
        assert abs(share - wanted) <= 4 * np.sqrt(wanted * (1 - wanted) / len(EVERYBODY))


def test_an_arm_lasts_its_month_and_is_drawn_anew_in_the_next() -> None:
    march, end, april = (drawn(at) for at in (MARCH, MARCH + 31 * DAY_US - 1, MARCH + 31 * DAY_US))
    assert (march == end).all()
    both = ((march == arms.RANDOM) & (april == arms.RANDOM)).sum()
    assert both < 50  # of some 800 in each; 16 are expected to meet by chance


def test_another_salt_draws_other_customers() -> None:
    one, other = drawn(MARCH), drawn(MARCH, replace(LIMITS, salt="t"))
    assert ((one == arms.RANDOM) & (other == arms.RANDOM)).sum() < 50


def test_who_has_no_profile_is_in_no_experiment() -> None:
    found = arms.draw(EVERYBODY[:500], np.full(500, MARCH), np.zeros(500, bool), LIMITS).arm
    assert (found == arms.UNPROFILED).all()


def test_an_id_that_is_no_text_of_this_world_is_drawn_too() -> None:
    assert 0 <= arms.uniform("s", "arm", "2026-03", "\ud800") < 1


@pytest.mark.parametrize(("random", "general"), [(0.5, 0.01), (0.3, 0.21)])
def test_arms_leave_half_of_the_customers_to_the_best_decision(
    policy: Policy, random: float, general: float
) -> None:
    with pytest.raises(InvalidPolicy, match="more than a half"):
        replace(policy.arms, random_control=random, non_personalised=general).check()
