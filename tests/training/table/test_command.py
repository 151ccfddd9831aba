import csv
import json

import numpy as np
import pandas as pd
import pytest

from tests.training.table.conftest import loans
from training.table.command import train_on_table
from training.table.errors import NotOnATable, UnlikeTraining
from training.table.options import Task

FIGURES = {"auc", "auc_interval", "ks", "gini", "brier", "ece"}


def test_the_report_holds_every_figure_of_every_model(written, tmp_path, quick):
    task = Task("credit_risk", written(loans()), target="bad", protected="job")
    found = json.loads(train_on_table(task, tmp_path, learns=quick).to_json())
    assert found["n"] == 400
    assert found["split"] == "5-fold"
    assert found["chosen"] == "boosting"
    for model in (found, found["scorecard"], found["boosting"], *found["baseline"].values()):
        assert model.keys() >= FIGURES
        assert model["auc_interval"][0] < model["auc"] < model["auc_interval"][1]
        assert model["gini"] == pytest.approx(2 * model["auc"] - 1, abs=2e-4)
    assert found["scorecard_gap"].keys() >= {"auc", "interval", "within", "meaning"}
    assert {group["group"] for group in found["protected"]["job"]["groups"]} == {"clerk", "cook", "none"}
    assert found["warnings"] == [text for text in found["warnings"] if text.startswith("Adverse impact")]


def test_steps_are_told_in_order_and_the_next_step_comes_last(written, tmp_path, quick):
    told: list[str] = []
    task = Task("propensity", written(loans()), target="bad")
    report = train_on_table(task, tmp_path, lambda step, _: told.append(step), learns=quick)
    assert list(dict.fromkeys(told)) == ["contract", "features", "tune", "calibrate", "evaluate"]
    lines = report.to_text().splitlines()
    assert lines[-1].startswith("Next: ")
    assert {line.split()[0] for line in lines[1:6]} == {"ours", "scorecard", "boosting", "LR", "HGB"}


@pytest.mark.parametrize("split", ["time:0.7", "rows:0.7"])
def test_a_split_in_time_judges_the_later_rows_only(written, tmp_path, quick, split):
    path = written(loans().assign(day=pd.date_range("2020-01-01", periods=400).strftime("%Y-%m-%d")))
    report = train_on_table(Task("propensity", path, "bad", time="day", split=split), tmp_path, learns=quick)
    assert report.rows_judged == 120
    assert report.n == 400


def scored(written, tmp_path, quick, other: pd.DataFrame, more=None, time=None):
    path = written(loans().assign(**more or {}))
    task = Task("credit_risk", path, target="bad", time=time, split="rows:0.7")
    out = tmp_path / "scores.csv"
    report = train_on_table(task, tmp_path, other=written(other, "new.csv"), out=out, learns=quick)
    with out.open(newline="") as file:
        return report, list(csv.DictReader(file))


def test_another_file_is_scored_row_by_row_with_its_ids(written, tmp_path, quick):
    new = loans(50, seed=9).drop(columns="bad").assign(client_id=range(900, 950))
    more = {"client_id": range(400)}
    report, rows = scored(written, tmp_path, quick, new, more=more)
    assert [row["client_id"] for row in rows] == [str(i) for i in range(900, 950)]
    assert [row["row"] for row in rows] == [str(i) for i in range(1, 51)]
    assert all(0 < float(row["probability"]) < 1 for row in rows)
    income = new["income"].rank()
    chance = pd.Series([float(row["probability"]) for row in rows]).rank()
    assert income.corr(chance) < -0.5
    assert json.loads(report.to_json())["scored"]["rows"] == 50


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(
            {"job": "pilot"}, "'job' holds 'pilot' on 50 rows, which training never saw", id="unseen"
        ),
        pytest.param({"income": 1e9}, "'income' lies outside", id="out-of-range"),
        pytest.param({"age": "old"}, "'age' holds 'old'", id="texts-for-numbers"),
        pytest.param({"age": np.nan}, "'age' is missing on 100%", id="gone"),
    ],
)
def test_what_training_never_saw_is_scored_with_a_warning(written, tmp_path, quick, change, said):
    new = loans(50, seed=9).drop(columns="bad").assign(**change)
    report, rows = scored(written, tmp_path, quick, new)
    assert len(rows) == 50
    assert any(said in warning for warning in report.warnings), report.warnings


def test_a_file_that_lacks_a_feature_is_not_scored(written, tmp_path, quick):
    with pytest.raises(UnlikeTraining, match=r"lacks 'job'.*--exclude"):
        scored(written, tmp_path, quick, loans(50)[["income", "age"]])


def test_dates_of_another_file_become_ages_as_in_training(written, tmp_path, quick):
    days = pd.date_range("2020-01-01", periods=400)
    since = pd.Timestamp(2019, 1, 1) + pd.to_timedelta(np.arange(400) % 2, unit="D")
    more = {"day": days.strftime("%Y-%m-%d"), "since": since.strftime("%Y-%m-%d")}
    new = loans(50, seed=9).assign(day="2030-01-01", since="2029-12-31")
    report, rows = scored(written, tmp_path, quick, new, more=more, time="day")
    assert len(rows) == 50
    assert any("'since' lies outside 365 to 763" in warning for warning in report.warnings)


def test_a_model_that_is_none_is_refused_by_name(written, tmp_path):
    with pytest.raises(NotOnATable, match="there are credit_risk, propensity"):
        train_on_table(Task("credit", written(loans())), tmp_path)


@pytest.mark.parametrize("name", ["segmentation", "recommendation"])
def test_rows_without_a_target_are_not_scored(written, tmp_path, name):
    path = written(loans())
    with pytest.raises(NotOnATable, match="cannot --score"):
        train_on_table(Task(name, path), tmp_path, other=path, out=tmp_path / "out.csv")


def test_a_run_that_is_repeated_goes_on_from_the_trials_it_finds(written, tmp_path):
    task = Task("credit_risk", written(loans(160)), target="bad", split="rows:0.6", trials=2)
    first = train_on_table(task, tmp_path).to_json()
    (journal,) = (tmp_path / "studies" / "table").rglob("*.jsonl")
    trials = journal.read_text().splitlines()
    assert len(trials) == 2
    journal.write_text(trials[0] + "\n")  # as if the run had ended after one trial
    assert train_on_table(task, tmp_path).to_json() == first
    assert journal.read_text().splitlines() == trials
