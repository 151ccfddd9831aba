"""A command that must not run twice at once on one home says so instead of waiting."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serving.batch.errors import AlreadyRunning


@contextmanager
def only_one(lock: Path, what: str) -> Iterator[None]:
    """While it is open no other process is inside; AlreadyRunning for the second.

    The lock ends with the process, however that ends.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(what, lock) from None
        yield
    finally:
        os.close(held)
