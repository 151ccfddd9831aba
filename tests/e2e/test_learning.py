"""What a data scientist starts from runs: every notebook, and the fifth model of the guide."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

import bank
from tests.e2e.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
DRIVER = """
import json, runpy, sys, time, traceback  # seconds of the processor: others may be at work
found = {}
for path in sys.argv[2:]:
    began, error = time.process_time(), ""
    try:
        runpy.run_path(path)
    except Exception:
        error = traceback.format_exc()
    found[path] = {"error": error, "seconds": time.process_time() - began}
with open(sys.argv[1], "w") as file:
    json.dump(found, file)
"""


@pytest.fixture(scope="module")
def ran(generated, tmp_path_factory) -> dict[str, dict[str, object]]:
    """All notebooks in one process, which imports its libraries once."""
    found = tmp_path_factory.mktemp("notebooks") / "found.json"
    environment = {**os.environ, "BANK_HOME": str(generated.path), "MPLBACKEND": "Agg",
                   "PYTHONPATH": str(ROOT)}  # fmt: skip
    subprocess.run(
        [sys.executable, "-c", DRIVER, str(found), *map(str, NOTEBOOKS)],
        env=environment, check=True, timeout=600, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    held: dict[str, dict[str, object]] = json.loads(found.read_text())
    return held


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_a_small_bank(ran, notebook):
    assert ran[str(notebook)]["error"] == ""


@pytest.fixture
def home(generated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The generated bank and its features in a home of one's own."""
    for folder in ("raw", "features", "feast"):
        shutil.copytree(generated.path / folder, tmp_path / "home" / folder, copy_function=os.link)
    monkeypatch.setenv("BANK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_guide_s_fifth_model_trains_registers_and_gets_its_card(home, tmp_path):
    from feature_repo.raw.source import Source
    from feature_repo.settings import Settings
    from training.specs import train_spec

    block = re.search(r"```python\n(.*?)```", (ROOT / "training" / "README.md").read_text(), re.DOTALL)
    assert block
    path = tmp_path / "complaint.py"
    path.write_text(block[1])
    spec = importlib.util.spec_from_file_location("complaint", path)
    assert spec
    assert spec.loader
    complaint = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(complaint)
    told: list[str] = []
    settings = Settings()
    result = train_spec(
        complaint.SPEC, settings, Source.read(settings.raw), "dana", datetime(2026, 1, 2, tzinfo=UTC), 7,
        lambda step, found: told.append(step),
    )  # fmt: skip
    assert told == ["contract", "features", "tune", "evaluate", "register"]
    assert result.version == "1"
    said = CliRunner().invoke(bank.app, ["models", "card", "complaint", "--out", str(tmp_path / "card")])
    assert said.exit_code == 0
    assert "Care calls those who will probably complain." in (tmp_path / "card" / "card.en.html").read_text()
    checked = json.loads(CliRunner().invoke(bank.app, ["models", "validate", "complaint", "--json"]).output)
    assert checked["missing"] == {}
