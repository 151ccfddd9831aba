from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb

from training.checks.exported import exported
from training.dataset import Dataset
from training.export import as_json
from training.labels import DAY, PURCHASE
from training.propensity.assembled import _graphs
from training.propensity.bench import Bench
from training.propensity.exhibits import exhibits
from training.propensity.member import Member, fit, gates, with_proof
from training.propensity.tuning import START, grown, tuned
from training.validation import Labels, auc

CUSTOMERS, QUARTERS = 3000, 6
COLUMNS = ("tenure_months", "balance_last", "noise")
LAST = np.repeat(np.arange(QUARTERS), CUSTOMERS) == QUARTERS - 1
Rate = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def rows() -> Dataset:
    n = CUSTOMERS * QUARTERS
    matrix = np.random.default_rng(1).normal(size=(n, 3)).astype(np.float32)
    matrix[:, 0] = np.random.default_rng(2).uniform(0, 60, n)
    at = np.repeat(np.arange(QUARTERS, dtype=np.int64), CUSTOMERS) * 91 * DAY
    names = np.tile(np.arange(CUSTOMERS).astype(str), QUARTERS).astype(object)
    return Dataset(names, at, matrix, COLUMNS, "test")


def drawn(rows: Dataset, rate: Rate, seed: int = 3) -> Labels:
    chance = rate(rows.matrix.astype(np.float64))
    return (np.random.default_rng(seed).random(len(rows)) < chance).astype(np.int8)


def by_balance(matrix: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(3.5 - 2 * np.abs(matrix[:, 1])))  # no line can follow it


def by_tenure_alone(matrix: np.ndarray) -> np.ndarray:
    return np.where((matrix[:, 0] > 3) & (matrix[:, 0] < 23), 0.1, 0.0)


def by_nothing(matrix: np.ndarray) -> np.ndarray:
    return np.full(len(matrix), 0.05)


def trained(rows: Dataset, label: Labels) -> Member:
    return fit("card", Bench.prepare(rows, label, PURCHASE), label, 7, family="card", trials=2)


def refused(member: Member) -> list[str]:
    return [gate.name for gate in gates("card", member) if not gate.passed]


def test_a_model_that_knows_who_buys_passes(rows: Dataset):
    member = trained(rows, drawn(rows, by_balance))
    assert refused(member) == []
    assert member.metrics["n_in_reach"] == CUSTOMERS


@pytest.mark.parametrize("seed", range(3, 8))
def test_a_model_of_purchases_at_random_is_refused(rows: Dataset, seed: int):
    assert any("AUC out of time" in name for name in refused(trained(rows, drawn(rows, by_nothing, seed))))


def test_a_model_that_only_knows_who_cannot_buy_is_refused_however_large_its_auc(rows: Dataset):
    member = trained(rows, drawn(rows, by_tenure_alone))
    assert float(str(member.metrics["auc_out_of_time"])) > 0.8
    assert float(str(member.metrics["auc_of_reach_alone"])) > 0.8
    assert any("in reach" in name for name in refused(member))


def test_a_score_worse_than_the_plain_baseline_is_refused(rows: Dataset):
    member = trained(rows, drawn(rows, by_balance))
    worse = replace(member, metrics={**member.metrics, "gain_over_baseline": [-0.3, -0.1]})
    assert any("baseline" in name for name in refused(worse))


def test_probabilities_twice_too_large_are_refused(rows: Dataset):
    member = trained(rows, drawn(rows, by_balance))
    off = float(np.mean(member.p_test))
    worse = replace(member, metrics={**member.metrics, "ece": off})
    assert any("calibration" in name for name in refused(worse))


def test_nothing_of_the_test_quarter_enters_the_model_or_its_calibration(rows: Dataset):
    label = drawn(rows, by_balance)
    other = np.where(LAST, 1 - label, label).astype(np.int8)
    first, second = trained(rows, label), trained(rows, other)
    assert first.curve == second.curve
    assert (first.p_test == second.p_test).all()
    assert first.model.rounds == second.model.rounds
    assert auc(first.y_test, first.p_test) == pytest.approx(1 - auc(second.y_test, second.p_test))


