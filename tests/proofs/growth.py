"""Many mixed requests to one worker: it does not grow, in memory or in open files.

Good and bad ones of every kind: decisions alone and in batches, scores, lookups, malformed bodies, bad
tokens, unknown routes, figures. Runs on a copy of what BANK_HOME serves, else on a tiny bank, on loopback.
`python -m tests.proofs.growth [REQUESTS]`.
"""

import itertools
import json
import os
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from feature_repo.settings import Settings
from monitoring.batch_log import read
from serving.deciding import next_best_action
from tests.conftest import CUSTOMERS, make_tiny
from tests.proofs.served import NBA, Bank, descriptors, resident_mb, served

REQUESTS, CLIENTS, WARM = 200_000, 4, 0.1
RARELY = 10  # turns between those that cost as much as many others
MOST_GROWTH, MOST_MB, MOST_FILES = 0.05, 400.0, 8
SERVED = ("releases", "keys", "trust.json", "online.db", "governance.db", "heads")
Asked = tuple[str, str, bytes | None, str]


@dataclass(frozen=True)
class Outcome:
    """Memory and open files of the worker once warm and at the end, and how its answers went."""

    requests: int
    warm_mb: float
    end_mb: float
    warm_files: int
    end_files: int
    statuses: dict[int, int]

    @property
    def growth(self) -> float:
        return self.end_mb / self.warm_mb - 1

    @property
    def holds(self) -> bool:
        failed = sum(count for status, count in self.statuses.items() if status == 0 or status >= 500)
        small = self.growth < MOST_GROWTH and self.end_mb < MOST_MB
        return small and self.end_files <= self.warm_files + MOST_FILES and not failed

    def __str__(self) -> str:
        return (
            f"growth: {self.requests:,} requests {dict(sorted(self.statuses.items()))}, memory "
            f"{self.warm_mb:.0f} to {self.end_mb:.0f} MB ({self.growth:+.1%}), open files {self.warm_files} "
            f"to {self.end_files}: {'ok' if self.holds else 'MISS'}"
        )


def measure(bank: Bank, customers: Sequence[str], requests: int) -> Outcome:
    """Ask so many times, and look at the first worker before and after."""
    statuses: Counter[int] = Counter()
    workers = bank.worker_ids()
    _ask(bank, customers, max(CLIENTS * 20, int(requests * WARM)), statuses)
    warm = resident_mb(workers[0]), descriptors(workers[0])
    _ask(bank, customers, requests, statuses)
    end = resident_mb(workers[0]), descriptors(workers[0])
    assert bank.worker_ids() == workers, "a worker was started again"
    return Outcome(requests, warm[0], end[0], warm[1], end[1], dict(statuses))


def mixed(bank: Bank, customers: Sequence[str]) -> Iterator[Asked]:
    """Requests without end: (method, path, body, token)."""
    good = bank.token
    for turn, customer in enumerate(itertools.cycle(customers)):
        one = json.dumps({"customer_id": customer}).encode()
        many = json.dumps({"items": [{"customer_id": each} for each in customers[:10]]}).encode()
        credit = json.dumps({"customer_id": customer, "amount": 6000, "term_months": 24}).encode()
        yield "POST", NBA, one, good
        yield "POST", "/v1/decisions/credit", credit, good
        for score in ("segment", "propensity", "recommendation", "credit"):
            yield "POST", f"/v1/score/{score}", one, good
        yield "POST", NBA, one, good
        yield "POST", NBA, b'{"customer_id": "nobody at all"}', good
        yield "POST", NBA, b'{"customer_id": ', good
        yield "POST", NBA, one, f"{good[:-9]}{hash(customer) % 10**9:09d}"
        yield "GET", f"/v1/customers/{customer}", None, good
        yield "GET", "/v1/status", None, good
        if turn % RARELY == 0:
            yield "POST", f"{NBA}:batch", many, good
            yield "GET", "/readyz", None, ""
            yield "GET", "/metrics", None, good


def _ask(bank: Bank, customers: Sequence[str], requests: int, statuses: Counter[int]) -> None:
    share, lock = requests // CLIENTS, threading.Lock()

    def client(number: int) -> None:
        start = customers[number * len(customers) // CLIENTS :] or customers
        found = _one_client(bank, itertools.islice(mixed(bank, start), share))
        with lock:
            statuses.update(found)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _one_client(bank: Bank, asked: Iterator[Asked]) -> Counter[int]:
    statuses: Counter[int] = Counter()
    connection = HTTPConnection("127.0.0.1", bank.port, timeout=60)
    for method, path, body, token in asked:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            response.read()
            statuses[response.status] += 1
        except (OSError, HTTPException):
            statuses[0] += 1
            connection.close()
    connection.close()
    return statuses


def servable(folder: Path) -> Sequence[str]:
    """Make a home to serve in the folder: what BANK_HOME serves, else a tiny bank; its customers."""
    settings = Settings()
    if not (settings.releases / "current.json").exists():
        make_tiny(folder)
        return list(CUSTOMERS)
    for name in SERVED:
        source = settings.home / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("decisions-*", "ledger*"))
        elif source.exists():
            shutil.copy(source, folder / name)
    payloads = read(settings.decisions, next_best_action.USE_CASE)
    return [json.loads(each)["customer_id"] for each in itertools.islice(payloads, 1_000)]


def main() -> int:
    """Ask so many times; prints one line."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS
    with tempfile.TemporaryDirectory() as folder:
        customers = servable(Path(folder))
        os.environ.pop("BANK_HOME", None)
        with served(Path(folder)) as bank:
            found = measure(bank, customers, requests)
    sys.stdout.write(f"{found}\n")
    return 0 if found.holds else 1


if __name__ == "__main__":
    sys.exit(main())
