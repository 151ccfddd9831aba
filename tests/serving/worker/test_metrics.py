"""Figures of workers: sums over all of them, going on after a restart, with few labels."""

import os
import subprocess
import sys
from pathlib import Path

from serving.worker.metrics import MOST_LABELS, UNKNOWN, Metrics
from tests.proofs.served import ROOT

WORKER = """
import sys
from serving.worker.metrics import Metrics, counting_as
metrics = Metrics({"/v1/status"}, shared=counting_as(int(sys.argv[1])))
metrics.responded("/v1/status", 200, 0.002)
metrics.serving("a" * 64)
metrics.spooled(3)
print(metrics.text().decode())
"""


def worker(folder: Path, number: int) -> list[str]:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WORKER, str(number)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()


def test_any_worker_tells_the_sum_and_one_that_was_started_again_counts_on(tmp_path: Path) -> None:
    for number in (1, 2):
        worker(tmp_path, number)
    told = worker(tmp_path, 1)
    assert 'bank_requests_total{route="/v1/status",status="200"} 3.0' in told
    assert 'bank_request_seconds_count{route="/v1/status"} 3.0' in told
    assert f'bank_release_info{{release="{"a" * 16}"}} 1.0' in told
    assert "bank_spool_records 6.0" in told
    assert len(list(tmp_path.glob("counter_*.db"))) == 2


def test_labels_stay_few_whatever_is_asked() -> None:
    metrics = Metrics({"/v1/status"})
    for number in range(1_000):
        metrics.responded(f"/v1/customers/{number}", 404, 0.001)
        metrics.decided("credit", f"outcome-{number}", [f"part-{number}"])
    told = metrics.text().decode()
    assert told.count("bank_requests_total{") == 1
    assert told.count("bank_decisions_total{") == MOST_LABELS + 1
    assert told.count("bank_degraded_total{") == MOST_LABELS + 1
    assert f'outcome="{UNKNOWN}"' in told


def test_another_release_takes_the_place_of_the_one_before() -> None:
    metrics = Metrics(())
    metrics.serving("a" * 64)
    metrics.serving("b" * 64)
    told = metrics.text().decode()
    assert f'{{release="{"a" * 16}"}} 0.0' in told
    assert f'{{release="{"b" * 16}"}} 1.0' in told
