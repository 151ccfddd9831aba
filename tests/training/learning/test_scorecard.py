import numpy as np
import pytest

from training.export import as_json
from training.learning import scorecard
from training.learning.bins import Bins
from training.learning.inputs import Inputs
from training.learning.trees import F32
from training.release.fields import Fields
from training.release.scorecard import Scorecard as Served
from training.validation import Labels, auc

COLUMNS = ("late", "income", "noise", "constant")
SIGNS = {"late": 1, "income": -1}


def applicants(n: int = 3000, seed: int = 1) -> tuple[F32, Labels]:
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(n, 4)).astype(np.float32)
    matrix[:, 3] = 1.0
    bad = (matrix[:, 0] - matrix[:, 1] + generator.normal(size=n) > 2).astype(np.int8)
    matrix[generator.random(n) < 0.2, 1] = np.nan
    return matrix, bad


@pytest.fixture(scope="module")
def card() -> scorecard.Scorecard:
    matrix, bad = applicants()
    return scorecard.fit(Inputs.of(matrix, COLUMNS), bad, SIGNS, ridge=5.0)


def chosen(card: scorecard.Scorecard, matrix: F32) -> F32:
    return matrix[:, [COLUMNS.index(name) for name in card.columns]]


def test_it_ranks_unseen_applicants(card: scorecard.Scorecard):
    matrix, bad = applicants(seed=2)
    assert auc(bad, card.margin(chosen(card, matrix))) > 0.8


def test_constants_get_no_points_and_noise_next_to_none(card: scorecard.Scorecard):
    span = {c.column: np.ptp(c.points) for c in card.characteristics}
    assert "constant" not in span
    assert span.get("noise", 0.0) < 0.2 * min(span["late"], span["income"])


def test_points_fall_as_risk_rises(card: scorecard.Scorecard):
    points = {c.column: c.points[: c.bins.ordinary] for c in card.characteristics}
    assert (np.diff(points["late"]) <= 0).all()
    assert (np.diff(points["income"]) >= 0).all()


def test_twenty_points_double_the_odds(card: scorecard.Scorecard):
    better, worse = (-(score - scorecard.OFFSET) / scorecard.FACTOR for score in (620.0, 600.0))
    assert np.exp(worse) / np.exp(better) == pytest.approx(2.0)


def test_the_served_scorecard_gives_the_trained_scores_and_needs_no_training_library(
    card: scorecard.Scorecard,
):
    matrix = chosen(card, applicants(10_000, seed=3)[0])
    exported = card.as_json() | {"calibration": {"a": 1.0, "b": 0.0}}
    served = Served.read(Fields.parse("model.json", as_json(exported)))
    assert np.abs(served.score(served.points(matrix)) - card.score(matrix)).max() < 1e-9


def test_a_value_on_an_edge_belongs_to_the_upper_bin():
    assert Bins(np.array([1.0])).place(np.array([0.99, 1.0, np.nan], np.float32)).tolist() == [0, 1, 2]


def test_reasons_are_measured_from_the_average_applicant(card: scorecard.Scorecard):
    matrix, _ = applicants()
    for characteristic in card.characteristics:
        mean = characteristic.score(matrix[:, COLUMNS.index(characteristic.column)]).mean()
        assert characteristic.reference_points == pytest.approx(mean, abs=1e-3)
