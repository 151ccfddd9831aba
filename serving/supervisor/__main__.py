"""`python -m serving.supervisor HOME HOST PORT WORKERS [--events]`: what `bank serve` becomes."""

import argparse
import errno
import os
import socket
import sys
from pathlib import Path

from serving.supervisor.child import Child
from serving.supervisor.held import hold, holder
from serving.supervisor.watching import Signals, Supervisor
from serving.worker.logs import to_stderr

BACKLOG = 2048


def main() -> int:
    """Serve until asked to end."""
    told = argparse.ArgumentParser()
    told.add_argument("home", type=Path)
    told.add_argument("host")
    told.add_argument("port", type=int)
    told.add_argument("workers", type=int)
    told.add_argument("--events", action="store_true")
    given = told.parse_args()
    to_stderr("bank")
    with hold(given.home, given.host, given.port, given.workers) as mine:
        if mine is None:
            other = holder(given.home)
            where = f"process {other.pid} on port {other.port}" if other else "another process"
            return _refuse(f"{given.home} is served already, by {where}. End it with: bank stop")
        try:
            listening = _listen(given.host, given.port)
        except OSError as error:
            used = error.errno == errno.EADDRINUSE
            found = "is in use" if used else f"cannot be listened on ({error.strerror})"
            return _refuse(f"Port {given.port} on {given.host} {found}. Take another: bank serve --port")
        return _supervisor(listening, given.workers, given.events).run()


def _supervisor(listening: socket.socket, workers: int, events: bool) -> Supervisor:
    descriptor = listening.fileno()
    environment = dict(os.environ)
    serving = [
        Child(f"worker-{n}", "serving.worker_process", [str(descriptor), str(n)], environment, [descriptor])
        for n in range(1, workers + 1)
    ]
    others = [Child("events", "bank", ["events", "write"], environment, pulse=False)] if events else []
    return Supervisor(serving, others, listening, Signals(), _clear)


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen(BACKLOG)
    return listening


def _clear(name: str) -> None:
    """Forget the gauges of a worker that died; its counters go on."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder:
        for left in Path(folder).glob(f"gauge_live*_{name.rpartition('-')[2]}.db"):
            left.unlink(missing_ok=True)


def _refuse(sentence: str) -> int:
    sys.stderr.write(sentence + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
