import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feature_repo.features.cli import features
from feature_repo.features.columns import COLUMNS, VIEWS
from feature_repo.packed_rows import PackedRows
from feature_repo.settings import Settings

Bank = Callable[..., Path]
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Feast leaves its metrics files open
]


def test_the_list_names_every_feature_and_what_it_is_for() -> None:
    shown = json.loads(CliRunner().invoke(features, ["list", "--json"]).stdout)
    assert [feature["name"] for feature in shown] == list(COLUMNS)
    age = next(f for f in shown if f["name"] == "age_years")
    assert (age["owner"], age["purposes"], age["protected"], age["proxy"]) == (
        "customer data", ["service"], True, False,
    )  # fmt: skip
    text = CliRunner().invoke(features, ["list", "--view", "credit"]).stdout
    assert text.count("\n") == len(VIEWS["credit"]) + 1
    assert text.count(" lending ") == len(VIEWS["credit"])
    assert text.count(" credit marketing service ") == len(VIEWS["credit"])
    assert " proxy " in CliRunner().invoke(features, ["list", "--view", "life"]).stdout
    assert CliRunner().invoke(features, ["list", "--view", "weather"]).exit_code == 2


def test_build_and_apply_leave_what_training_and_scoring_read(
    bank: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank()
    monkeypatch.setenv("BANK_HOME", str(tmp_path))
    built = CliRunner().invoke(features, ["build", "--snapshots", "2", "--json"])
    report = json.loads(built.stdout)
    assert report["rows"] == dict.fromkeys(VIEWS, 2)
    assert report["left_out"]["bureau_score"] == ["bureau"]
    with PackedRows.open(Settings().online) as rows:
        assert rows.read(["ann"]).found.tolist() == [True]
        assert tuple(rows.columns()) == tuple(VIEWS)
    applied = CliRunner().invoke(features, ["apply"])
    assert applied.exit_code == 0
    assert "credit_risk_v1" in applied.stdout


def test_materialize_and_freshness_say_what_came_and_how_old_it_is(
    bank: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank()
    monkeypatch.setenv("BANK_HOME", str(tmp_path))
    for command in (["build", "--snapshots", "2"], ["apply"]):
        assert CliRunner().invoke(features, command).exit_code == 0
    end = json.loads(CliRunner().invoke(features, ["freshness", "--json"]).stdout)["views"][0]["newest"]
    assert "the first" not in CliRunner().invoke(features, ["materialize"]).stdout
    Settings().online.unlink()
    brought = json.loads(CliRunner().invoke(features, ["materialize", "--end", end[:10], "--json"]).stdout)
    assert brought["views"] == [{"view": view, "since": None, "customers": 1} for view in VIEWS]
    late = datetime.fromisoformat(end) + timedelta(days=10)
    asked = ["freshness", "--as-of", f"{late:%Y-%m-%d}", "--limit-days"]
    [view, *_] = json.loads(CliRunner().invoke(features, [*asked, "9", "--json"]).stdout)["views"]
    assert (view["rows"], view["median_age_days"], view["stale"]) == (1, 10.0, 1.0)
    shown = CliRunner().invoke(features, [*asked, "11"]).stdout
    assert "median 10.0 days old, 0.0% over 11 days" in shown
    assert "Next: bank features materialize" in shown
