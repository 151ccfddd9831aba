"""A bank served in processes of its own, for proofs and benchmarks: started, asked, looked at, ended."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from serving.auth import EVERY_SCOPE, issue, token_key
from serving.bootstrap.edge import now
from serving.supervisor.held import holder

ROOT = Path(__file__).parents[2]
PATIENCE = 90.0
NBA = "/v1/decisions/next-best-action"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Bank:
    """A home that is served on a port by a process started here."""

    home: Path
    port: int
    workers: int
    token: str
    command: Sequence[str] = (sys.executable, str(ROOT / "bank.py"))
    path: Path = ROOT
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """`bank serve`; what it writes goes to served.log of the home."""
        command = [*self.command, "serve", "--no-events", "--port", str(self.port)]
        command += ["--workers", str(self.workers)]
        environment = os.environ | {"BANK_HOME": str(self.home), "PYTHONPATH": str(self.path)}
        if self.process is not None:
            self.process.wait(10)  # the one before was killed
        with (self.home / "served.log").open("ab") as said:
            self.process = subprocess.Popen(
                command, env=environment, cwd=self.home, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )

    def ask(self, path: str, body: object = None, patience: float = 30.0, token: str = "") -> tuple[int, Any]:
        """One request on a connection of its own: status (0: none came) and what was said."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=patience)
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        try:
            method = "GET" if body is None else "POST"
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            said = response.read()
            return response.status, json.loads(said) if said[:1] == b"{" else said.decode()
        except (OSError, HTTPException, ValueError):
            return 0, None
        finally:
            connection.close()

    def until_ready(self) -> None:
        """Wait for a canary to be decided."""
        deadline = time.monotonic() + PATIENCE
        while self.ask("/readyz")[0] != 200:
            ended = self.process is not None and self.process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise TimeoutError((self.home / "served.log").read_text()[-2000:])
            time.sleep(0.05)

    def supervisor(self) -> int:
        """The process id of who serves the home."""
        serving = holder(self.home)
        assert serving is not None, "nobody serves the home"
        return serving.pid

    def worker_ids(self) -> list[int]:
        """The process ids of the workers, the first one's first."""
        return children(self.supervisor())

    def end(self) -> int:
        """Ask it to end, and how it did."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


def children(pid: int) -> list[int]:
    """The processes whose parent it is."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pids: Sequence[int]) -> bool:
    """Whether none of them runs any more."""
    return not any(_runs(pid) for pid in pids)


def resident_mb(pid: int) -> float:
    """Memory of a process that is its own or shared and present, in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def descriptors(pid: int) -> int:
    """How many files a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@contextmanager
def served(home: Path, workers: int = 1) -> Iterator[Bank]:
    """The home served on a free port until the end of the block."""
    token = issue(token_key(home / "keys"), "proof", EVERY_SCOPE, 12, now())
    bank = Bank(home, free_port(), workers, token)
    bank.start()
    try:
        bank.until_ready()
        yield bank
    finally:
        bank.end()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
