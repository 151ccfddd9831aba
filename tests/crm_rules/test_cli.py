import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crm_rules import cli
from crm_rules.errors import InvalidKey, Untrusted
from crm_rules.governance.demo import make_demo


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BANK_HOME", str(tmp_path))
    monkeypatch.setenv("BANK_PROFILE", "demo")
    return tmp_path


def test_rules_are_listed_with_law_and_meaning(home: Path) -> None:
    done = CliRunner().invoke(cli.rules, ["list", "--json"])
    listed = {row["code"]: row for row in json.loads(done.stdout)}
    assert listed["SUIT-01"]["law"] == "NFRA Order 2025-7"
    assert listed["LEND-08"]["effect"] == "person"
    assert "SUIT-01  block" in CliRunner().invoke(cli.rules, ["list"]).stdout


def test_people_are_listed_and_demo_is_said(home: Path) -> None:
    make_demo(home / "trust.json", home / "keys", datetime(2026, 1, 1, tzinfo=UTC))
    done = CliRunner().invoke(cli.people, ["list"])
    assert done.exit_code == 0
    assert "Victor (demo)" in done.stdout
    assert "demo only" in done.stdout


def test_people_without_a_trust_file_is_one_clear_error(home: Path) -> None:
    assert isinstance(CliRunner().invoke(cli.people, ["list"]).exception, Untrusted)


def test_a_new_key_stays_private_and_shows_its_public_part(home: Path) -> None:
    made = CliRunner().invoke(cli.keys, ["new", "eve"])
    shown = CliRunner().invoke(cli.keys, ["show", "eve"])
    assert shown.stdout.strip() in made.stdout
    assert stat.S_IMODE((home / "keys" / "eve.pem").stat().st_mode) == 0o600
    assert isinstance(CliRunner().invoke(cli.keys, ["new", "eve"]).exception, InvalidKey)


def test_an_id_cannot_climb_out_of_the_key_folder(home: Path) -> None:
    assert CliRunner().invoke(cli.keys, ["new", "../eve"]).exit_code == 2
