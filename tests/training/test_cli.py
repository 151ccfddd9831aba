from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from training import cli, models_cli

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
