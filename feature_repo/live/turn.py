"""One process at a time writes fresh rows of a home; the kernel lets go of its turn however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from feature_repo.errors import BankError

FILE = "writer.lock"
LONGEST = 200  # bytes of who writes


class WrittenByAnother(BankError, BlockingIOError):
    """Another process writes the fresh rows of this home."""

    def __init__(self, folder: Path, holder: str) -> None:
        self.holder = holder
        super().__init__(
            f"{holder} writes the fresh rows in {folder} already. "
            f"Send your events to POST /v1/events, or end it first."
        )


@contextmanager
def writing(folder: Path, command: str) -> Iterator[None]:
    """Be the only one that writes there; `command` is told to whoever comes second, as WrittenByAnother."""
    folder.mkdir(parents=True, exist_ok=True)
    held = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(held, LONGEST, 0).decode(errors="replace") or "A process that has just begun"
            raise WrittenByAnother(folder, holder) from error
        os.ftruncate(held, 0)
        os.pwrite(held, f"`{command}` (process {os.getpid()})".encode(), 0)
        yield
    finally:
        os.close(held)
