import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from training.propensity.classifier import PropensityClassifier
from training.validation import auc, calibration_error, calibration_noise

N = 6_000


@pytest.fixture(scope="module")
def table() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Rows in time order whose rate doubles at the end; a category and missing values matter."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({
        "balance": np.where(rng.random(N) < 0.1, np.nan, rng.normal(size=N)),
        "job": rng.choice(["clerk", "farmer", "baker"], N), "noise": rng.normal(size=N),
    })  # fmt: skip
    late = np.arange(N) >= N * 0.7
    curve, baker = 0.75 * np.nan_to_num(frame["balance"]) ** 2, (frame["job"] == "baker").to_numpy()
    odds = -2.5 + curve + baker + 0.7 * late
    return frame, (rng.random(N) < 1 / (1 + np.exp(-odds))).astype(int), np.arange(N)


@pytest.fixture(scope="module")
def fitted(table) -> PropensityClassifier:
    frame, y, order = table
    return PropensityClassifier(trials=2).fit(frame[:5_000], y[:5_000], order[:5_000])


@parametrize_with_checks([PropensityClassifier(trials=1)])
@pytest.mark.filterwarnings("ignore:Skipping check:UserWarning")
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")  # a check casts NaN
def test_it_is_an_estimator_by_scikit_learns_checks(estimator, check):
    check(estimator)


def test_it_ranks_later_rows_and_its_probabilities_are_as_large_as_they_say(table, fitted):
    frame, y, _ = table
    p = fitted.predict_proba(frame[5_000:])[:, 1]
    assert auc(y[5_000:].astype(np.int8), p) > 0.68
    assert calibration_error(y[5_000:].astype(np.int8), p) < 0.02 + 2 * calibration_noise(p)


def test_with_an_order_the_latest_rows_calibrate_and_without_one_any_do(table, fitted):
    frame, y, _ = table
    shuffled = PropensityClassifier(trials=2).fit(frame[:5_000], y[:5_000])
    late = frame[5_000:]
    assert fitted.predict_proba(late)[:, 1].mean() > 1.15 * shuffled.predict_proba(late)[:, 1].mean()


def test_reordered_rows_with_their_times_give_the_same_model(table, fitted):
    frame, y, order = table
    back = np.arange(5_000)[::-1]
    other = PropensityClassifier(trials=2).fit(frame.iloc[back], y[back], order[back])
    first, second = (each.predict_proba(frame[5_000:])[:, 1] for each in (fitted, other))
    assert np.corrcoef(first, second)[0, 1] > 0.9


def test_an_unseen_category_and_a_missing_value_still_get_a_probability(fitted):
    asked = pd.DataFrame({"balance": [np.nan, 1.0], "job": ["astronaut", None], "noise": [0.0, np.nan]})
    p = fitted.predict_proba(asked)[:, 1]
    assert np.isfinite(p).all()
    assert ((p > 0) & (p < 1)).all()


def test_a_few_rows_are_fitted_plainly(table):
    frame, y, _ = table
    model = PropensityClassifier().fit(frame[:60], y[:60])
    assert model.tuned_ is None
    assert np.isfinite(model.predict_proba(frame[60:70])).all()


def test_times_of_another_length_are_refused(table):
    frame, y, order = table
    with pytest.raises(ValueError, match="'order' should hold 100 times"):
        PropensityClassifier().fit(frame[:100], y[:100], order[:99])
