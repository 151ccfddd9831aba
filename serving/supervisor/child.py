"""One process of the service: started, listened to, started again, ended."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PULSE = "BANK_PULSE"  # names the descriptor on which a child says, every second, that it is well
REFUSED = 78  # the exit code of a child that told why it cannot start
FIRST_WAIT, MOST_WAIT = 0.25, 10.0
LONG = 60.0  # seconds after which a child without a pulse counts as having been well


@dataclass
class Child:
    """A module to run, and how its runs went; moments are seconds of a monotonic clock.

    `pulse` says whether it is to tell that it is well; without one it counts as ready once started.
    `early` counts deaths in a row before it was ready, `once` says that it has been.
    """

    name: str
    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    descriptors: Sequence[int] = ()
    pulse: bool = True
    process: subprocess.Popen[bytes] | None = None
    listening: int | None = None
    ready: bool = False
    once: bool = False
    early: int = 0
    heard: float = 0.0
    due: float = 0.0
    began: float = 0.0

    def start(self, now: float) -> None:
        """Start it, bound to this process's life."""
        mine, theirs = os.pipe() if self.pulse else (None, None)
        told = {} if theirs is None else {PULSE: str(theirs)}
        passed = [*self.descriptors, *([] if theirs is None else [theirs])]
        command = [sys.executable, "-P", "-m", "serving.supervisor.bound", str(os.getpid()), self.module]
        self.process = subprocess.Popen(
            [*command, *self.arguments], env={**self.environment, **told}, pass_fds=passed,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        if theirs is not None and mine is not None:
            os.close(theirs)
            os.set_blocking(mine, False)
        self.listening, self.ready, self.heard, self.began = mine, not self.pulse, now, now

    def hear(self, now: float) -> bool:
        """Read what it said; whether it has become ready by that."""
        said = b""
        with contextlib.suppress(BlockingIOError):
            said = os.read(self.listening, 4096) if self.listening is not None else b""
            if not said:
                self._deaf()
        if not said:
            return False
        new, self.ready, self.once, self.early, self.heard = not self.ready, True, True, 0, now
        return new

    def died(self, now: float) -> int | None:
        """Its exit code once it is dead, noted with when it is due again; None while it lives."""
        code = None if self.process is None else self.process.poll()
        if code is None:
            return None
        well = self.ready and (self.pulse or now - self.began > LONG)
        self.early = 0 if well else self.early + 1
        self.due = now + (min(MOST_WAIT, FIRST_WAIT * 2**self.early) if self.early else 0.0)
        self.process, self.ready = None, False
        self._deaf()
        return code

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it lives."""
        if self.process is not None:
            self.process.send_signal(number)

    def _deaf(self) -> None:
        if self.listening is not None:
            os.close(self.listening)
            self.listening = None
