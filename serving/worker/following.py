"""Following a signed file without a restart: looked at several times a second, taken when it changed."""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from feature_repo.errors import BankError

EVERY_SECONDS = 0.2
Mark = tuple[int, int, int]
NEVER_SEEN: Mark = (0, 0, 0)  # so that the first look reads the file, or that there is none
log = logging.getLogger("bank.serving")


def mark(path: Path) -> Mark | None:
    """What changes whenever the file is replaced or written; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


@dataclass(frozen=True)
class Refusal:
    """Why a change was not taken, without paths of this machine; `at` is ISO 8601."""

    at: str
    reason: str

    def as_json(self) -> dict[str, str]:
        """As /v1/status tells it."""
        return {"at": self.at, "reason": self.reason}


class Follower:
    """Follows one file; `take` reads it, and what it raises leaves everything as it was.

    `seen` is the file's mark from before it was last read, so that no change slips in between. A
    change that was refused is tried again only when the file changes again.
    """

    def __init__(
        self,
        path: Path,
        take: Callable[[], None],
        now: Callable[[], datetime],
        seen: Mark | None,
        look: Callable[[Path], Mark | None] = mark,
    ) -> None:
        self.path, self._take, self._now = path, take, now
        self._seen, self._mark = seen, look
        self.taken = self.refusals = 0
        self.refused: Refusal | None = None

    def look(self) -> None:
        """One look: nothing more than a `stat` while the file is unchanged."""
        found = self._mark(self.path)
        if found == self._seen:
            return
        self._seen = found
        try:
            self._take()
        except Exception as error:  # noqa: BLE001  # whatever is wrong with it, the old goes on
            self._refuse(error)
        else:
            self.taken, self.refused = self.taken + 1, None

    def told(self) -> dict[str, object]:
        """Why the last change was refused, None when it was not; how many were taken and refused."""
        refused = self.refused.as_json() if self.refused else None
        return {"refused": refused, "switches": {"taken": self.taken, "refused": self.refusals}}

    def _refuse(self, error: Exception) -> None:
        self.refusals += 1
        self.refused = Refusal(self._now().isoformat(), reason_of(error))
        log.warning("%s is not taken, the one before goes on: %s", self.path.name, error)


def reason_of(error: Exception) -> str:
    """What went wrong, in words that name no folder of this machine."""
    kind = type(error).__name__
    if isinstance(error, BankError):
        for name in ("found", "reason", "problem"):
            said = getattr(error, name, None)
            if isinstance(said, str) and os.sep not in said:
                return f"{kind}: {said}"
    return kind


class Looks(Protocol):
    """What is looked at every so often; it raises nothing."""

    def look(self) -> None:
        """One look."""


class Watch:
    """A thread that lets followers look, every so often, until it is closed."""

    def __init__(self, name: str, followers: Sequence[Looks], every: float = EVERY_SECONDS) -> None:
        self._followers, self._every = followers, every
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking; what is being taken at this moment is taken to its end first."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(self._every):
            for follower in self._followers:
                try:
                    follower.look()
                except Exception:
                    log.exception("a look failed; the next one comes")