def test_the_line_is_fitted_on_the_calibration_quarter_and_the_trees_are_not(rows: Dataset):
    label = drawn(rows, by_balance)
    quarter = np.repeat(np.arange(QUARTERS), CUSTOMERS)
    rarer = np.where((quarter == QUARTERS - 2) & (np.arange(len(label)) % 2 == 0), 0, label).astype(np.int8)
    first, second = trained(rows, label), trained(rows, rarer)
    assert (first.model.margin(rows.matrix) == second.model.margin(rows.matrix)).all()
    assert second.p_test.mean() < 0.75 * first.p_test.mean()


def test_rounds_are_chosen_a_horizon_after_what_they_were_grown_on(rows: Dataset):
    bench = Bench.prepare(rows, drawn(rows, by_balance), PURCHASE)
    assert bench is not None
    assert len(bench.folds) == 2
    for earlier, later in bench.folds:
        assert bench.as_of[earlier].max() + PURCHASE.horizon <= bench.as_of[later].min()
        assert not ((earlier | later) & ~bench.split.train).any()


def test_an_interrupted_search_ends_where_an_uninterrupted_one_does(rows: Dataset, tmp_path: Path):
    label = drawn(rows, by_balance)
    bench = Bench.prepare(rows, label, PURCHASE)
    assert bench is not None
    whole = tuned("card", bench, label, 7, tmp_path / "whole.db", trials=4)
    tuned("card", bench, label, 7, tmp_path / "cut.db", trials=2)
    assert tuned("card", bench, label, 7, tmp_path / "cut.db", trials=4) == whole


@pytest.mark.parametrize(("rate", "tried"), [
    pytest.param(0.02, len(START), id="few-cases"), pytest.param(0.3, 3, id="many-cases")])  # fmt: skip
def test_shapes_are_searched_only_where_cases_can_tell_them_apart(rows: Dataset, rate: float, tried: int):
    label = drawn(rows, lambda matrix: np.full(len(matrix), rate))
    bench = Bench.prepare(rows, label, PURCHASE)
    assert bench is not None
    assert len(tuned("card", bench, label, 7, None, trials=3).trials) == tried


def test_a_sample_of_the_others_leaves_the_probabilities_as_large_as_they_are(
    rows: Dataset, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("training.propensity.tuning.MOST_GROWN", 3_000)
    label = drawn(rows, by_balance)
    bench = Bench.prepare(rows, label, PURCHASE)
    assert bench is not None
    model = grown(tuned("card", bench, label, 7, None, trials=1), bench, label, 7)
    said = 1 / (1 + np.exp(-model.margin(rows.matrix)))
    assert said.mean() == pytest.approx(label.mean(), rel=0.1)


def test_a_member_shows_what_it_leans_on_and_whether_it_holds(rows: Dataset):
    member = trained(rows, drawn(rows, by_balance))
    drawn_up = exhibits({"card": member}, 7)
    assert {"members", "card/roc", "card/calibration", "card/benchmark", "card/sensitivity",
            "card/stability"} <= set(drawn_up)  # fmt: skip
    shown = drawn_up["card/sensitivity"]
    assert shown.rows[0][0] == "balance_last"
    assert "balance_last" in shown.title
    assert len(drawn_up["card/stability"].rows) == 2  # the calibration quarter and the test's


def test_a_member_without_a_split_leans_on_nothing(rows: Dataset):
    member = trained(rows, drawn(rows, by_balance))
    bare = replace(member, model=replace(member.model, booster=flat(member.model.booster)))
    assert exhibits({"card": bare}, 7)["card/sensitivity"].rows == ()


def flat(booster: xgb.Booster) -> xgb.Booster:
    """A booster of the same width that says one thing of everybody."""
    nothing = xgb.DMatrix(np.zeros((10, booster.num_features()), np.float32), np.arange(10) % 2)
    return xgb.train({"objective": "binary:logistic", "verbosity": 0}, nothing, 1)


def test_the_exported_member_says_of_the_rows_set_aside_what_was_trained(rows: Dataset):
    label = drawn(rows, by_balance)
    member = trained(rows, label)
    bench = Bench.prepare(rows, label, PURCHASE)
    assert bench is not None
    proof = with_proof(member, bench, rows, label, 7).proof
    assert proof is not None
    assert np.array_equal(proof.labels[: proof.tested], label[bench.split.test])
    model = {"members": {"card": member.as_json()}}
    part = exported("propensity", {"model.json": as_json(model), **_graphs({"card": member})})["card"]
    assert part.reads == proof.reads
    assert np.abs(part.score(proof) - proof.said).max() < 1e-6
    assert np.abs(proof.said[: proof.tested] - member.p_test).max() < 1e-12
