"""The figures of the gates over a sample that keeps every case are those of all the rows."""

import numpy as np
import pytest

from training.checks.calibrated import calibration_error
from training.checks.fairness import _least
from training.checks.steady import psi
from training.export import bins
from training.release.calibration import sigmoid
from training.set_aside import sample
from training.validation import calibration_error as unweighted
from training.validation import calibration_noise

N, KEPT = 60_000, 8_000


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    """A rare outcome and its true chance."""
    rng = np.random.default_rng(1)
    p = sigmoid(rng.normal(size=N) - 4.0)
    return (rng.random(N) < p).astype(np.int8), p


def test_without_weights_the_error_and_its_noise_are_the_usual_ones(rows):
    y, p = rows
    error, noise = calibration_error(y.astype(float), p, np.ones(N))
    assert error == pytest.approx(unweighted(y, p), abs=1e-5)
    assert noise == pytest.approx(calibration_noise(p), rel=0.01)


@pytest.mark.parametrize("said", [
    pytest.param(lambda p: p, id="as-it-is"),
    pytest.param(lambda p: np.minimum(2 * p, 1.0), id="twice-as-much"),
])  # fmt: skip
def test_a_weighted_sample_tells_the_error_of_all_rows(rows, said):
    y, p = rows
    chosen, weight = sample(y, N, KEPT, 7)
    assert y[chosen].sum() == y.sum()
    error, noise = calibration_error(y[chosen].astype(float), said(p)[chosen], weight)
    assert error == pytest.approx(unweighted(y, said(p)), abs=3 * noise)
    unfair = calibration_error(y[chosen].astype(float), said(p)[chosen], np.ones(KEPT))[0]
    assert unfair > 5 * noise, "without the weights the sample would be taken for the population"


def test_the_noise_is_what_a_perfect_model_shows(rows):
    _, p = rows
    rng, found = np.random.default_rng(2), []
    for seed in range(30):
        y = (rng.random(N) < p).astype(np.int8)
        chosen, weight = sample(y, N, KEPT, seed)
        found.append(calibration_error(y[chosen].astype(float), p[chosen], weight))
    errors, noises = np.array(found).T
    assert errors.mean() == pytest.approx(noises.mean(), rel=0.15)


def test_psi_of_a_weighted_sample_is_that_of_all_rows(rows):
    y, p = rows
    frozen = bins(p)
    edges, shares = np.array(frozen["edges"]), np.array(frozen["shares"])
    chosen, weight = sample(y, N, KEPT, 7)
    value, noise = psi(edges, shares, p[chosen], weight, N)
    assert value < noise
    assert psi(edges, shares, p[chosen], np.ones(KEPT), N)[0] > noise
    assert psi(edges, shares, p[chosen] * 2, weight, N)[0] > 0.25


def test_the_impact_ratio_is_the_least_beside_the_most_with_its_interval():
    approved = np.repeat([True, False, True, False], [40, 60, 50, 50])
    groups = {"women": np.arange(200) < 100, "men": np.arange(200) >= 100}
    name, found = _least(groups, approved, np.ones(200))
    assert name == "women beside men"
    assert [round(each, 2) for each in (found.value, found.low, found.high)] == [0.8, 0.59, 1.09]
