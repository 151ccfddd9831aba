"""Defaults of loans too young to train on bring the level up to date; the release says the same."""

import numpy as np
import pytest

from tests.training.credit_risk.test_member import COLUMNS, borrowers
from tests.training.credit_risk.test_released_member import assess, released
from training.credit_risk.level import Young, shown_by
from training.credit_risk.member import Member, fit_member
from training.validation import Labels

SHOWN = 0.5  # of a year's defaults, by the age of the young loans


def better_times(n: int, seed: int) -> tuple[np.ndarray, Labels]:
    """Borrowers of whom half of those who would have defaulted no longer do."""
    matrix, y = borrowers(n, seed)
    return matrix, (y * (np.random.default_rng(seed).random(n) < 0.5)).astype(np.int8)


@pytest.fixture(scope="module")
def member() -> Member:
    train, y = borrowers(1_500, 1)
    matrix, outcome = better_times(6_000, 8)
    seen = int((outcome * (np.random.default_rng(0).random(6_000) < SHOWN)).sum())
    young = Young(matrix, np.full(6_000, SHOWN), seen)
    groups = np.arange(1_500).astype(str).astype(object)
    found = fit_member(train, y, groups, *better_times(2_000, 2), COLUMNS, 7, trials=2, young=young)
    assert found is not None
    return found


def test_the_level_follows_what_young_loans_have_shown(member: Member):
    _, y = better_times(2_000, 2)
    for name, p in member.tested.items():
        assert member.shifts[name] < -0.4
        assert abs(p.mean() - y.mean()) < 0.03, name
    assert abs(borrowers(2_000, 2)[1].mean() - y.mean()) > 0.06


@pytest.mark.parametrize("decides", ["scorecard", "boosting", "blend"])
def test_the_released_member_says_what_was_tested(member: Member, decides: str):
    matrix, _ = better_times(2_000, 2)
    assert np.abs(assess(released(member, decides), matrix).probability - member.tested[decides]).max() < 1e-6


def test_few_young_defaults_move_the_level_little():
    odds = np.full(40, -2.0)
    alone = Young(np.zeros((40, 1), np.float32), np.full(40, 0.5), 0).shift(odds)
    many = Young(np.zeros((4_000, 1), np.float32), np.full(4_000, 0.5), 0).shift(np.full(4_000, -2.0))
    assert many < -1 < alone < 0


def test_a_vintage_has_shown_nothing_before_its_first_default_and_all_at_the_end():
    day = 86_400_000_000
    granted = np.array([0, 10, 20]) * day
    defaulted = granted + np.array([120, 200, 300]) * day
    ages = np.array([0, 119, 120, 250, 365]) * day
    assert shown_by(ages, defaulted, granted).tolist() == pytest.approx([0, 0, 1 / 3, 2 / 3, 1])
