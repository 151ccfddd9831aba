"""The writer thread: sole owner of the decision log. What was decided meanwhile is one commit."""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from monitoring.decision_log import Record
from serving.deciding.records import Decision, DecisionSink
from serving.deciding.scoring import Scored
from serving.worker.measures import Measures
from serving.worker.waiting import Result, Waiting, deliver

MOST_BEHIND = 1  # groups on their way to the log: what comes meanwhile is scored together
log = logging.getLogger("bank.serving")
Refer = Callable[[Sequence[Record]], None]


@dataclass(frozen=True, slots=True)
class Made:
    """What was decided for one question, to be durable before it is handed over."""

    waiting: Waiting
    scored: Sequence[Scored]

    @property
    def records(self) -> list[Record]:
        """The records of its decisions."""
        return [each.record for each in self.scored if isinstance(each, Decision)]

    @property
    def referred(self) -> list[Record]:
        """The records that make a case."""
        return [each.record for each in self.scored if isinstance(each, Decision) and each.referred]


class Writer:
    """Commits groups of decisions and hands the answers over; who is referred is told to `refer` before.

    `refer` raises nothing. It has a thread of its own: a case store that hangs keeps only the answers
    of those waiting who are referred.
    """

    def __init__(self, sink: DecisionSink, refer: Refer, measures: Measures) -> None:
        self._sink, self._refer, self._measures = sink, refer, measures
        self._line: queue.SimpleQueue[Sequence[Made] | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(MOST_BEHIND)
        self._referrals: queue.SimpleQueue[Sequence[Made] | None] = queue.SimpleQueue()
        self._threads = (
            threading.Thread(target=self._write, name="write decisions", daemon=True),
            threading.Thread(target=self._open_cases, name="open cases", daemon=True),
        )

    def start(self) -> None:
        """Begin to write."""
        for thread in self._threads:
            thread.start()

    @property
    def alive(self) -> bool:
        """Whether both threads go on."""
        return all(thread.is_alive() for thread in self._threads)

    def wait(self) -> None:
        """Wait until there is room for another group: what comes meanwhile is then scored together."""
        self._room.acquire()
        self._room.release()

    def put(self, made: Sequence[Made]) -> None:
        """Have these written; waits while too much waits already."""
        self._room.acquire()
        self._line.put(made)

    def close(self) -> None:
        """Write what is there to its end."""
        self._line.put(None)
        for thread in self._threads:
            thread.join()

    def _write(self) -> None:
        ends = False
        while not ends:
            groups = [self._line.get()]
            while not self._line.empty():
                groups.append(self._line.get())
            ends = None in groups
            self._commit([each for group in groups if group is not None for each in group])
            for group in groups:
                if group is not None:
                    self._room.release()
        self._referrals.put(None)

    def _commit(self, made: Sequence[Made]) -> None:
        records = [record for each in made for record in each.records]
        started = monotonic()
        try:
            if records:
                self._sink.append(records)
        except Exception as error:  # noqa: BLE001  # whatever it is, none of them may be answered
            deliver([(each.waiting, error if each.records else each.scored) for each in made])
            return
        self._measures.committed(len(records), monotonic() - started)
        referred = [each for each in made if each.referred]
        deliver([(each.waiting, each.scored) for each in made if not each.referred])
        if referred:
            self._referrals.put(referred)

    def _open_cases(self) -> None:
        while (made := self._referrals.get()) is not None:
            try:
                self._refer([record for each in made for record in each.referred])
            except Exception:
                log.exception("cases of referred decisions could not be opened; they are in the log")
            deliver([(each.waiting, each.scored) for each in made])


def failed(waiting: Sequence[Waiting], error: Exception) -> None:
    """Tell all of them that there is no answer, and why."""
    results: list[tuple[Waiting, Result]] = [(each, error) for each in waiting]
    deliver(results)
