"""Who serves a home: a file that one process at a time holds, and that says which."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

FILE = "serve.json"
GLANCE, TRIES = 0.2, 10  # seconds: who only looks who serves has the lock for less, and is no server


@dataclass(frozen=True)
class Serving:
    """The supervisor of a home: its process with the moment that started (ticks), and where it listens."""

    pid: int
    started: int
    host: str
    port: int
    workers: int

    @property
    def alive(self) -> bool:
        """Whether that very process is still there; another with its id does not count."""
        return started(self.pid) == self.started


def started(pid: int) -> int | None:
    """The clock ticks after boot at which a process began; None when there is none, or it is a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(fields[18])


@contextmanager
def hold(home: Path, host: str, port: int, workers: int) -> Iterator[Serving | None]:
    """Hold the home while serving from it; None, and nothing is held, when somebody else does."""
    mine = Serving(os.getpid(), started(os.getpid()) or 0, host, port, workers)
    descriptor = os.open(home / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        if not _soon_locked(file):
            yield None
            return
        file.truncate()
        file.write(json.dumps(asdict(mine)) + "\n")
        file.flush()
        yield mine
        file.seek(0)
        file.truncate()


def holder(home: Path) -> Serving | None:
    """Who serves the home now; None when nobody does. A file left by a killed one counts as nobody."""
    try:
        with (home / FILE).open("r+", encoding="utf-8") as file:
            if _locked(file):
                return None
            return Serving(**json.loads(file.read()))
    except (OSError, ValueError, TypeError):
        return None


def _soon_locked(file: IO[str]) -> bool:
    """Whether it could be locked, if need be after somebody who only looks."""
    for _ in range(TRIES):
        if _locked(file):
            return True
        time.sleep(GLANCE / TRIES)
    return False


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
