"""The loop of the supervisor: what dies is started again, what is asked to end ends in order."""

import logging
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from types import FrameType

from serving.supervisor.child import REFUSED, Child

MOST_EARLY = 5  # deaths in a row before it was ready, then the service gives up
STARTS_WITHIN, BEATS_WITHIN = 120.0, 30.0  # seconds without a sign of life, then it is killed
GRACE = 13.0  # seconds to finish what is being answered (10 in the worker) and to close files
LOOK = 0.2
ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
log = logging.getLogger("bank.supervisor")


class Signals:
    """Wakes a `select` when a signal comes; `asked` counts how often the end was asked for."""

    def __init__(self) -> None:
        self.asked = 0
        self.awake, self._wakes = socket.socketpair()
        self.awake.setblocking(False)
        self._wakes.setblocking(False)
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        for number in ENDS:
            signal.signal(number, self._ask)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked += 1


class Supervisor:
    """Watches over the children until asked to end, or until a worker cannot be kept up.

    `gone` is told the name of a child that died, so that what it left can be cleared.
    """

    def __init__(
        self, workers: Sequence[Child], others: Sequence[Child], listening: socket.socket,
        signals: Signals, gone: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._workers, self._children = workers, [*workers, *others]
        self._listening, self._signals, self._gone = listening, signals, gone
        self._ever = False

    def run(self) -> int:
        """Serve; the exit code: 0 when asked to end, 1 when the service could not be kept up."""
        failed = False
        while not self._signals.asked and not failed:
            now = time.monotonic()
            for child in self._children:
                wanted = child in self._workers or self._ever  # the others leave the start to the workers
                if child.process is None and now >= child.due and wanted:
                    child.start(now)
            self._wait()
            failed = any([self._looked(child) for child in self._children])
        self._end()
        return 1 if failed else 0

    def _wait(self) -> None:
        pulses = {child.listening: child for child in self._children if child.listening is not None}
        told, _, _ = select.select([self._signals.awake.fileno(), *pulses], [], [], LOOK)
        self._drain()
        for child in (pulses[each] for each in told if each in pulses):
            if child.hear(time.monotonic()):
                self._ever = True
                log.info("%s is ready", child.name)

    def _looked(self, child: Child) -> bool:
        """See to one child; whether the service has to give up because of it."""
        now = time.monotonic()
        code = child.died(now)
        if code is not None:
            self._gone(child.name)
            if child in self._workers and code == REFUSED and not self._ever:
                return True
            log.warning("%s ended with code %d, starts again in %.1f s", child.name, code, child.due - now)
            return child in self._workers and child.early >= MOST_EARLY and not self._goes_on_without(child)
        silent = now - child.heard
        if child.pulse and child.process and silent > (BEATS_WITHIN if child.ready else STARTS_WITHIN):
            log.error("%s gave no sign of life for %.0f s and is killed", child.name, silent)
            child.send(signal.SIGKILL)
            child.heard = now
        return False

    def _goes_on_without(self, child: Child) -> bool:
        """Whether a worker that was well once may be tried again and again: another one answers."""
        return child.once and any(each.ready for each in self._workers)

    def _end(self) -> None:
        """Take no more connections, let what is being answered be answered, then kill what is left."""
        began, asked = time.monotonic(), self._signals.asked
        self._listening.close()
        for child in self._children:
            child.send(signal.SIGTERM)
        while any(child.process and child.process.poll() is None for child in self._children):
            if time.monotonic() - began > GRACE or self._signals.asked > asked:
                log.warning("what does not end is killed")
                for child in self._children:
                    child.send(signal.SIGKILL)
                asked = self._signals.asked
                began = time.monotonic()
            select.select([self._signals.awake], [], [], LOOK / 4)
            self._drain()
        log.info("ended in order" if asked else "ended")

    def _drain(self) -> None:
        try:
            self._signals.awake.recv(4096)
        except BlockingIOError:
            return
