import numpy as np
import pytest

from training.propensity.calibrating import as_json, beta, calibrated
from training.release.calibration import Beta, Calibration, Curve, logs, read_curve, sigmoid
from training.release.fields import Fields

N = 20_000


def outcomes(p: np.ndarray, seed: int = 1) -> np.ndarray:
    return (np.random.default_rng(seed).random(len(p)) < p).astype(np.int8)


@pytest.fixture(scope="module")
def margin() -> np.ndarray:
    return np.random.default_rng(2).normal(-2, 1.5, N)


def test_a_straight_distortion_is_undone_by_the_line(margin):
    curve, losses = calibrated(margin, outcomes(sigmoid(0.6 * margin - 0.5)))
    assert isinstance(curve, Calibration)
    assert curve.a == pytest.approx(0.6, abs=0.05)
    assert losses["platt"] <= losses["beta"] + 1e-4


def test_a_bent_distortion_takes_the_beta_curve(margin):
    ln_p, ln_q = logs(margin)
    true = sigmoid(0.3 * ln_p - 3.0 * ln_q - 1.0)
    curve, losses = calibrated(margin, outcomes(true))
    assert isinstance(curve, Beta)
    assert losses["beta"] < losses["platt"]
    assert np.abs(curve.probability(margin) - true).mean() < 0.01


def test_a_beta_curve_never_falls(margin):
    curve = beta(margin, outcomes(sigmoid(-margin - 3)))
    assert min(curve.a, curve.b) >= 0
    said = curve.probability(np.linspace(-6, 6, 50))
    assert (np.diff(said) >= 0).all()


@pytest.mark.parametrize("curve", [Calibration(0.9, -0.1), Beta(0.9, 1.1, -0.1)], ids=["line", "beta"])
def test_what_the_release_keeps_gives_the_same_bits_alone_and_among_many(curve: Curve, margin):
    kept = read_curve(Fields("model.json", as_json(curve)))
    assert kept == curve
    many = kept.probability(margin)
    assert all(kept.probability(margin[row : row + 1])[0] == many[row] for row in range(0, N, 997))


def test_margins_far_out_stay_finite():
    far = np.array([-800.0, 800.0])
    assert np.isfinite(np.concatenate(logs(far))).all()
    assert Beta(1.0, 1.0, 0.0).probability(far).tolist() == [0.0, 1.0]
