"""The edge of the scoring process: its clock, and ids nobody can guess."""

import secrets
import threading
from datetime import UTC, datetime

SIZE, AT_ONCE = 16, 256  # bytes of an id; ids drawn from the system at once: each call gives up the processor


def now() -> datetime:
    """The service's clock; nothing below the edge reads one."""
    return datetime.now(UTC)


class Ids:
    """Ids of random bytes of the system, each given once. Safe to call from several threads."""

    def __init__(self) -> None:
        self._drawn, self._at, self._lock = b"", 0, threading.Lock()

    def __call__(self) -> str:
        """Another id, 32 hexadecimal digits."""
        with self._lock:
            if self._at == len(self._drawn):
                self._drawn, self._at = secrets.token_bytes(SIZE * AT_ONCE), 0
            self._at += SIZE
            return self._drawn[self._at - SIZE : self._at].hex()


new_id = Ids()
