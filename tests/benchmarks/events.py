"""How fresh an event is: from the acknowledgement of its POST to its customer's features being readable.

Works on a copy of BANK_HOME, which holds what `bank run` left. A worker answers POST /v1/events, a writer
takes what it kept, and EVENTS_A_SECOND single events, each of another customer, are posted at their
times whether or not earlier ones have shown; a reader looks at the online rows until each has.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pyarrow.parquet as pq

EVENTS_A_SECOND, POSTERS = 50, 4
LIMIT_S, START_S, PATIENCE_S = 1.0, 240.0, 60.0
ROOT = Path(__file__).parents[2]
SERVE = """
import sys, uvicorn
from feature_repo.settings import Settings
from serving.bootstrap.worker import build
process = build(Settings(), "bench-events")
uvicorn.run(process.gate(process.endpoints), host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
"""
WRITE = "import bank; bank.main()"


def run(quick: bool) -> dict[str, Any]:
    """Measure for 60 seconds, or for 6."""
    from feature_repo.settings import Settings

    seconds, folder = 6 if quick else 60, Path(mkdtemp(prefix="bank-bench-events-"))
    try:
        settings = Settings(home=Path(copytree(Settings().home, folder / "bank")))
        acknowledged, waited = _measured(settings, EVENTS_A_SECOND * seconds)
        with_rows = settings.raw / "account_owners"
        customers = pq.read_table(with_rows, columns=["customer_id"])["customer_id"].unique()
    finally:
        rmtree(folder, ignore_errors=True)
    figures = {
        "visible_median_s": round(float(np.median(waited)), 3),
        "visible_p95_s": round(float(np.quantile(waited, 0.95)), 3),
        "visible_max_s": round(float(np.max(waited)), 3),
        "acknowledged_median_s": round(float(np.median(acknowledged)), 4),
        "acknowledged_p95_s": round(float(np.quantile(acknowledged, 0.95)), 4),
        "events": len(waited),
        "events_a_second": EVENTS_A_SECOND,
    }
    return {
        "bench": "events", "n": len(customers), "figures": figures, "ratios": {},
        "limits": {"visible_median_s": LIMIT_S},
        "holds": figures["visible_median_s"] < LIMIT_S and len(waited) == EVENTS_A_SECOND * seconds,
    }  # fmt: skip


def _measured(settings: Any, count: int) -> tuple[list[float], list[float]]:
    """Seconds to the acknowledgement and from it to visibility, of so many events."""
    from feature_repo.packed_rows import open_rows

    events = _events(settings, count + 1)
    with _running(settings) as client, open_rows(settings) as rows:
        client.post(events[0])
        _wait_for(rows, events[0])
        posting = threading.Thread(target=client.post_all, args=(events[1:],), daemon=True)
        posting.start()
        seen = _watched(rows, client, count)
        posting.join()
    shown = [seen[customer] - at for customer, at in client.acknowledged.items() if customer in seen]
    return client.took[1:], shown


class Client:
    """Posts events at their times, and remembers when each was acknowledged."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._headers = port, {
            "Authorization": f"Bearer {token}", "Content-Type": "application/json",
        }  # fmt: skip
        self._local = threading.local()
        self.acknowledged: dict[str, float] = {}
        self.took: list[float] = []

    def post(self, event: dict[str, Any]) -> None:
        began, body = time.monotonic(), json.dumps({"events": [_now(event)]})
        if not hasattr(self._local, "connection"):
            self._local.connection = HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)
        self._local.connection.request("POST", "/v1/events", body, self._headers)
        answer = self._local.connection.getresponse()
        said = json.loads(answer.read())
        if answer.status != 200 or said["items"][0]["result"] != "accepted":
            raise RuntimeError(f"{answer.status} {said}")
        self.took.append(time.monotonic() - began)
        self.acknowledged[event["customer"]] = time.monotonic()

    def post_all(self, events: list[dict[str, Any]]) -> None:
        began = time.monotonic()

        def some(first: int) -> None:
            for number in range(first, len(events), POSTERS):
                time.sleep(max(0.0, began + number / EVENTS_A_SECOND - time.monotonic()))
                self.post(events[number])

        threads = [threading.Thread(target=some, args=(first,)) for first in range(POSTERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _watched(rows: Any, client: Client, count: int) -> dict[str, float]:
    """When each acknowledged event was first seen in its customer's row."""
    begun, seen = int(time.time() * 1e6), dict[str, float]()
    ends = time.monotonic() + count / EVENTS_A_SECOND + PATIENCE_S
    while len(seen) < count and time.monotonic() < ends:
        waiting = [one for one in list(client.acknowledged) if one not in seen]
        if waiting:
            at, now = rows.read(waiting, ["life"]).event_us[:, 0], time.monotonic()
            seen.update({one: now for one, new in zip(waiting, at > begun, strict=True) if new})
        time.sleep(0.005)
    return seen


@contextmanager
def _running(settings: Any) -> Iterator[Client]:
    """A worker and a writer on a home; ended by their ids."""
    from serving.auth import EVERY_SCOPE, issue, token_key

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = os.environ | {"BANK_HOME": str(settings.home), "PYTHONPATH": str(ROOT)}
    commands = ([SERVE, str(port)], [WRITE, "events", "write"])
    started = [
        subprocess.Popen(
            [sys.executable, "-c", *command], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL
        )
        for command in commands
    ]
    try:
        _until_it_listens(port, started[0])
        yield Client(port, issue(token_key(settings.keys), "bench", EVERY_SCOPE, 1, datetime.now(UTC)))
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(PATIENCE_S)


def _until_it_listens(port: int, server: "subprocess.Popen[bytes]") -> None:
    ends = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the worker did not start")


def _wait_for(rows: Any, event: dict[str, Any]) -> None:
    """Until the first event shows: the writer has opened its tables and compiled its plan."""
    ends, begun = time.monotonic() + START_S, int((time.time() - 5) * 1e6)
    while rows.read([event["customer"]], ["life"]).event_us[0, 0] < begun:
        if time.monotonic() > ends:
            raise RuntimeError("the writer did not start")
        time.sleep(0.05)


def _events(settings: Any, count: int) -> list[dict[str, Any]]:
    """Bookings and interactions in turn, each of another customer."""
    owners = pq.read_table(settings.raw / "account_owners", columns=["customer_id", "account_id"])
    accounts = {row["customer_id"]: row["account_id"] for row in owners.to_pylist()}
    chosen = np.random.default_rng(1).permutation(sorted(accounts))[:count]
    return [
        {"customer": str(customer), "account": accounts[customer], "number": number}
        for number, customer in enumerate(chosen)
    ]


def _now(event: dict[str, Any]) -> dict[str, Any]:
    """The event as it is posted."""
    at, number = datetime.now(UTC).isoformat(), event["number"]
    if number % 2:
        return {
            "table": "interactions", "interaction_id": f"bench-{number}", "customer_id": event["customer"],
            "at": at, "channel": "app", "direction": "inbound", "topic": "card", "rating": 4,
        }  # fmt: skip
    return {
        "table": "bookings", "booking_id": f"bench-{number}", "account_id": event["account"], "booked_at": at,
        "amount": "-120.00", "currency": "CNY", "channel": "card", "category": "card_payment",
    }  # fmt: skip
