import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from training import cli

bank = typer.Typer()
bank.add_typer(cli.train, name="train")
bank.add_typer(cli.models, name="models")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("BANK_HOME", str(tmp_path))
    return tmp_path


def test_training_before_anything_is_loaded_says_so_and_how_to_go_on():
    said = CliRunner().invoke(bank, ["train", "segmentation", "--json", "--seed", "3"])
    assert said.exit_code == 1
    assert "bank data make" in said.output
    assert "Traceback" not in said.output


def test_listing_before_anything_is_registered_makes_no_database(home: Path):
    said = CliRunner().invoke(bank, ["models", "list"])
    assert said.exit_code == 0
    assert "Nothing is registered yet" in said.output
    assert not list(home.iterdir())


def test_listing_as_data_is_one_json_object():
    assert CliRunner().invoke(bank, ["models", "list", "--json"]).output == '{"models": []}\n'


def loans(path: Path) -> Path:
    rows = [f"{i % 7},{i % 3},{'bad' if (i * 7919) % 10 < i % 7 else 'good'}" for i in range(120)]
    path.write_text("income,job,state\n" + "\n".join(rows) + "\n")
    return path


def test_one_table_is_enough_to_train(tmp_path: Path):
    table = loans(tmp_path / "loans.csv")
    asked = ["train", "credit_risk", "--table", str(table), "--target", "state", "--split", "rows:0.6"]
    said = CliRunner().invoke(bank, [*asked, "--trials", "1", "--json"])
    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)
    assert {"n", "target_rate", "split", "chosen", "auc", "auc_interval", "ks", "gini", "brier", "ece",
            "scorecard", "boosting", "baseline", "warnings"} <= found.keys()  # fmt: skip
    assert (found["n"], found["event"], found["split"]) == (120, "bad", "rows:0.6")


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        pytest.param(["--target", "stat"], 1, "Did you mean 'state'", id="no-such-column"),
        pytest.param([], 1, "--target", id="no-target"),
        pytest.param(["--target", "income"], 1, "--positive", id="seven-values"),
        pytest.param(["--target", "state", "--split", "7-fold"], 1, "5-fold, time:0.7", id="no-such-split"),
        pytest.param(["--target", "state", "--score", "new.csv"], 2, "--out", id="score-without-out"),
    ],
)
def test_a_wish_that_cannot_be_met_is_one_sentence(tmp_path: Path, options, code, words):
    table = loans(tmp_path / "loans.csv")
    said = CliRunner().invoke(bank, ["train", "credit_risk", "--table", str(table), *options])
    assert said.exit_code == code
    assert words in said.output
    assert "Traceback" not in said.output


def test_options_of_a_table_without_a_table_are_a_usage_error():
    said = CliRunner().invoke(bank, ["train", "credit_risk", "--target", "state"])
    assert said.exit_code == 2
    assert "--table" in said.output
