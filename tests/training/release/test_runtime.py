"""The models of a release: right, and the same to the bit alone and among a thousand."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from tests.conftest import Tiny, random_features
from training.release.calibration import Calibration, sigmoid
from training.release.errors import MissingPart
from training.release.fields import F64Array
from training.release.runtime import Runtime, load
from training.release.segmentation import F32Array
from training.release.verify import verify


@pytest.fixture(scope="module")
def models(whole_tiny: Tiny) -> Runtime:
    return load(verify(whole_tiny.releases, whole_tiny.release, whole_tiny.trust))


def _held(rows: int, products: int) -> npt.NDArray[np.bool_]:
    return np.random.default_rng(5).random((rows, products)) < 0.3


def _margins(models: Runtime, x: F32Array) -> F32Array:
    return np.stack(list(models.margins(x).values()), axis=1)


def _segments(models: Runtime, x: F32Array) -> npt.NDArray[np.intp]:
    return models.segmentation.assign(x[:, models.positions(models.segmentation.columns)])


def _probabilities(models: Runtime, x: F32Array) -> F64Array:
    margin = _margins(models, x).astype(np.float64)
    return np.stack([models.propensity.members[0].calibration.probability(m) for m in margin.T], axis=1)


def _risk(models: Runtime, x: F32Array) -> F64Array:
    parts = []
    for name in ("application", "behaviour"):
        credit = models.credit(name)
        scorecard = credit.member.scorecard
        columns = x[:, models.positions(scorecard.columns)] if scorecard else x[:, :0]
        boosting = x[:, models.positions(credit.member.boosting.columns)]
        margin = models.margins(x)[f"credit_risk/{name}"].astype(np.float64)
        risk = credit.assess(columns, boosting, margin)
        parts += [risk.probability[:, None], risk.score[:, None], risk.contributions]
    return np.concatenate(parts, axis=1)


def _scores(models: Runtime, x: F32Array) -> F64Array:
    recommender = models.recommender
    held = np.nan_to_num(x[:, : len(recommender.products)]) > 5
    features = x[:, models.positions(recommender.columns)]
    return recommender.probabilities(recommender.shelf, held, features, _segments(models, x))


@pytest.mark.parametrize("answer", [_margins, _segments, _probabilities, _risk, _scores])
def test_alone_and_among_a_thousand_every_bit_is_the_same(
    models: Runtime, answer: Callable[[Runtime, F32Array], F64Array]
) -> None:
    features = random_features(1_000, len(models.columns))
    together = answer(models, features)
    for row in range(0, 1_000, 17):
        alone = answer(models, features[row : row + 1])
        assert alone.tobytes() == np.ascontiguousarray(together[row : row + 1]).tobytes()
    assert answer(models, features[100:133]).tobytes() == np.ascontiguousarray(together[100:133]).tobytes()


def test_sigmoid_is_right_far_out() -> None:
    x = np.array([-745.0, -30.0, 0.0, 30.0, 745.0])
    assert (np.diff(sigmoid(x)) > 0).all()
    np.testing.assert_allclose(sigmoid(x) + sigmoid(-x), 1.0)
    assert Calibration(2.0, -1.0).probability(np.array([0.5])) == 0.5


def test_a_scorecard_gives_points_by_bin_and_its_own_points_for_missing(models: Runtime) -> None:
    scorecard = models.credit("application").member.scorecard
    assert scorecard is not None
    points = scorecard.points(np.array([[0.1, 2000.0, 0.0], [np.nan, -1.0, 3.0]], np.float32))
    assert points.tolist() == [[210.0, 190.0, 180.0], [20.0, 80.0, 40.0]]
    assert scorecard.contributions(points)[1].tolist() == [220.0, 110.0, 140.0]
    assert np.diff(scorecard.probability(np.array([400.0, 500.0, 600.0]))).max() < 0


def test_grades_rise_with_the_probability(models: Runtime) -> None:
    grade = models.credit("application").member.grade
    assert grade(np.array([0.0, 0.02, 0.0200001, 0.5, 1.0])) == ("A", "A", "B", "D", "D")


def test_a_model_that_is_not_in_the_release_is_named(models: Runtime) -> None:
    with pytest.raises(MissingPart, match="credit_risk/leasing"):
        models.credit("leasing")
