"""The scoring service under load: a next best action against an empty endpoint, and against the plain way.

The empty endpoint is a POST in the same service, behind the same gate with the same token. Sides take turns
in one run; a ratio is the median over pairs of neighbours. Needs a BANK_HOME with a current release
(`make run`), of which it serves a copy.
"""

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from feature_repo.settings import Settings
from monitoring.batch_log import read
from serving.auth import EVERY_SCOPE, issue, token_key
from serving.bootstrap.edge import now
from serving.deciding import next_best_action
from tests.benchmarks.load import EMPTY, RAW
from tests.benchmarks.plain_way import plain_rate

ROOT = Path(__file__).parents[2]
NBA = "/v1/decisions/next-best-action"
CONNECTIONS, CUSTOMERS = 32, 2_000
LIMITS = {"decision_rate": 0.40, "plain_rate": 50.0, "tail": 3.0}
LARGER_IS_WORSE = ("tail",)
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Served:
    """A bank served on a port by one worker, and what is asked of it."""

    port: int
    worker: int
    token: str
    customers: Sequence[str]

    def ask(self, path: str, seconds: float, rate: float = 0.0) -> dict[str, Any]:
        """What a client saw who asked for so long, at a rate or as fast as answers came."""
        asked = [[path, {"customer_id": name}] for name in self.customers]
        wanted = {
            "port": self.port, "token": self.token, "asked": asked, "connections": CONNECTIONS,
            "seconds": seconds, "rate": rate,
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.load"], input=json.dumps(wanted), text=True,
            stdout=subprocess.PIPE, cwd=ROOT, timeout=seconds + 60, check=True,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(done.stdout)
        if found["statuses"].keys() - {"200"}:
            raise RuntimeError(f"{path} answered {found['statuses']}")
        return found

    @property
    def cpu(self) -> float:
        """Seconds of processor time the worker has used."""
        fields = Path(f"/proc/{self.worker}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


def run(quick: bool) -> dict[str, object]:
    """Measure on a copy of BANK_HOME."""
    settings = Settings()
    payloads = read(settings.decisions, next_best_action.USE_CASE)
    customers = [json.loads(payload)["customer_id"] for payload in payloads][:CUSTOMERS]
    pairs, seconds = (5, 1.0) if quick else (9, 2.0)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(shutil.copytree(settings.home, Path(folder) / "bank", ignore=_not_needed))
        with served(home, customers) as service:
            rates = _rates(service, pairs, seconds)
            tails = _tails(service, pairs, seconds, rates)
        plain = plain_rate(settings, customers[:50], seconds=4.0 if quick else 10.0)
    ratios = {
        "decision_rate": _median(
            a["rate"] / b["rate"] for a, b in zip(rates[NBA], rates[EMPTY], strict=True)
        ),
        "decision_rate_raw": _median(
            a["rate"] / b["rate"] for a, b in zip(rates[NBA], rates[RAW], strict=True)
        ),
        "plain_rate": round(_rate(rates[NBA]) / plain, 1),
        "tail": _median(a["p99"] / b["p99"] for a, b in zip(tails[NBA], tails[EMPTY], strict=True)),
    }
    figures = {
        "decisions_s": round(_rate(rates[NBA])),
        "empty_s": round(_rate(rates[EMPTY])),
        "empty_raw_s": round(_rate(rates[RAW])),
        "plain_s": round(plain, 2),
        "decision_cpu_us": round(statistics.median(each["cpu_us"] for each in rates[NBA])),
        "empty_cpu_us": round(statistics.median(each["cpu_us"] for each in rates[EMPTY])),
        "p50_ms": _ms(tails[NBA], "p50"),
        "p99_ms": _ms(tails[NBA], "p99"),
        "empty_p99_ms": _ms(tails[EMPTY], "p99"),
    }
    holds = [
        ratios[n] <= limit if n in LARGER_IS_WORSE else ratios[n] >= limit for n, limit in LIMITS.items()
    ]
    return {
        "bench": "serving", "n": len(customers), "figures": figures, "ratios": ratios, "limits": LIMITS,
        "holds": all(holds),
    }  # fmt: skip


@contextmanager
def served(home: Path, customers: Sequence[str]) -> Iterator[Served]:
    """One worker with the empty endpoints, on a free port; ended by its own id."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = os.environ | {
        "BANK_HOME": str(home), "BENTOML_HOME": str(home / "bento"), "PYTHONPATH": str(ROOT),
        "BANK_RATE_PER_SECOND": "100000", "BANK_RATE_BURST": "1000000",  # one client is the whole load
    }  # fmt: skip
    command = [sys.executable, "-m", "bentoml", "serve", "tests.benchmarks.with_empty:BankService"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with (home / "server.log").open("wb") as said:
        server = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=said, stderr=said)
    token = issue(token_key(home / "keys"), "bench", EVERY_SCOPE, 1, now())
    try:
        _until_ready(server, port, home / "server.log")
        yield Served(port, _worker(server.pid), token, customers)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _until_ready(server: subprocess.Popen[bytes], port: int, said: Path) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        if server.poll() is not None:
            raise RuntimeError(f"the service ended: {said.read_text()[-500:]}")
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"the service was not ready within a minute: {said.read_text()[-500:]}")


def _worker(parent: int) -> int:
    """The process that answers: the one below the server that has used most time, or the server itself."""
    below = [parent]
    for pid in below:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        below += [int(child) for child in children]
    return max(below, key=_rss)


def _rss(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])


def _rates(service: Served, pairs: int, seconds: float) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {NBA: [], EMPTY: [], RAW: []}
    for turn in range(pairs + 1):
        for path, told in found.items():
            before = service.cpu
            seen = service.ask(path, seconds)
            if turn:  # the first turn warms
                told.append(seen | {"cpu_us": (service.cpu - before) / seen["good"] * 1e6})
    return found


def _tails(
    service: Served, pairs: int, seconds: float, rates: dict[str, list[dict[str, Any]]]
) -> dict[str, list[dict[str, Any]]]:
    """At half of what each sustains, the latency counted from when a question was due."""
    found: dict[str, list[dict[str, Any]]] = {NBA: [], EMPTY: []}
    for _ in range(pairs):
        for path, told in found.items():
            told.append(service.ask(path, 2 * seconds, _rate(rates[path]) / 2))
    return found


def _rate(seen: Sequence[dict[str, Any]]) -> float:
    return statistics.median(each["rate"] for each in seen)


def _median(ratios: Iterator[float]) -> float:
    return round(statistics.median(ratios), 3)


def _ms(seen: Sequence[dict[str, Any]], name: str) -> float:
    return round(1_000 * statistics.median(each[name] for each in seen), 2)


def _not_needed(folder: str, names: list[str]) -> set[str]:
    return {"mlflow", "raw", "truth", "features", "studies", "reports", "bento"} & set(names)
