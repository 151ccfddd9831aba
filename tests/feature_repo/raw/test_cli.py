import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feature_repo.cli import data
from feature_repo.errors import MissingColumns


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BANK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_make_tells_rows_and_the_next_step(home: Path):
    said = CliRunner().invoke(data, ["make", "--customers", "60", "--seed", "1", "--months", "6"])
    assert said.exit_code == 0, said.output
    assert "generated: 2025-07-01 to 2026-01-01, CNY" in said.output
    assert said.output.rstrip().endswith("next: bank features build")
    assert (home / "raw" / "source.json").exists()
    assert (home / "truth" / "truth.json").exists()


def test_ingest_reads_a_folder_and_prints_the_source_as_json(home: Path, files: Path):
    said = CliRunner().invoke(data, ["ingest", str(files), "--json"])
    assert said.exit_code == 0, said.output
    assert json.loads(said.output)["rows"]["bookings"] == 3


def test_a_broken_table_ends_the_command_with_an_error_of_ours(home: Path, files: Path):
    shutil.copy(files / "accounts.csv", files / "bookings.csv")
    said = CliRunner().invoke(data, ["ingest", str(files)])
    assert said.exit_code == 1
    assert isinstance(said.exception, MissingColumns)


def test_make_tells_of_a_shock_in_the_truth_and_says_nothing_else_with_json(home: Path):
    asked = ["make", "--customers", "40", "--months", "6", "--shock", "recession", "--shock-from", "2"]
    said = CliRunner().invoke(data, [*asked, "--json"])
    assert said.exit_code == 0, said.output
    assert json.loads(said.output)["name"] == "generated"
    story = json.loads((home / "truth" / "truth.json").read_text())
    assert story["shock"] == {"name": "recession", "from": "2025-11-01"}


@pytest.mark.parametrize("asked", [
    pytest.param(["--shock", "flood"], id="no-such-shock"),
    pytest.param(["--shock-from", "0"], id="no-month"),
    pytest.param(["--seed", "-1"], id="negative-seed"),
])  # fmt: skip
def test_make_refuses_what_it_cannot_do_as_wrong_usage(home: Path, asked: list[str]):
    said = CliRunner().invoke(data, ["make", *asked])
    assert said.exit_code == 2
    assert not home.exists()
