"""A worker's log behind a spool: while the log cannot be written, decisions wait beside it and are answered.

While anything waits, everything goes to the spool, so that the log keeps the order of the decisions. A drain
moves what waits, each decision once however often it is broken off, and begins again with an empty spool.
What could be written but must not be (the chain was altered, the id is taken) is refused and never waits.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from monitoring.decision_log import DecisionLog, DecisionLogs, Record
from monitoring.errors import AlreadyDecided, LogRefused, LogUnavailable
from monitoring.spool import Frame, Spool, Spools

PATIENCE = 2.0  # seconds for the log before a decision waits in the spool
ROOM = 64 * 1024  # bytes that must be left on the disk for decisions to count as kept
AT_ONCE = 500  # decisions moved in one commit, or those of one frame
log = logging.getLogger("bank.serving")


@dataclass(frozen=True)
class Waiting:
    """What waits in a spool: how many decisions, since when (ISO 8601), bytes of how many there may be.

    `problem` is the kind of what keeps the log from being written.
    """

    decisions: int
    oldest: str | None
    size: int
    limit: int
    problem: str | None = None

    def told(self, now: datetime) -> dict[str, object]:
        """As /v1/status tells it."""
        age = (now - datetime.fromisoformat(self.oldest)).total_seconds() if self.oldest else 0.0
        return {
            "decisions": self.decisions, "oldest_seconds": max(age, 0.0),
            "bytes": self.size, "limit": self.limit, "problem": self.problem,
        }  # fmt: skip


class Spooled:
    """A decision sink over a log and a spool. `append` and `drain` may come from different threads.

    `open_log` opens the log, again after it failed. Where `patience` is given (for a log on another machine)
    no append waits longer for it; a log in a file here ends its own waits.
    """

    def __init__(
        self, open_log: Callable[[], DecisionLog], spool: Spool, patience: float | None = None
    ) -> None:
        self._open, self._spool, self._patience = open_log, spool, patience
        self._log: DecisionLog | None = open_log()
        self._turn, self._draining = threading.Lock(), threading.Lock()
        self._pool = ThreadPoolExecutor(1, "decision log") if patience is not None else None
        self._hung: Future[object] | None = None
        self._problem: LogUnavailable | None = None

    def append(self, records: Sequence[Record]) -> None:
        """Make the records durable, in the log or beside it; with none it tells whether some could be.

        LogUnavailable when neither can be, or they must not be: then nothing may be answered.
        """
        with self._turn:
            if self._spool.waiting:
                if isinstance(self._problem, LogRefused):  # it would wait for a log that nothing is added to
                    raise self._problem
                self._keep(records)
                return
            try:
                self._write(records)
            except LogRefused:
                raise
            except LogUnavailable as error:
                self._failed(error)
                self._keep(records)

    def drain(self) -> int:
        """Move what waits into the log, in its order; how many decisions. LogUnavailable leaves the rest."""
        with self._draining:
            if not self._spool.end:
                return 0
            moved, place = 0, 0
            try:
                while place < (end := self._spool.end):
                    moved += self._move(list(self._spool.frames(place, end)))
                    place = end
                with self._turn:
                    moved += self._move(list(self._spool.frames(place)))
                    self._spool.clear()
            except LogUnavailable as error:
                self._failed(error)
                raise
            self._problem = None
            log.info("%d decisions of the spool are in the log", moved)
            return moved

    def look(self) -> None:
        """One try to drain, for a watch; what goes wrong is told by `waiting`."""
        try:
            self.drain()
        except (LogUnavailable, OSError) as error:
            log.warning("%d decisions wait in the spool: %s", self._spool.waiting, type(error).__name__)

    def waiting(self) -> Waiting:
        """What waits at this moment."""
        spool = self._spool
        problem = type(self._problem).__name__ if self._problem else None
        return Waiting(spool.waiting, spool.oldest, spool.end, spool.limit, problem)

    def close(self) -> None:
        """Close the log and give the spool back; what waits in it is moved by whoever starts next."""
        self.look()
        with self._draining, self._turn:
            self._close_log()
            if self._pool is not None:
                self._pool.shutdown(wait=False)
            self._spool.close()

    def _keep(self, records: Sequence[Record]) -> None:
        if not records:
            self._spool.require_room(ROOM)
            return
        if held := self._spool.held(records):
            raise AlreadyDecided(self._spool.path, held)
        self._spool.append(records)

    def _move(self, found: Sequence[Frame]) -> int:
        """Log the records of frames that the log does not have; how many they are."""
        if any(frame.records is None for frame in found):
            path = self._spool.set_aside()
            log.error(
                "the spool %s was altered; what it held is kept as %s", self._spool.path.name, path.name
            )
        moved = 0
        for some in _portions(found):
            self._bounded(lambda some=some: move(self._opened(), some))  # type: ignore[misc]  # binds it
            moved += len(some)
        return moved

    def _write(self, records: Sequence[Record]) -> None:
        if not records and self._patience is None:  # a log here is on the disk of its spool
            self._spool.require_room(ROOM)
        self._bounded(lambda: self._opened().append(records))

    def _opened(self) -> DecisionLog:
        if self._log is None:
            self._log = self._open()
        return self._log

    def _bounded(self, work: Callable[[], object]) -> None:
        """Run it; LogUnavailable when it takes longer than the patience, and then its thread is freed."""
        if self._pool is None or self._patience is None:
            work()
            return
        if self._hung is not None and not self._hung.done():
            raise LogUnavailable("of this worker", "it still hangs")
        future = self._pool.submit(work)
        try:
            future.result(self._patience)
        except TimeoutError as error:
            self._hung = future
            if self._log is not None:
                self._log.interrupt()
            raise LogUnavailable("of this worker", f"no answer in {self._patience:g} s") from error

    def _failed(self, error: LogUnavailable) -> None:
        """Open the log again before it is next used, unless somebody still hangs on it."""
        self._problem = error
        if self._hung is None or self._hung.done():
            self._close_log()

    def _close_log(self) -> None:
        opened, self._log = self._log, None
        if opened is not None:
            opened.close()


def _portions(found: Sequence[Frame]) -> Iterator[list[Record]]:
    some = list[Record]()
    for frame in found:
        some += frame.records or ()
        if len(some) >= AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def move(into: DecisionLog, records: Sequence[Record]) -> None:
    """Add those records that a log does not have, in one commit."""
    held = into.held([each.decision_id for each in records])
    if fresh := [each for each in records if each.decision_id not in held]:
        into.append(fresh)


def drain_left(logs: DecisionLogs, spools: Spools) -> int:
    """Move what processes that ended left in their spools into their workers' logs; how many decisions.

    What cannot be moved stays for the next who starts.
    """
    moved = 0
    for worker, spool in spools.left():
        try:
            opened = Spooled(lambda worker=worker: logs.open(worker), spool)  # type: ignore[misc]  # binds it
        except LogUnavailable:
            spool.close()
            continue
        waiting = spool.waiting
        opened.close()
        moved += waiting - spool.waiting
    return moved


def open_spooled(logs: DecisionLogs, spools: Spools, worker: str) -> Spooled:
    """The log of a worker that begins to serve, behind its spool; moves what ended workers left first.

    LogUnavailable when the log cannot be opened.
    """
    drain_left(logs, spools)
    spool = spools.open(worker)
    try:
        return Spooled(lambda: logs.open(worker, PATIENCE), spool, PATIENCE if logs.url else None)
    except BaseException:
        spool.close()
        raise
