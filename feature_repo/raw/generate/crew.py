"""Worker processes that make partitions: none outlives its parent, and one that fails fails them all."""

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Generic, TypeVar, cast

from feature_repo.errors import BankError

Task = TypeVar("Task")
Result = TypeVar("Result")


class WorkerLost(BankError, RuntimeError):
    """A worker process ended without an answer."""

    def __init__(self, code: int | None) -> None:
        self.code = code
        super().__init__(
            f"A worker process ended without an answer (exit code {code}); what was written was removed. "
            f"If memory ran out, set BANK_THREADS=1 and run again."
        )


class WorkerFailed(RuntimeError):
    """A worker's own error, with its traceback: something we did not plan for."""


class Crew(Generic[Task, Result]):
    """Runs tasks in spawned processes; a context, at whose end every process is gone.

    Work is a function of a module, tasks and results can be pickled. Which process does what does
    not matter to the results, and results come as they are done. Processes take their next task
    when they have answered the last.
    """

    def __init__(self, work: Callable[[Task], Result], processes: int) -> None:
        self._work, self._count = work, processes
        self._ends: dict[Connection, SpawnProcess] = {}

    def __enter__(self) -> "Crew[Task, Result]":
        spawn = multiprocessing.get_context("spawn")
        for _ in range(self._count):
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=_serve, args=(self._work, theirs), daemon=True)
            process.start()
            theirs.close()
            self._ends[ours] = process
        return self

    def __exit__(self, *_: object) -> None:
        for ours, process in self._ends.items():
            process.kill()
            process.join()
            ours.close()

    @property
    def processes(self) -> tuple[SpawnProcess, ...]:
        """The worker processes."""
        return tuple(self._ends.values())

    def run(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Every task's result; raises WorkerLost, WorkerFailed, or the OSError a worker met."""
        waiting = list(reversed(tasks))
        busy: set[Connection] = set()
        for ours in self._ends:
            if waiting:
                ours.send(waiting.pop())
                busy.add(ours)
        while busy:
            for ours in [end for end in wait(list(busy)) if isinstance(end, Connection)]:
                yield self._answer(ours)
                busy.remove(ours)
                if waiting:
                    ours.send(waiting.pop())
                    busy.add(ours)

    def _answer(self, ours: Connection) -> Result:
        try:
            error, result = cast(tuple[Exception | None, Result], ours.recv())
        except EOFError as lost:
            process = self._ends[ours]
            process.join()
            raise WorkerLost(process.exitcode) from lost
        if error is not None:
            raise error
        return result


def _serve(work: Callable[[Task], Result], ours: Connection) -> None:
    """Answer tasks until the parent is gone; an interrupt is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        task = ours.recv()
        try:
            answer: tuple[Exception | None, Result | None] = (None, work(task))
        except OSError as error:
            answer = (OSError(error.errno, error.strerror, error.filename), None)
        except Exception:  # noqa: BLE001 - the parent raises it, with the traceback as its text
            answer = (WorkerFailed(traceback.format_exc()), None)
        ours.send(answer)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
