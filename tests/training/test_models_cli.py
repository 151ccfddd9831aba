import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.evidence.binary import binary_exhibits
from training.evidence.lineage import lineage
from training.gates import Gate, at_least
from training.models_cli import models
from training.trained import Account, Note, Trained, Trial
from training.version import NotRegistered

BANK = Source(
    "a bank", "EUR", "2022-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00", "ab" * 32, {"customers": 9}
)
NOTE = (Note("It is said.", "已说明。"),)
CARDS = ["card.en.html", "card.en.md", "card.zh.html", "card.zh.md"]


def trained(value: float, exhibits: bool = True) -> Trained:
    y = (np.arange(400) % 7 == 0).astype(np.int8)
    p = np.clip(y * 0.2 + np.linspace(0, 0.5, 400), 0, 1)
    at = np.arange(400, dtype=np.int64) * 86_400_000_000
    window = {"from": "2025-01-01", "to": "2025-06-30"}
    shown = binary_exhibits("", "Complaints", "投诉", y, p, p, at, window) if exhibits else {}
    return Trained(
        name="complaint", service="propensity_v1", model={"kind": "logistic"}, files={}, reference={},
        metrics={"auc_out_of_time": value, "auc_interval": [value - 0.02, value + 0.02], "baseline_auc": 0.6},
        gates=(at_least("discrimination", "lower bound of AUC", value - 0.02, 0.52),), parameters={},
        window=window,
        chosen="logistic regression", exhibits=shown, trials=(Trial("one", {"c": 1.0}, "AUC", value),),
        account=Account(NOTE, NOTE, NOTE, NOTE) if exhibits else Account(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 1 is the champion, 2 failed its gate and shows little, 3 challenges."""
    from training.registry import Registry

    home = tmp_path_factory.mktemp("home")
    registry = Registry(Settings(home=home))
    made = lineage(BANK, "propensity_v1", "complains", "dana", datetime(2026, 1, 2, tzinfo=UTC), 7)
    for each in (trained(0.70), trained(0.50, exhibits=False), trained(0.80)):
        registry.log(each, made)
    registry.set_champion("complaint", "1")
    return home


@pytest.fixture
def bank(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BANK_HOME", str(home))

    def ask(*arguments: str):
        return CliRunner().invoke(models, list(arguments))

    return ask


def test_the_newest_is_compared_with_the_champion(bank):
    said = bank("compare", "complaint")
    assert said.exit_code == 0
    assert "3 (challenger) against 1 (champion)" in said.output
    figures = "0.8000 [0.7800, 0.8200] 0.7000 [0.6800, 0.7200] +0.1000 better, intervals apart"
    assert figures in " ".join(said.output.split())
    assert "plain baseline" in said.output
    assert said.output.splitlines()[-1].startswith("Next: ")


def test_two_versions_are_compared_beside_the_champion_as_data(bank):
    found = json.loads(bank("compare", "complaint", "--versions", "3,2", "--json").output)
    assert [each["label"] for each in found["versions"]] == ["3 (challenger)", "2", "1 (champion)"]
    row = found["figures"][0]
    assert row["name"] == "AUC out of time"
    assert row["difference"] == pytest.approx(0.3)
    assert [value["value"] for value in row["values"]] == [0.8, 0.5, 0.7]
    assert [gate["passed"] for each in found["versions"] for gate in each["gates"]] == [True, False, True]


def test_a_card_is_four_files_where_they_are_wanted(bank, tmp_path: Path):
    said = bank("card", "complaint", "--out", str(tmp_path / "cards"))
    assert said.exit_code == 0
    assert sorted(file.name for file in (tmp_path / "cards").iterdir()) == CARDS
    assert "0.7000 [0.6800, 0.7200]" in (tmp_path / "cards" / "card.en.html").read_text()


def test_a_card_lies_beside_its_version_from_registration_on(bank):
    files = json.loads(bank("card", "complaint", "--version", "1", "--json").output)["files"]
    assert [Path(file).name for file in files] == CARDS
    assert all(Path(file).exists() for file in files)


def test_the_pack_says_by_name_what_is_missing(bank):
    said = bank("validate", "complaint", "--version", "2")
    assert said.exit_code == 0
    for section in ("Conceptual soundness", "Limits", "Assumptions", "Sensitivity", "Stability", "Benchmark"):
        assert f"missing    {section}" in said.output
    assert "0 of 1 gates passed; 7 missing." in said.output


def test_a_pack_that_lacks_little_says_only_that(bank):
    found = json.loads(bank("validate", "complaint", "--json").output)
    assert list(found["missing"]) == ["sensitivity"]
    assert len(found["files"]) == 4


@pytest.mark.parametrize("arguments", [
    pytest.param(("card", "pricing"), id="card-of-no-model"),
    pytest.param(("validate", "complaint", "--version", "9"), id="pack-of-no-version"),
    pytest.param(("compare", "complaint", "--versions", "1,9"), id="no-such-version-to-compare"),
    pytest.param(("compare", "complaint", "--versions", ","), id="no-version-at-all"),
])  # fmt: skip
def test_what_is_not_registered_is_an_error_that_says_what_is(bank, arguments):
    assert isinstance(bank(*arguments).exception, NotRegistered)


def test_a_fifth_model_has_gates_that_say_what_lacks_and_the_exit_code_says_no(bank):
    said = bank("gates", "complaint", "--pia", "DPIA-2026-14")
    assert said.exit_code == 3
    assert "complaint 3 (challenger), champion 1 (champion)" in said.output
    verdicts = {" ".join(line.split()[:2]) for line in said.output.splitlines() if line[:2] in ("ok", "NO")}
    assert {"NO parity", "NO reproducibility", "NO pack", "ok card", "ok pia", "ok size"} <= verdicts
    assert "no release has a reader for such a part" in said.output


def test_gates_as_data_are_gates(bank):
    found = json.loads(bank("gates", "complaint", "--version", "2", "--json").output)
    assert (found["version"], found["champion"], found["passed"]) == ("2", "1", False)
    gates = [Gate.from_json(each) for each in found["gates"]]
    assert not next(gate for gate in gates if gate.kind == "pia").passed


@pytest.mark.parametrize("command", ["compare", "card", "validate", "gates", "reproduce"])
def test_before_anything_is_registered_no_database_is_made(command, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("BANK_HOME", str(tmp_path))
    said = CliRunner().invoke(models, [command, "complaint"])
    assert said.exit_code == 1
    assert "Nothing is registered yet" in said.output
    assert not list(tmp_path.iterdir())
