"""The processes of a batch: each takes the next partition until there is none."""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from feature_repo.settings import Settings
from serving.batch.errors import RunBroken, WorkerDied
from serving.batch.orders import Told, hear, opening, say

ROOT = Path(__file__).resolve().parents[2]


class Crew:
    """So many worker processes for one run; `told` hears of rows as they are decided."""

    def __init__(self, settings: Settings, folder: Path, workers: int, told: Callable[[int], None]) -> None:
        self._opening, self._count, self._told = opening(settings, folder), workers, told
        self._todo: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._error: Exception | None = None
        self.left_out: str | None = None

    def decide(self, partitions: Sequence[int]) -> None:
        """Decide these partitions; RunBroken or WorkerDied when one could not be."""
        for number in partitions:
            self._todo.put(number)
        workers = [_start() for _ in range(self._count)]
        threads = [threading.Thread(target=self._drive, args=(each,), daemon=True) for each in workers]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
        if self._error is not None:
            raise self._error

    def _drive(self, worker: "subprocess.Popen[str]") -> None:
        try:
            with worker:
                assert worker.stdin is not None
                say(worker.stdin, self._opening)
                self._feed(worker)
        except (RunBroken, WorkerDied, OSError) as error:
            self._stop(error if not isinstance(error, OSError) else WorkerDied(worker.poll(), str(error)))

    def _feed(self, worker: "subprocess.Popen[str]") -> None:
        assert worker.stdin is not None
        while self._error is None and self.left_out is None:
            try:
                number = self._todo.get_nowait()
            except queue.Empty:
                return
            say(worker.stdin, {"partition": number})
            if not self._heard(worker):
                return

    def _heard(self, worker: "subprocess.Popen[str]") -> bool:
        """Listen until the partition is done; whether there is more to do."""
        assert worker.stdout is not None
        while (line := hear(worker.stdout)) is not None:
            told = Told(**line)
            if told.rows:
                self._told(told.rows)
            elif told.left_out:
                self.left_out = told.error
                return False
            elif told.error:
                raise RunBroken(told.error)
            else:
                return True
        raise WorkerDied(worker.wait(), "")

    def _stop(self, error: Exception) -> None:
        with self._lock:
            self._error = self._error or error


def _start() -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "serving.batch.worker", str(os.getpid())]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True, encoding="utf-8"
    )
