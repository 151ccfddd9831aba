"""A few promotions under kills; `make prove-promotion` takes twenty."""

import os
import subprocess
import sys
from pathlib import Path

import bank

ROOT = Path(bank.__file__).parent


def test_killed_promotions_become_live_once_and_everything_verifies() -> None:
    """In a process of its own: it forks children, which a process with threads should not."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.proofs.promotion", "3"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("promotion: 3 promotions, "), done.stderr
    assert done.stdout.endswith(" 0 problems: ok\n")
