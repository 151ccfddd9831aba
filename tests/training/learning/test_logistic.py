import numpy as np
import pytest

from training.learning.logistic import Scaling, fit, newton, platt


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    matrix = generator.normal(size=(3000, 3))
    margin = matrix @ [1.0, -0.5, 0.0] - 2
    return matrix, (generator.random(3000) < 1 / (1 + np.exp(-margin))).astype(np.int8)


def test_both_ways_of_fitting_agree(rows):
    slow, quick = fit(*rows, ridge=1.0), newton(*rows, ridge=1.0)
    assert slow.weights == pytest.approx(quick.weights, abs=1e-3)
    assert slow.intercept == pytest.approx(quick.intercept, abs=1e-3)


def test_a_coefficient_that_would_turn_negative_stays_at_zero(rows):
    assert fit(*rows, ridge=1.0, non_negative=True).weights[1] == 0


def test_platt_repairs_a_margin_on_the_wrong_scale(rows):
    matrix, y = rows
    margin = 3 * newton(matrix, y, 1.0).margin(matrix) + 5
    line = platt(margin, y)
    assert line.a == pytest.approx(1 / 3, rel=0.05)
    assert line.probability(margin).mean() == pytest.approx(y.mean(), abs=1e-3)


def test_platt_never_turns_a_ranking_round(rows):
    matrix, y = rows
    assert platt(-newton(matrix, y, 1.0).margin(matrix), y).a == 0


def test_what_is_missing_takes_the_median_and_a_constant_column_is_harmless():
    matrix = np.array([[1.0, 5.0, np.nan], [3.0, 5.0, np.nan], [np.nan, 5.0, np.nan]])
    scaled = Scaling.of(matrix).apply(matrix)
    assert np.isfinite(scaled).all()
    assert np.abs(scaled[:, 1:]).max() < 1e-12


def test_newton_finds_the_least_loss_where_a_full_step_overshoots():
    """A rare outlier column, far from the rest and nearly always telling the outcome."""
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(4_000, 3))
    matrix[:, 2] = np.where(rng.random(4_000) < 0.004, 16.0, -0.06)
    odds = matrix[:, 0] + np.where(matrix[:, 2] > 0, 6.0, -4.0)
    y = (rng.random(4_000) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    quick, careful = newton(matrix, y, 1.0), fit(matrix, y, 1.0)
    assert quick.weights == pytest.approx(careful.weights, rel=0.02, abs=0.01)
    assert quick.weights[2] > 0
