"""What starting costs: `bank --help`, the first answer beside an empty BentoML service, a worker's memory.

Needs a BANK_HOME with a current release (`bank run`) that is not served. Both services are started in
turn, each from nothing to its first answer; figures are medians of the pairs.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from feature_repo.settings import Settings
from monitoring.batch_log import read
from serving.auth import EVERY_SCOPE, issue, token_key
from serving.bootstrap.edge import now
from serving.deciding import next_best_action
from tests.proofs.served import NBA, PATIENCE, ROOT, Bank, free_port, resident_mb

LIMITS = {"first_answer": 1.5, "help_s": 0.6, "worker_mb": 400.0}
WARM = 2_000
EMPTY = """
import bentoml

@bentoml.service(workers=1, http={"host": "127.0.0.1"})
class Empty:
    @bentoml.api
    def hello(self) -> str:
        return "hello"
"""


def run(quick: bool) -> dict[str, object]:
    """Start both in turn; seconds, the ratio of first answers, and megabytes."""
    settings = Settings()
    pairs = 2 if quick else 5
    payload = next(iter(read(settings.decisions, next_best_action.USE_CASE)))
    body = {"customer_id": json.loads(payload)["customer_id"]}
    ours, empty, helped = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "empty.py").write_text(EMPTY)
        for _ in range(pairs):
            empty.append(_empty(Path(folder)))
            seconds, memory = _ours(settings, body, WARM // (4 if quick else 1))
            ours.append(seconds)
            helped.append(_help())
    figures = {
        "help_s": round(statistics.median(helped), 3),
        "first_answer_s": round(statistics.median(ours), 2),
        "empty_first_answer_s": round(statistics.median(empty), 2),
        "worker_mb": round(memory, 1),
    }
    ratio = round(statistics.median(a / b for a, b in zip(ours, empty, strict=True)), 3)
    measured = {"first_answer": ratio, **figures}
    return {
        "bench": "startup",
        "n": pairs,
        "figures": figures,
        "ratios": {"first_answer": ratio},
        "limits": LIMITS,
        "holds": all(measured[name] <= limit for name, limit in LIMITS.items()),
    }


def _help() -> float:
    started = time.perf_counter()
    command = [sys.executable, str(ROOT / "bank.py"), "--help"]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    return time.perf_counter() - started


def _ours(settings: Settings, body: dict[str, str], warm: int) -> tuple[float, float]:
    """Seconds to the first decision, and the worker's megabytes after some thousand of them."""
    token = issue(token_key(settings.keys), "bench", EVERY_SCOPE, 1, now())
    bank = Bank(settings.home.absolute(), free_port(), 1, token)
    started = time.perf_counter()
    bank.start()
    try:
        _until(lambda: bank.ask(NBA, body)[0] == 200)
        seconds = time.perf_counter() - started
        for _ in range(warm):
            bank.ask(NBA, body)
        return seconds, resident_mb(bank.worker_ids()[0])
    finally:
        bank.end()


def _empty(folder: Path) -> float:
    port = free_port()
    command = [sys.executable, "-m", "bentoml", "serve", "empty:Empty", "--port", str(port)]
    environment = os.environ | {"BENTOML_HOME": str(folder / "home")}
    started = time.perf_counter()
    server = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _until(lambda: _hello(port))
        return time.perf_counter() - started
    finally:
        server.terminate()
        server.wait(30)


def _hello(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", "/hello", "{}", {"Content-Type": "application/json"})
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no answer within {PATIENCE} s")
        time.sleep(0.02)
