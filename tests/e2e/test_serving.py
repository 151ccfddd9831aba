"""`bank serve` and `bank stop` as a person uses them, in processes of their own."""

import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serving.auth import EVERY_SCOPE, issue, token_key
from serving.bootstrap.edge import now
from serving.supervisor.held import holder
from tests.conftest import make_tiny
from tests.proofs import growth, kills
from tests.proofs.served import NBA, ROOT, Bank, children, free_port, gone

MANY = [{"customer_id": name} for name in ("ann", "ben", "cat", "dan")] * 250


def bank(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BANK_HOME": str(home), "BANK_PROFILE": "demo", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, str(ROOT / "bank.py"), *words], env=environment, cwd=home,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    make_tiny(tmp_path)
    yield tmp_path
    bank(tmp_path, "stop")


def test_a_service_behind_is_one_a_home_keeps_its_size_and_ends_in_order(home: Path) -> None:
    port = free_port()
    began = bank(home, "serve", "--background", "--workers", "2", "--port", str(port), "--no-events")
    assert began.returncode == 0, began.stderr
    assert f"http://127.0.0.1:{port} with 2 worker(s)" in began.stdout
    served = Bank(home, port, 2, issue(token_key(home / "keys"), "app", EVERY_SCOPE, 1, now()))
    assert served.ask(NBA, {"customer_id": "ann"})[0] == 200
    assert 'bank_decisions_total{outcome="offered"' in served.ask("/metrics")[1]
    processes = [served.supervisor(), *served.worker_ids()]
    assert len(processes) == 3
    for name in ("serve.json", "serve.log"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
    kept = growth.measure(served, ["ann", "ben", "cat", "dan"], 400)
    assert kept.end_files <= kept.warm_files + growth.MOST_FILES
    assert kept.end_mb < growth.MOST_MB
    assert not {status for status in kept.statuses if status == 0 or status >= 500}
    again = bank(home, "serve", "--port", str(free_port()))
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    assert f"served already, by process {processes[0]} on port {port}" in again.stderr
    asked = ThreadPoolExecutor(1).submit(served.ask, f"{NBA}:batch", {"items": MANY})
    time.sleep(0.2)  # it is being answered by now
    stopped = bank(home, "stop")
    status, said = asked.result()
    assert (status, len(said["items"])) == (200, len(MANY))
    assert "finished its answers and ended" in stopped.stdout
    assert gone(processes)
    assert holder(home) is None
    assert bank(home, "stop").stdout.startswith("Nothing serves")


def test_a_service_that_cannot_start_behind_says_why(home: Path) -> None:
    [card] = home.glob("releases/*/parts/propensity/card.onnx")
    card.write_bytes(card.read_bytes()[:-1] + b"\x00")
    began = bank(home, "serve", "--background", "--port", str(free_port()), "--no-events")
    assert began.returncode == 1
    assert "card.onnx" in began.stderr
    assert "serve.log" in began.stderr
    assert holder(home) is None


def test_a_worker_that_bentoml_started_ends_with_its_parent(home: Path) -> None:
    environment = {
        **os.environ, "BANK_HOME": str(home), "BENTOML_HOME": str(home / "b"), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    port = free_port()
    command = [sys.executable, "-m", "bentoml", "serve", "serving.service:BankService", "--port", str(port)]
    server = subprocess.Popen(
        command, env=environment, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    served = Bank(home, port, 1, "", process=server)
    (home / "served.log").touch()
    try:
        served.until_ready()
        workers = children(server.pid)
    finally:
        server.kill()
        server.wait(10)
    assert workers
    assert kills.soon(lambda: gone(workers), kills.LEAVES_WITHIN)


def test_kills_lose_no_decision_and_leave_nobody(tmp_path: Path) -> None:
    found = kills.prove(tmp_path, [kills.one_worker, kills.the_supervisor], workers=1)
    assert found.holds, found
