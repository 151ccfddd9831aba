import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
import typer
from typer.testing import CliRunner

from crm_rules.governance import keys, proposals
from crm_rules.governance.demo import key_path, make_demo
from crm_rules.governance.session import Signer, open_session
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training import cli, models_cli, specs
from training.gates import at_least
from training.run import Run
from training.spec import ModelSpec
from training.trained import Trained

bank = typer.Typer()
bank.add_typer(cli.train, name="train")
bank.add_typer(models_cli.models, name="models")


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


def a_model(run: Run) -> Trained:
    run.tell("tune", "nothing to tune")
    return Trained(
        name="complaint", service="propensity_v1", model={}, files={}, reference={}, metrics={"ks": 0.4},
        gates=(at_least("discrimination", "KS", 0.4, 0.5),), parameters={},
        window={"from": "2025-01-01", "to": "2025-06-30"},
        chosen="a coin", warnings=("a column is constant",),
    )  # fmt: skip


@pytest.fixture
def loaded(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Raw tables and features are there, and one model that is trained at once."""
    (home / "raw").mkdir()
    Source("a bank", "EUR", "2024-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00", "ab" * 32,
           {"customers": 1200}).write(home / "raw")  # fmt: skip
    (home / "features" / "profile").mkdir(parents=True)
    (home / "features" / "profile" / "part.parquet").touch()
    (home / "feast").mkdir()
    module = ModuleType("a_model")
    module.SPEC = ModelSpec("complaint", "propensity_v1", "who complains", a_model)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "a_model", module)
    monkeypatch.setattr(specs, "MODELS", {"complaint": "a_model"})
    return home


def test_training_prints_its_steps_then_gates_beside_limits_then_what_next(loaded):
    said = CliRunner().invoke(bank, ["train", "complaint"])
    assert said.exit_code == 3  # a gate said no
    steps = [line.split()[0] for line in said.stdout.splitlines()]
    assert steps[:3] == ["contract", "tune", "register"]
    assert "a bank abababababab, rows: 1,200 customers; 2024-01-01 to 2026-01-01" in said.stdout
    assert "NO  KS    0.4000  limit 0.5000" in said.stdout
    assert "warning: a column is constant" in said.stdout
    assert steps[-1] == "Next:"


def test_as_data_only_the_result_is_on_stdout_and_the_champion_is_beside_it(loaded):
    from training.registry import Registry

    CliRunner().invoke(bank, ["train", "complaint"])
    Registry(Settings()).follow({"complaint": "1"})
    said = CliRunner().invoke(bank, ["train", "complaint", "--json"])
    assert json.loads(said.stdout)["version"] == "2"
    assert "beside champion 1: KS 0.4000 (0.4000)" in said.stderr


@pytest.mark.parametrize(("removed", "name", "found"), [
    pytest.param("feast", "complaint", "bank features build", id="features-not-built"),
    pytest.param("raw", "complaint", "bank data make", id="nothing-loaded"),
    pytest.param(None, "pricing", "Choose one of complaint", id="no-such-model"),
])  # fmt: skip
def test_what_is_missing_is_said_before_anything_heavy_is_loaded(loaded, removed, name, found, monkeypatch):
    if removed:
        shutil.rmtree(loaded / removed)
    monkeypatch.setattr(specs, "train_model", lambda *_: pytest.fail("it went on to train"))
    said = CliRunner().invoke(bank, ["train", name])
    assert said.exit_code == 1
    assert found in said.output
    assert "Traceback" not in said.output


def test_a_run_is_by_who_is_logged_in_and_in_the_demo_by_its_scientist(loaded, monkeypatch):
    at = datetime.now(UTC) - timedelta(minutes=1)
    settings, authors = Settings(), []
    real = specs.train_model
    monkeypatch.setattr(specs, "train_model", lambda *a: authors.append(a[3]) or real(*a))
    CliRunner().invoke(bank, ["train", "complaint"])
    trust = make_demo(settings.trust_file, settings.keys, at)
    CliRunner().invoke(bank, ["train", "complaint"])
    key = keys.load(key_path(settings.keys, "victor"))
    open_session(settings.session, Signer(trust.person("victor"), key), at)
    CliRunner().invoke(bank, ["train", "complaint"])
    open_session(settings.session, Signer(trust.person("ada"), key), at)
    said = CliRunner().invoke(bank, ["train", "complaint"])
    assert (said.exit_code, authors) == (1, ["dana", "dana", "victor"])
    assert "not signed with a key of 'ada'" in said.output


def test_in_a_bank_nobody_trains_unnamed(loaded, monkeypatch):
    monkeypatch.setenv("BANK_PROFILE", "bank")
    settings, at = Settings(), datetime.now(UTC)
    monkeypatch.setattr(specs, "train_model", lambda *_: pytest.fail("it went on to train"))
    assert "is not there" in CliRunner().invoke(bank, ["train", "complaint"]).output
    signing = {name: keys.generate(key_path(settings.keys, name)) for name in ("ada", "amir")}
    publics = {name: keys.public(key) for name, key in signing.items()}
    desk = proposals.Desk.of(settings)
    proposals.found(desk, publics, "ada", signing["ada"], at)
    proposals.countersign(desk, proposals.waiting(desk), "amir", signing["amir"], at)
    said = CliRunner().invoke(bank, ["train", "complaint"])
    assert said.exit_code == 1
    assert "bank login" in said.output


def test_asking_what_there_is_to_learn_from_loads_no_training_library():
    heavy = "{'mlflow', 'feast', 'xgboost', 'sklearn', 'pandas', 'duckdb', 'optuna'}"
    code = f"import sys, training.specs; sys.exit(str({heavy} & set(sys.modules) or '') or 0)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


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
