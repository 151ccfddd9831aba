import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from training.segmentation.clustering import bounded, group
from training.segmentation.evidence import Evidence, choose, gap_choice, jaccards
from training.segmentation.segmenter import Segmenter
from training.segmentation.space import LIMIT, Space


@parametrize_with_checks([Segmenter(3, starts=2, resamples=1)])
def test_it_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Four groups in three columns, and twelve columns of noise."""
    generator = np.random.default_rng(4)
    truth = np.repeat([0, 1, 2, 3], [300, 200, 150, 100])
    centres = np.array([[0, 0, 0], [6, 0, 0], [0, 6, 6], [6, 6, 0]])
    points = np.c_[centres[truth] + generator.normal(size=(750, 3)), generator.normal(size=(750, 12))]
    points[::40, 1] = np.nan
    return points, truth


@pytest.fixture(scope="module")
def fitted(blobs) -> Segmenter:
    return Segmenter(candidates=(3, 4, 5), starts=6, resamples=3).fit(blobs[0])


def test_groups_are_found_among_columns_of_noise(fitted, blobs):
    truth = blobs[1]
    assert fitted.chosen_.k == 4
    assert adjusted_rand_score(truth, fitted.labels_) > 0.95
    assert fitted.weights_[:3].min() > 5 * fitted.weights_[3:].max()


def test_what_was_fitted_is_what_is_predicted_and_nearest(fitted, blobs):
    assert (fitted.predict(blobs[0]) == fitted.labels_).all()
    assert (fitted.transform(blobs[0]).argmin(axis=1) == fitted.labels_).all()


def test_a_frame_keeps_its_names_and_its_result(fitted, blobs):
    frame = pd.DataFrame(blobs[0], columns=[f"c{j}" for j in range(15)])
    again = Segmenter(candidates=(3, 4, 5), starts=6, resamples=3).fit(frame)
    assert (again.centres_ == fitted.centres_).all()
    assert again.space_.columns[0] == "c0"
    assert list(again.get_feature_names_out()) == ["segmenter0", "segmenter1", "segmenter2", "segmenter3"]


def test_an_outlier_is_no_segment():
    generator = np.random.default_rng(1)
    points = np.r_[
        generator.normal(0, 1, (150, 2)), generator.normal(8, 1, (150, 2)), [[50_000.0, -50_000.0]]
    ]
    found = Segmenter(candidates=(2, 3), starts=3, resamples=2).fit(points)
    assert found.chosen_.k == 2
    assert found.chosen_.smallest > 0.4


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(np.ones((30, 3)), id="all-rows-alike"),
        pytest.param(np.c_[np.arange(5.0), np.full(5, np.nan)], id="five-rows-a-column-missing"),
        pytest.param(np.full((10, 2), np.nan), id="nothing-known"),
    ],
)
def test_a_poor_table_gives_few_segments_and_no_error(rows):
    found = Segmenter(starts=1, resamples=1).fit(rows)
    assert np.isfinite(found.centres_).all()
    assert len(found.centres_) <= 2


def test_values_beyond_the_limit_count_as_the_limit():
    space = Space.of(np.random.default_rng(0).normal(size=(100, 1)), ["x"])
    assert space.standardised(np.array([[1e9], [np.nan], [np.inf]])).ravel().tolist()[0] == LIMIT


def test_a_lopsided_column_is_logged_and_a_yes_or_no_is_not():
    generator = np.random.default_rng(2)
    matrix = np.c_[np.exp(3 * generator.normal(size=500)), generator.random(500) < 0.05]
    assert Space.of(matrix, ["money", "flag"]).logged.tolist() == [True, False]


def test_weights_are_never_more_than_their_bound():
    spread = np.array([5.0, 4.0, 1.0, 0.0])
    for bound in (1.0, 1.3, 1.7, 2.0):
        weights = bounded(spread, bound)
        assert weights.sum() <= bound + 1e-6
        assert (weights**2).sum() == pytest.approx(1.0)


def test_more_tries_are_never_worse(blobs):
    points = Space.of(blobs[0], [str(j) for j in range(15)]).standardised(blobs[0])
    few, many = (group(points, 4, 2.5, starts, 0).spread for starts in (1, 6))
    assert many >= few


def evidence(k: int, silhouette: float, jaccard: float, smallest: float, gap: float) -> Evidence:
    return Evidence(k, silhouette, gap, 0.01, (jaccard,) * k, jaccard, smallest)


@pytest.mark.parametrize(
    ("tried", "chosen"),
    [
        pytest.param([evidence(3, 0.5, 0.9, 0.2, 1), evidence(4, 0.6, 0.9, 0.1, 1)], 4, id="separated"),
        pytest.param([evidence(3, 0.5, 0.9, 0.2, 1), evidence(4, 0.6, 0.7, 0.1, 1)], 3, id="unstable-is-out"),
        pytest.param([evidence(3, 0.5, 0.9, 0.2, 1), evidence(4, 0.6, 0.9, 0.02, 1)], 3, id="tiny-is-out"),
        pytest.param([evidence(3, 0.5, 0.3, 0.2, 1), evidence(4, 0.4, 0.7, 0.1, 1)], 4, id="none-sound"),
    ],
)
def test_k_is_the_best_separated_of_the_sound(tried, chosen):
    assert choose(tried).k == chosen


def test_the_gap_rule_takes_the_smallest_k_that_is_not_clearly_worse_than_the_next():
    rising = [evidence(k, 0.5, 0.9, 0.1, gap) for k, gap in ((3, 1.0), (4, 1.2), (5, 1.205), (6, 1.3))]
    assert gap_choice(rising) == 4
    assert gap_choice(rising[:2]) is None


def test_a_segment_that_falls_apart_has_a_low_jaccard():
    whole, split = np.repeat([0, 1], 50), np.r_[np.repeat([0, 1], 25), np.repeat(1, 50)]
    assert jaccards(whole, split, 2).round(2).tolist() == [0.5, 0.67]
