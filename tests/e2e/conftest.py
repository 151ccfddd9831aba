"""A finished run of the main job, once for all end-to-end tests."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import bank
from crm_rules.governance.turns import alone

ROOT = Path(bank.__file__).parent


@dataclass(frozen=True)
class Home:
    """A BANK_HOME and what the run that made it printed."""

    path: Path
    printed: dict[str, Any]

    def bank(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on this home."""
        return command(self.path, *arguments)


def command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BANK_HOME": str(home), "BANK_PROFILE": "demo"}
    return subprocess.run(
        [sys.executable, str(ROOT / "bank.py"), *arguments],
        env=environment, cwd=home.parent, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def finished(home: Path, *arguments: str) -> Home:
    done = command(home, "run", "--no-serve", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return Home(home, json.loads(done.stdout))


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """4,000 generated customers, everything promoted and decided; made once for all processes of a run."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "generated"
    home, printed = shared / "home", shared / "printed.json"
    shared.mkdir(exist_ok=True)
    with alone(shared):
        if not printed.exists():
            made = finished(home, "--customers", "4000", "--seed", "7")
            printed.write_text(json.dumps(made.printed))
    return Home(home, json.loads(printed.read_text()))
