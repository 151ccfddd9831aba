"""Boosted trees of a table: declared signs hold, codes and categories count, the graph is the model."""

import numpy as np
import onnxruntime
import pytest

from tests.training.learning.stories import MONOTONE, SPECIALS, applicants, strangers
from training.learning.inputs import Inputs
from training.learning.monotone_boosting import MonotoneBoosting
from training.validation import auc


@pytest.fixture(scope="module")
def model() -> MonotoneBoosting:
    return MonotoneBoosting(MONOTONE, SPECIALS).fit(*applicants())


def test_it_ranks_people_it_has_not_seen_and_stops_early(model: MonotoneBoosting):
    table, bad = applicants(seed=2)
    assert auc(bad, model.decision_function(table)) > 0.75
    assert 5 <= model.rounds_ < 400


@pytest.mark.parametrize(("column", "sign"), [("late", 1), ("score", -1)])
def test_a_declared_sign_holds_whatever_else_is_true(model: MonotoneBoosting, column: str, sign: int):
    table, _ = applicants(40, 4)
    for _, person in table.iloc[:12].iterrows():
        grid = table.assign(**person)
        grid[column] = np.linspace(0, 5, 40) if column == "late" else np.linspace(400, 800, 40)
        assert (sign * np.diff(model.decision_function(grid)) >= 0).all()


def test_a_special_code_is_a_flag_and_no_number(model: MonotoneBoosting):
    assert {"score", "score=-9", "score=-8"} <= set(model.boosted_.columns)
    table, _ = applicants(1)
    told = {code: model.decision_function(table.assign(score=code))[0] for code in (-9.0, -8.0, 720.0)}
    assert told[-9.0] < told[720.0] < told[-8.0]


def test_the_graph_gives_the_models_log_odds(model: MonotoneBoosting):
    rows = Inputs.of(strangers(3_000, 5))
    encoded = model.boosted_.encoding.apply(rows)
    session = onnxruntime.InferenceSession(model.boosted_.margin_onnx())
    margin = session.run(None, {"X": encoded})[0][:, 0]
    assert np.abs(margin - model.boosted_.margin(rows)).max() < 1e-5


def test_what_columns_add_makes_up_the_log_odds(model: MonotoneBoosting):
    table = strangers(500, 6)
    added, reference = model.contributions(table), model.boosted_.ensemble.reference_margin
    assert added.shape == (500, 4)
    assert np.abs(added.sum(axis=1) + reference - model.decision_function(table)).max() < 1e-4
    assert np.abs(model.contributions(applicants()[0]).mean(axis=0)).max() < 1e-3


def test_many_small_categories_do_not_let_a_row_read_its_own_label():
    table, bad = applicants(5_000)
    told = table[["late", "score"]].assign(
        name=np.random.default_rng(1).integers(0, 180, 5_000).astype(str).astype(object)
    )
    gains = dict(MonotoneBoosting(seed=1, rounds=200).fit(told, bad).boosted_.gains())
    assert gains["name"] < 0.08  # twice as much where a category is encoded by its own rows


def test_the_same_seed_grows_the_same_trees():
    one, same = (MonotoneBoosting(seed=3).fit(*applicants(400)) for _ in range(2))
    assert one.boosted_.margin_onnx() == same.boosted_.margin_onnx()
