import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from training.validation import (
    auc,
    auc_difference,
    auc_interval,
    brier,
    calibration_error,
    calibration_noise,
    ks,
    lift,
)


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    p = np.round(generator.beta(1, 9, 4000), 2)  # rounded, so that there are ties
    return (generator.random(4000) < p).astype(np.int8), p


def test_auc_and_brier_agree_with_scikit_learn(scored):
    y, p = scored
    assert auc(y, p) == pytest.approx(roc_auc_score(y, p), abs=1e-12)
    assert brier(y, p) == pytest.approx(brier_score_loss(y, p), abs=1e-12)


def test_delongs_interval_holds_the_true_auc_as_often_as_it_says():
    generator, held, truth = np.random.default_rng(1), 0, 0.7602  # Phi(1 / sqrt 2)
    for _ in range(400):
        y = np.r_[np.ones(30), np.zeros(200)].astype(np.int8)
        interval = auc_interval(y, generator.normal(size=230) + y)
        held += interval.low <= truth <= interval.high
    assert 0.92 <= held / 400 <= 0.98


def test_a_score_is_no_better_than_itself(scored):
    y, p = scored
    difference = auc_difference(y, p, p)
    assert difference.value == 0
    assert difference.low == difference.high == 0


def test_noise_added_to_a_score_shows_as_a_loss(scored):
    y, p = scored
    noisy = p + np.random.default_rng(2).normal(size=len(p))
    assert auc_difference(y, p, noisy).low > 0


def test_a_calibrated_probability_shows_only_the_error_of_chance(scored):
    y, p = scored
    assert calibration_error(y, p) < 2 * calibration_noise(p)
    assert calibration_error(y, p * 3) > 4 * calibration_noise(p)


def test_a_perfect_score_has_full_ks_and_lift():
    y = np.repeat([0, 1], [90, 10]).astype(np.int8)
    assert ks(y, y.astype(float)) == 1.0
    assert lift(y, y.astype(float)) == pytest.approx(10.0)


@pytest.mark.parametrize(
    "y", [pytest.param([0, 0], id="no-positive"), pytest.param([1, 1], id="no-negative")]
)
def test_one_class_alone_has_no_auc(y):
    assert np.isnan(auc(np.array(y, np.int8), np.array([0.1, 0.2])))
