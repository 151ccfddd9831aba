"""The models of a release: right, and the same to the bit alone and among a thousand."""

import json
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from tests.conftest import Tiny, random_features
from training.release.calibration import Calibration, sigmoid
from training.release.errors import BrokenRelease, MissingPart
from training.release.fields import F64Array
from training.release.recommendation import Recommender, als_kernel, solve
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
        risk = credit.assess(x[:, models.positions(credit.member.columns)])
        parts += [risk.probability[:, None], risk.score[:, None], risk.contributions, risk.raised]
    return np.concatenate(parts, axis=1)


def _scores(models: Runtime, x: F32Array) -> F64Array:
    held = np.nan_to_num(x[:, : len(models.recommender.products)]) > 5
    return models.recommender.scores(held, x[:, models.positions(models.recommender.columns)])


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


def test_the_als_kernel_folds_in_as_the_normal_equations_do() -> None:
    rng = np.random.default_rng(11)
    factors, regularization, confidence = rng.normal(size=(9, 4)), 0.3, 12.0
    held = _held(50, 9)
    scores = Recommender(
        "als", tuple("abcdefghi"), np.ones(9), als_kernel(factors, regularization), confidence
    ).scores(held)
    for row in np.flatnonzero(held.any(axis=1)):
        mine = factors[held[row]]
        left = factors.T @ factors + regularization * np.eye(4) + (confidence - 1) * mine.T @ mine
        user = np.linalg.solve(left, confidence * mine.sum(axis=0))
        np.testing.assert_allclose(scores[row], factors @ user, rtol=1e-9, atol=1e-12)


def test_elimination_solves_what_lapack_solves() -> None:
    rng = np.random.default_rng(2)
    half = rng.normal(size=(20, 6, 6))
    matrix = half @ half.transpose(0, 2, 1) + np.eye(6)
    right = rng.normal(size=(20, 6, 2))
    np.testing.assert_allclose(solve(matrix, right), np.linalg.solve(matrix, right), rtol=1e-8)


def test_item_item_adds_the_similarities_of_what_is_held() -> None:
    similarity = np.array([[1.0, 0.4, 0.1], [0.4, 1.0, 0.0], [0.1, 0.0, 1.0]])
    model = Recommender("item_item", ("a", "b", "c"), np.array([0.5, 0.3, 0.2]), similarity, 1.0)
    scores = model.scores(np.array([[True, True, False], [False, False, False]]))
    np.testing.assert_allclose(scores, [[1.4, 1.4, 0.1], [0.5, 0.3, 0.2]])


def test_who_holds_nothing_is_scored_by_people_like_them(models: Runtime) -> None:
    recommender = models.recommender
    nothing = np.zeros((3, len(recommender.products)), bool)
    scores = recommender.scores(nothing, np.array([[500.0], [4000.0], [np.nan]], np.float32))
    assert scores[:, 0].tolist() == [0.1, 0.3, 0.2]
    assert recommender.scores(nothing)[0].tolist() == recommender.popularity.tolist()
    assert (recommender.source(True), recommender.source(False)) == ("als", "content")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"columns": ["a"], "edges": [[1.0]], "popularity": [[0.1] * 6]}, id="cells-short"),
        pytest.param({"columns": ["a"], "edges": [[2.0, 1.0]], "popularity": [[0.1] * 6] * 4}, id="falling"),
        pytest.param({"columns": ["a", "b"], "edges": [[1.0]], "popularity": [[0.1] * 6] * 3}, id="no-edges"),
    ],
)
def test_content_has_a_row_for_every_cell(tiny: Tiny, content: dict[str, object]) -> None:
    path = tiny.parts["recommendation"] / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"content": content}))
    with pytest.raises(BrokenRelease, match="content"):
        Recommender.read({each.name: each.read_bytes() for each in path.parent.iterdir()})


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


@pytest.mark.parametrize(
    "arrays",
    [
        pytest.param({"item_factors": np.array([[object()] * 3] * 6)}, id="pickled-objects"),
        pytest.param({"item_factors": np.full((6, 3), np.nan)}, id="not-finite"),
        pytest.param({"item_factors": np.ones((5, 3))}, id="another-number-of-products"),
        pytest.param({"item_factors": np.ones((6, 3), np.float32)}, id="another-type"),
        pytest.param({"item_factors": np.ones((6, 3)), "_save": np.ones(1)}, id="an-extra-array"),
        pytest.param({"similarity": np.ones((6, 6))}, id="another-array"),
    ],
)
def test_factors_are_plain_finite_numbers_or_nothing(tiny: Tiny, arrays: dict[str, object]) -> None:
    folder = tiny.parts["recommendation"]
    np.savez(folder / "factors.npz", **arrays)
    with pytest.raises(BrokenRelease, match=r"factors\.npz"):
        Recommender.read({path.name: path.read_bytes() for path in folder.iterdir()})
