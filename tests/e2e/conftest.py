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
    """4,000 generated customers, everything promoted and decided."""
    return finished(tmp_path_factory.mktemp("e2e") / "home", "--customers", "4000", "--seed", "7")
