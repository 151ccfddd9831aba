"""kill -9 of a served bank under load: workers one by one, all workers at once, and the supervisor.

Clients keep the id of every decision they were given. After the last kill each of them is in the log
exactly once, the chains verify, no process was left over, and the service came back each time. Runs on
a tiny bank of its own with two workers, on loopback. `python -m tests.proofs.kills [KILLS]`.
"""

import itertools
import os
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crm_rules.governance.append_only import chains
from feature_repo.settings import Settings
from monitoring.audit import Evidence, audit, decision_chains, heads
from monitoring.decision_log import DecisionLogs
from tests.conftest import make_tiny
from tests.proofs.served import NBA, PATIENCE, Bank, gone, served

KILLS, CLIENTS, WORKERS = 30, 4, 2
LEAVES_WITHIN = 5.0  # seconds until the port of a killed supervisor is free: its workers died, too
BETWEEN = 1.0  # seconds of load between a return and the next kill
CREDIT = "/v1/decisions/credit"
ASKED = (
    (NBA, {"customer_id": "ann"}),
    (CREDIT, {"customer_id": "ben", "amount": 6000, "term_months": 24}),
    (NBA, {"customer_id": "cat", "top": 3}),
)


Kind = Callable[[Bank], Sequence[int]]


@dataclass
class Outcome:
    """What a run found; `back` are seconds from a kill until as many workers answer as before."""

    kills: int = 0
    given: list[str] = field(default_factory=list)
    unanswered: int = 0
    back: list[float] = field(default_factory=list)
    orphans: int = 0
    lost: int = 0
    doubled: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        clean = not self.lost and not self.doubled and not self.orphans and not self.problems
        return clean and bool(self.given) and len(self.back) == self.kills

    def __str__(self) -> str:
        return (
            f"kills: {self.kills} kill -9 under load, {len(self.given):,} decisions acknowledged "
            f"({self.unanswered} requests unanswered): {self.lost} lost, {self.doubled} doubled, "
            f"{self.orphans} processes left over, {len(self.problems)} problems in the chains; "
            f"back after {statistics.median(self.back):.1f} s at the median, {max(self.back):.1f} s at most: "
            f"{'ok' if self.holds else 'MISS ' + '; '.join(self.problems)}"
        )


def prove(home: Path, kinds: Sequence[Kind], workers: int = WORKERS) -> Outcome:
    """Serve a tiny bank, kill, and look at what it left."""
    make_tiny(home)
    found, end = Outcome(), threading.Event()
    with served(home, workers) as bank:
        clients = [threading.Thread(target=_ask, args=(bank, found, end)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            for kind in kinds:
                time.sleep(BETWEEN)
                _kill(bank, kind, found)
        finally:
            end.set()
            for client in clients:
                client.join()
        if code := bank.end():
            found.problems.append(f"it ended with code {code}")
    _look(home, found, workers)
    return found


def _ask(bank: Bank, found: Outcome, end: threading.Event) -> None:
    for path, body in itertools.cycle(ASKED):
        if end.is_set():
            return
        status, said = bank.ask(path, body)
        if status == 200:
            found.given.append(said["decision_id"])
        else:
            found.unanswered += 1
            time.sleep(0.01)


def _kill(bank: Bank, kind: Kind, found: Outcome) -> None:
    began = time.monotonic()
    killed = kind(bank)
    found.kills += 1
    _until(lambda: gone(killed))
    if kind is the_supervisor:
        found.orphans += not soon(lambda: _free(bank.port), LEAVES_WITHIN)
        bank.start()
    _until(lambda: _whole(bank))
    found.back.append(time.monotonic() - began)


def one_worker(bank: Bank) -> Sequence[int]:
    return _killed(bank.worker_ids()[:1])


def every_worker(bank: Bank) -> Sequence[int]:
    return _killed(bank.worker_ids())


def the_supervisor(bank: Bank) -> Sequence[int]:
    """Its workers are not killed here: they have to die with it."""
    workers = bank.worker_ids()
    return [*_killed([bank.supervisor()]), *workers]


def _killed(pids: Sequence[int]) -> Sequence[int]:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return pids


def _whole(bank: Bank) -> bool:
    """Whether it is ready, and by as many workers as it was begun with, each of which said so."""
    try:
        workers = bank.worker_ids()
    except (AssertionError, OSError):
        return False
    if len(workers) != bank.workers or not all(_listens(pid) for pid in workers):
        return False
    return bank.ask("/readyz")[0] == 200


def _listens(pid: int) -> bool:
    """Whether a worker runs its event loop: it keeps its log open."""
    try:
        return any("worker-" in os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _look(home: Path, found: Outcome, workers: int) -> None:
    settings = Settings(home=home, profile="demo")
    with DecisionLogs.of(settings).reading() as databases:
        logged: Counter[str] = Counter()
        for _, database in databases:
            for chain in chains(database):
                logged.update(
                    str(row[0]) for row in database.ask("SELECT id FROM chain WHERE chain = ?", (chain,))
                )
    found.lost = sum(name not in logged for name in found.given)
    found.doubled = sum(count > 1 for count in logged.values())
    for check in audit(Evidence(settings), (heads, decision_chains)):
        found.problems += [str(each) for each in check.problems]
    files = {path.name for path in (home / "decisions").glob("*.db")}
    if files != {f"worker-{n}.db" for n in range(1, workers + 1)}:
        found.problems.append(f"the logs are {sorted(files)}")


def _until(done: Callable[[], bool]) -> None:
    if not soon(done, PATIENCE):
        raise TimeoutError(f"it did not come about within {PATIENCE} s")


def soon(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def main() -> int:
    """Kill so many times; prints one line."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else KILLS
    with tempfile.TemporaryDirectory() as folder:
        kinds = itertools.cycle((one_worker, every_worker, the_supervisor))
        found = prove(Path(folder), list(itertools.islice(kinds, kills)))
    sys.stdout.write(f"{found}\n")
    return 0 if found.holds else 1


if __name__ == "__main__":
    sys.exit(main())
