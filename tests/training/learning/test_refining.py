"""Points refined bin by bin."""

import numpy as np
import pytest

from tests.training.learning.stories import MONOTONE, SPECIALS, applicants
from training.learning import scorecard
from training.learning.inputs import Inputs
from training.learning.refining import refine
from training.validation import auc, log_loss


@pytest.fixture(scope="module")
def told_twice() -> tuple[Inputs, np.ndarray]:
    """A second column that tells half of what `late` tells, and turns where it ends."""
    table, bad = applicants(4_000)
    again = np.where(table.late > 1, 0.0, table.late.fillna(3.0)) + 0.1 * table.noise
    return Inputs.of(table.assign(again=again)), bad


def cards(told_twice, ridge: float = 20.0):
    rows, bad = told_twice
    plain = scorecard.fit(rows, bad, MONOTONE, 5.0, SPECIALS, 8)
    return plain, refine(plain, rows, bad, MONOTONE, ridge)


def test_refined_points_fit_better_and_rank_no_worse_on_other_people(told_twice):
    plain, refined = cards(told_twice)
    rows, bad = told_twice
    assert log_loss(bad, refined.margin(rows)) < log_loss(bad, plain.margin(rows))
    table, other = applicants(4_000, seed=9)
    again = np.where(table.late > 1, 0.0, table.late.fillna(3.0)) + 0.1 * table.noise
    later = Inputs.of(table.assign(again=again))
    assert auc(other, refined.margin(later)) > auc(other, plain.margin(later)) - 0.002


def test_a_declared_sign_holds_however_little_holds_the_points_back(told_twice):
    _, refined = cards(told_twice, ridge=0.01)
    points = {c.column: c.points[: c.bins.ordinary] for c in refined.characteristics}
    assert (np.diff(points["late"]) <= 0).all()
    assert (np.diff(points["score"]) >= 0).all()


def test_the_heavier_the_ridge_the_less_points_move(told_twice):
    def moved(ridge: float) -> float:
        plain, refined = cards(told_twice, ridge)
        pairs = zip(plain.characteristics, refined.characteristics, strict=True)
        return max(float(np.ptp(one.points - other.points)) for one, other in pairs)

    assert moved(1.0) > moved(50.0) > moved(1e7)
    assert moved(1e7) < 0.1


def test_a_card_without_characteristics_stays_as_it_is():
    rows, y = Inputs.of(np.ones((20, 1))), np.tile([0, 1], 10).astype(np.int8)
    card = scorecard.weigh((), rows, y, 5.0)
    assert refine(card, rows, y, {}, 20.0) is card
