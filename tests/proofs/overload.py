"""Three times what a served bank can answer, for a minute: who is admitted is answered in time, others told.

Questions come at a fixed rate over many connections, whatever comes back. Every answer is a decision, or a
429 or 503 that says when to ask again; nothing else, and no connection is lost. Afterwards the service
answers as before. Runs on a tiny bank of its own, on
loopback. `python -m tests.proofs.overload [SECONDS]`.
"""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import make_tiny
from tests.proofs.served import NBA, ROOT, Bank, served

SECONDS, TIMES = 60.0, 3.0
CONNECTIONS = 800
HELD = (
    1.0  # seconds: what the slowest hundredth of the admitted may take, or ten times what it takes in peace
)
BACK = 10.0  # seconds until it is as before


@dataclass(frozen=True)
class Outcome:
    """What a run found; times in seconds."""

    seconds: float
    capacity: float
    before: dict[str, Any]
    during: dict[str, Any]
    back: float | None

    @property
    def refused(self) -> int:
        return sum(self.during["statuses"].get(status, 0) for status in ("429", "503"))

    @property
    def others(self) -> dict[str, int]:
        return {name: n for name, n in self.during["statuses"].items() if name not in ("200", "429", "503")}

    @property
    def holds(self) -> bool:
        told = self.during["retry_after"] == self.refused > 0 and not self.others
        return told and self.during["p99"] <= max(HELD, 10 * self.before["p99"]) and self.back is not None

    def __str__(self) -> str:
        back = "not within" if self.back is None else f"{self.back:.1f} s, within"
        return (
            f"overload: {self.during['asked'] / self.seconds:.0f} questions a second where "
            f"{self.capacity:.0f} can be answered: "
            f"{self.during['good']:,} answered (median {1_000 * self.during['p50']:.0f} ms, p99 "
            f"{1_000 * self.during['p99']:.0f} ms; in peace {1_000 * self.before['p99']:.0f} ms), "
            f"{self.refused:,} refused, each with Retry-After, {sum(self.others.values())} anything else; "
            f"as before {back} {BACK:.0f} s: {'ok' if self.holds else 'MISS'}"
        )


def run(home: Path, customers: list[str], seconds: float) -> Outcome:
    """Overload a bank served from that home for so long."""
    with served(home) as bank:
        load(bank, customers, 2.0, connections=32)  # warms
        capacity = load(bank, customers, 5.0, connections=32)["rate"]
        before = load(bank, customers, 5.0, capacity / 2)
        offered = TIMES * capacity
        during = load(bank, customers, seconds, offered)
        ended = time.monotonic()
        return Outcome(seconds, capacity, before, during, _back(bank, customers, capacity, before, ended))


def _back(
    bank: Bank, customers: list[str], capacity: float, before: dict[str, Any], ended: float
) -> float | None:
    """Seconds until half of the capacity is answered as it was before; None when that took too long."""
    while (passed := time.monotonic() - ended) <= BACK:
        now = load(bank, customers, 1.0, capacity / 2)
        if now["statuses"].keys() == {"200"} and now["p99"] <= max(3 * before["p99"], 0.1):
            return passed
    return None


def load(
    bank: Bank, customers: list[str], seconds: float, rate: float = 0.0, connections: int = CONNECTIONS
) -> dict[str, Any]:
    """What a client saw who asked for next best actions."""
    wanted = {
        "port": bank.port, "token": bank.token, "asked": [[NBA, {"customer_id": name}] for name in customers],
        "connections": connections, "seconds": seconds, "rate": rate, "from_sent": True,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.load"], input=json.dumps(wanted), text=True,
        capture_output=True, cwd=ROOT, timeout=seconds + 60, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        make_tiny(Path(folder))
        outcome = run(Path(folder), ["ann", "ben", "cat"], float(sys.argv[1]) if sys.argv[1:] else SECONDS)
    sys.stdout.write(f"{outcome}\n")
    sys.exit(0 if outcome.holds else 1)
