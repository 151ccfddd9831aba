"""`bank decisions`: what was decided, by a person at a terminal."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from bank import app
from monitoring.batch_log import BatchLog
from monitoring.decision_log import DecisionLogs
from tests.monitoring.test_export import NOVEMBER, told


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A decision in a log, and one in a batch."""
    monkeypatch.setenv("BANK_HOME", str(tmp_path))
    logs = DecisionLogs(tmp_path / "decisions", tmp_path / "heads")
    log = logs.open("worker-1")
    log.append([told("n1", NOVEMBER)])
    log.close()
    with BatchLog(logs, "nightly", NOVEMBER) as batch:
        batch.append([told("b1", NOVEMBER)])
    return tmp_path


def run(*words: str, code: int = 0) -> str:
    found = CliRunner().invoke(app, ["decisions", *words])
    assert found.exit_code == code, found.output
    return found.output


@pytest.mark.parametrize("decision_id", ["n1", "b1"])
def test_a_decision_is_shown_wherever_it_is(home: Path, decision_id: str) -> None:
    record: dict[str, Any] = json.loads(run("show", decision_id))
    assert record["decision_id"] == decision_id


def test_a_month_is_exported_and_said_again(home: Path) -> None:
    out = ["export", "--month", "2026-11", "--out", str(home / "out")]
    assert "2 decisions; 0 erased" in run(*out)
    assert "unchanged since it was written" in run(*out)
    assert json.loads(run(*out, "--json"))["decisions"] == 2
    assert pq.read_metadata(home / "out" / "decisions-2026-11.parquet").num_rows == 2


def test_an_altered_decision_is_told_at_the_end(home: Path) -> None:
    log = DecisionLogs(home / "decisions", home / "heads").open("worker-1")
    log._database.ask("UPDATE payloads SET customer_id = 'bob'")
    log.close()
    said = run("export", "--month", "2026-11", "--out", str(home / "out"), code=3)
    assert "1 are NOT as they were written" in said
    assert "entry 1 (n1): its content was altered" in run("verify", code=3)
