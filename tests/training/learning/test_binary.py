"""The chooser: candidates judged inside the training rows, calibrated, each able to say why."""

import numpy as np
import pandas as pd
import pytest

from tests.training.learning.stories import MONOTONE, SPECIALS, applicants, strangers
from training.learning.binary import BinaryClassifier, TooFewRows
from training.learning.estimator import NotTwoClasses
from training.learning.inputs import UnreadableColumn
from training.validation import auc, calibration_error

QUICK = {"monotone": MONOTONE, "specials": SPECIALS, "trials": 2}


@pytest.fixture(scope="module")
def heard() -> list[str]:
    return []


@pytest.fixture(scope="module")
def model(heard: list[str]) -> BinaryClassifier:
    return BinaryClassifier(**QUICK, tell=lambda step, found: heard.append(step)).fit(*applicants())


def test_each_candidate_gives_a_calibrated_probability(model: BinaryClassifier):
    table, bad = applicants(4_000, seed=2)
    said = model.candidate_probability(table)
    assert set(said) == {"scorecard", "boosting", "blend"}
    for p in said.values():
        assert auc(bad, p) > 0.75
        assert calibration_error(bad, p) < 0.03


def test_the_chosen_one_is_the_best_out_of_fold_and_answers(model: BinaryClassifier):
    table, _ = applicants(200, seed=3)
    assert model.chosen_ == max(model.candidates_.values(), key=lambda each: each.value).name
    assert model.predict_proba(table)[:, 1] == pytest.approx(
        model.candidate_probability(table)[model.chosen_]
    )


def test_an_allowance_lets_the_scorecard_decide_where_it_is_nearly_as_good():
    assert BinaryClassifier(**QUICK, allowance=0.5).fit(*applicants(600)).chosen_ == "scorecard"


@pytest.mark.parametrize("name", ["scorecard", "boosting", "blend"])
def test_what_columns_add_differs_between_people_as_their_log_odds_do(model: BinaryClassifier, name: str):
    table, before = strangers(300, 4), model.chosen_
    try:
        model.chosen_ = name
        gap = model.decision_function(table) - model.contributions(table).sum(axis=1)
    finally:
        model.chosen_ = before
    assert np.ptp(gap) < 1e-4  # the same for everybody: the reference


def test_steps_and_trials_are_told(model: BinaryClassifier, heard: list[str]):
    assert heard == ["tune", "calibrate"]
    assert {trial.name for trial in model.trials_} >= {"boosting 0", "boosting 1", "scorecard", "blend"}


def test_all_rows_of_a_customer_are_held_out_together():
    table, bad = applicants(800)
    twice, labels = pd.concat([table, table], ignore_index=True), np.r_[bad, bad]
    customer = np.tile(np.arange(800), 2)
    kept = BinaryClassifier(trials=1).fit(twice, labels, groups=customer)
    parted = BinaryClassifier(trials=1).fit(twice, labels)
    assert kept.candidates_["boosting"].value < parted.candidates_["boosting"].value - 0.02


def test_in_time_order_the_choice_is_made_on_later_rows():
    table, bad = applicants(2_000)
    when = np.arange(2_000)
    table["clock"] = np.where(when < 1_000, bad, 1 - bad) + 0.1 * table["noise"]
    shuffled = BinaryClassifier(trials=1).fit(table, bad)
    forward = BinaryClassifier(trials=1).fit(table, bad, order=when)
    assert forward.candidates_["boosting"].value < shuffled.candidates_["boosting"].value - 0.1
    assert np.isnan(forward.candidates_["boosting"].margin[:300]).all()


def test_a_ranking_that_does_not_hold_up_stays_a_ranking():
    when = np.arange(900)
    x = np.random.default_rng(5).normal(size=900)
    y = ((np.where(when < 700, x, -x) + np.random.default_rng(6).normal(size=900)) > 0).astype(int)
    model = BinaryClassifier(trials=1).fit(x[:, None], y, order=when)
    for p in model.candidate_probability(x[:, None]).values():
        assert len(np.unique(p)) > 1


def test_an_interrupted_search_ends_the_same(tmp_path):
    table, bad = applicants(500)
    one = BinaryClassifier(**QUICK, study=tmp_path / "m").fit(table, bad)
    again = BinaryClassifier(**QUICK, study=tmp_path / "m").fit(table, bad)
    assert again.decision_function(table).tobytes() == one.decision_function(table).tobytes()


def test_a_constant_and_an_empty_column_are_warned_of():
    table, bad = applicants(400)
    model = BinaryClassifier(trials=1).fit(table.assign(same=1.0, empty=np.nan), bad)
    assert [each.split("'")[1] for each in model.warnings_] == ["same", "empty"]


def test_no_evidence_is_warned_of_and_everybody_is_given_about_the_average():
    table, bad = applicants(400)
    model = BinaryClassifier(trials=1).fit(table[["noise"]].round(-3), bad)
    assert "tells the classes apart" in model.warnings_[-1]
    assert np.ptp(model.predict_proba(table[["noise"]])[:, 1]) < 0.01


@pytest.mark.parametrize(
    ("labels", "error", "says"),
    [
        pytest.param([1] * 40, NotTwoClasses, "one class only", id="one-class"),
        pytest.param([0, 1, 2, 1] * 10, NotTwoClasses, "3 classes", id="three-classes"),
        pytest.param([1] + [0] * 39, TooFewRows, "At least 2 rows", id="one-row-of-a-class"),
    ],
)
def test_a_target_that_cannot_be_learnt_is_refused(labels, error, says: str):
    with pytest.raises(error, match=says):
        BinaryClassifier(trials=1).fit(applicants(40)[0], labels)


def test_a_column_of_dates_is_refused_by_name():
    table, bad = applicants(40)
    with pytest.raises(UnreadableColumn, match="'day'"):
        BinaryClassifier(trials=1).fit(table.assign(day=pd.Timestamp("2024-01-01")), bad)
