"""Clients that ask a served bank one question after another, and keep what they saw."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path
from typing import Any

from serving.auth import EVERY_SCOPE, issue, token_key
from serving.bootstrap.edge import now

ROOT = Path(__file__).parents[2]
CLIENTS, PATIENCE = 2, 30.0
NBA, CREDIT = "/v1/decisions/next-best-action", "/v1/decisions/credit"
ASKED = (
    (NBA, {"customer_id": "ann", "top": 6}),
    (CREDIT, {"customer_id": "ann", "amount": 6000, "term_months": 24}),
    ("/v1/score/propensity", {"customer_id": "ben"}),
    ("/v1/score/recommendation", {"customer_id": "cat"}),
)


@dataclass(frozen=True)
class Seen:
    """One answer: when it came, by which release and policy, and what it said."""

    at: float
    path: str
    release: str
    policy: str
    said: dict[str, Any]


@dataclass
class Stream:
    """Clients that ask one after another until told to end; what they saw, and what failed."""

    port: int
    token: str
    seen: list[Seen] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    end: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        for path, body in cycle(ASKED):
            if self.end.is_set():
                break
            try:
                connection.request("POST", path, json.dumps(body), headers)
                response = connection.getresponse()
                said = json.loads(response.read())
            except (OSError, ValueError) as error:
                self.failed.append(repr(error))
                connection.close()
                continue
            if response.status != 200:
                self.failed.append(f"{response.status} {said.get('detail')}")
                continue
            release = said["release"]
            self.seen.append(Seen(time.monotonic(), path, release["digest"], release["policy"], said))
        connection.close()

    def first(self, wanted: Callable[[Seen], bool], since: float, start: int) -> float:
        """Seconds from `since` until the first answer seen after it that is wanted; waits for it."""
        at = start
        while time.monotonic() < since + PATIENCE:
            for seen in self.seen[at:]:
                at += 1
                if seen.at >= since and wanted(seen):
                    return seen.at - since
            time.sleep(0.002)
        raise TimeoutError(f"not followed within {PATIENCE} s; the last answers: {self.failed[-3:]}")


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not come about within {PATIENCE} s")
        time.sleep(0.02)


@contextmanager
def serving(home: Path, clients: int = CLIENTS) -> Iterator[tuple[Stream, Callable[[], Any]]]:
    """`bank serve` on a free port with so many clients asking; ended by its own id."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    token = issue(token_key(home / "keys"), "proof", EVERY_SCOPE, 1, now())
    environment = os.environ | {"BANK_HOME": str(home), "PYTHONPATH": str(ROOT)}
    environment["BANK_RATE_PER_SECOND"] = "100000"  # one caller asks as fast as answers come
    command = [sys.executable, str(ROOT / "bank.py"), "serve", "--port", str(port)]
    with (home / "server.log").open("wb") as said:
        server = subprocess.Popen(command, env=environment, cwd=home, stdout=said, stderr=said)
    stream = Stream(port, token)
    asking = [threading.Thread(target=stream.ask) for _ in range(clients)]
    try:
        until(lambda: server.poll() is None and _get(port, "/readyz", token) is not None)
        for client in asking:
            client.start()
        yield stream, lambda: json.loads(_get(port, "/v1/status", token) or b"{}")
    finally:
        stream.end.set()
        for client in asking:
            if client.is_alive():
                client.join()
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _get(port: int, path: str, token: str) -> bytes | None:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        body = response.read()
    except OSError:
        return None
    finally:
        connection.close()
    return body if response.status == 200 else None
