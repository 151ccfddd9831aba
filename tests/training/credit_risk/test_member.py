import numpy as np
import pytest

from training.credit_risk.member import Member, fit_member
from training.learning.trees import F32
from training.validation import Labels, auc

COLUMNS = ("days_past_due", "income_monthly", "inflow_90d", "noise")


def borrowers(n: int, seed: int) -> tuple[F32, Labels]:
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(n, 4)).astype(np.float32)
    matrix = np.clip(np.round(matrix), -1, 1)  # points can say all there is to say
    margin = matrix[:, 0] - matrix[:, 1] - 2.0
    return matrix, (generator.random(n) < 1 / (1 + np.exp(-margin))).astype(np.int8)


@pytest.fixture(scope="module")
def member() -> Member:
    train, y = borrowers(1500, 5)
    groups = np.array([str(i // 2) for i in range(1500)], object)
    found = fit_member(train, y, groups, *borrowers(1500, 2), COLUMNS, 7)
    assert found is not None
    return found


def test_where_both_do_as_well_the_scorecard_decides(member: Member):
    assert member.decides == "scorecard"
    assert member.as_json()["columns"] == list(member.scorecard.columns)


def test_the_figures_are_those_of_the_test_rows(member: Member):
    _, y = borrowers(1500, 2)
    assert member.metrics["auc_out_of_time"] == pytest.approx(auc(y, member.test_probability), abs=1e-4)


def test_nothing_of_the_test_rows_enters_the_choice(member: Member):
    train, y = borrowers(1500, 5)
    groups = np.array([str(i // 2) for i in range(1500)], object)
    other = fit_member(train, y, groups, *borrowers(1500, 3), COLUMNS, 7)
    assert other is not None
    assert other.parameters == member.parameters
    assert other.as_json()["scorecard"] == member.as_json()["scorecard"]


def test_probabilities_are_calibrated_on_rows_not_trained_on(member: Member):
    _, y = borrowers(1500, 2)
    assert member.test_probability.mean() == pytest.approx(y.mean(), abs=0.03)


def test_without_evidence_there_is_no_member():
    generator = np.random.default_rng(9)
    matrix = np.ones((200, 1), np.float32)
    y = (generator.random(200) < 0.3).astype(np.int8)
    assert fit_member(matrix, y, np.arange(200).astype(str).astype(object), matrix, y, ("noise",), 7) is None
