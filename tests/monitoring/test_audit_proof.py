"""The quick form of `make prove-audit`, and that the proof itself can fail."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from crm_rules.database import Row
from crm_rules.governance.append_only import Linked, Walker
from monitoring import log_check
from tests.proofs.audit import LOG, flips, make_ledger, make_log, missed_flips, missed_moves

ROOT = Path(__file__).parents[2]


def test_changes_are_found_and_kills_lose_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.proofs.audit", "quick"],
        cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("audit: ")
    assert done.stdout.endswith(": ok\n")


def test_the_proof_notices_an_audit_that_overlooks_contents(tmp_path: Path) -> None:
    def overlooking(rows: Iterable[Row]) -> Iterator[Linked]:
        return ((*entry[:5], entry[3].hex()) for entry in log_check.linked(rows, LOG))

    chained = make_log(tmp_path, 3)
    assert missed_flips(chained, range(1))[1] == 0
    made, missed = missed_flips(chained._replace(linked=overlooking), range(1))
    assert 0 < missed < made


def test_the_proof_notices_an_audit_that_overlooks_the_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chained = make_ledger(tmp_path, 60)
    assert missed_moves(chained)[1] == 0
    monkeypatch.setattr(Walker, "take", lambda *_: None)
    assert missed_moves(chained)[1] > 0


def test_flips_reach_every_bit() -> None:
    assert len(set(flips(5))) == 64
    assert all(-(2**63) <= value < 2**63 for value in flips(5) if isinstance(value, int))
    assert len(set(flips("ab"))) == 16
    assert list(flips(b"\x00"))[3] == b"\x08"
    assert list(flips(None)) == []
