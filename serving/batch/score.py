"""`bank score batch`: plan a run or go on with the one that was broken off, decide, tell."""

import os
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from feature_repo.packed_rows import open_rows
from feature_repo.raw.source import FILE as SOURCE
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from monitoring.batch_log import finish_what_was_broken_off
from monitoring.decision_log import DecisionLogs
from serving.batch.answers import outcomes_of
from serving.batch.chunks import loaded_for_long
from serving.batch.crew import Crew
from serving.batch.planning import PARTITION, asked, keep, write_customers
from serving.batch.run import BatchRun, newest
from serving.batch.turn import only_one
from serving.batch.use_cases import USE_CASES
from serving.bootstrap.releases import Served, current_release
from serving.bootstrap.stores import open_uses
from serving.errors import ModelStopped
from serving.pipeline.bootstrap import partitions
from serving.pipeline.journal import digest
from training.release.errors import MissingPart

ANSWERS = "answers"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Wanted:
    """What to ask everybody; `again` begins a new run where one has ended or was broken off.

    The answers go to a folder named like the run, in `out` or else in the run's own. `size` is the customers
    in a partition; `workers` the processes, as many as there are cores when None. `day` names the day a run
    belongs to, that of its beginning when empty.
    """

    asks: str = "next-best-action"
    out: Path | None = None
    workers: int | None = None
    again: bool = False
    size: int = PARTITION
    day: str = ""


@dataclass(frozen=True)
class Scored:
    """A run as it stands; `before` counts the partitions that were whole already."""

    run: BatchRun
    outcomes: Counter[str]
    before: int
    left_out: str | None = None


def score_batch(settings: Settings, wanted: Wanted, at: datetime, progress: Progress) -> Scored:
    """Decide for everybody; `progress` hears how many are decided, of how many.

    A run that was broken off goes on from the partitions that are whole, when release, policy, features and
    day are the same. AlreadyRunning while another process decides.
    """
    current_release(settings)  # what it lacks is said before anything is made
    with only_one(settings.batch / "batch.lock", "A batch"):
        logs = DecisionLogs.of(settings)
        finish_what_was_broken_off(logs)
        run = _run(settings, wanted, at)
        folder = settings.batch / run.name
        every = range(run.partitions)
        todo = [] if run.ended else [at for at in every if not run.whole(logs.folder, at)]
        left_out = _decide(settings, run, folder, todo, wanted.workers, progress) if todo else None
        if left_out is None and not run.ended:
            run = run.end(folder)
        there = [run.answers(at) for at in every if run.answers(at).exists()]
        outcomes = sum((outcomes_of(path) for path in there), Counter[str]())
        return Scored(run, outcomes, run.partitions - len(todo), left_out)


def _decide(
    settings: Settings, run: BatchRun, folder: Path, todo: Sequence[int], workers: int | None, tell: Progress
) -> str | None:
    """Decide these partitions, here where one process is enough; why the rest was left out."""
    rows = run.rows_of(folder)
    left = sum(rows[at] for at in todo)
    done = Counted(run.customers - left, run.customers, tell)
    done.add(0)
    processes = min(workers or os.cpu_count() or 1, len(todo))
    if processes > 1:
        crew = Crew(settings, folder, processes, done.add)
        crew.decide(todo)
        return crew.left_out
    with open_rows(settings) as online, closing(open_uses(settings)) as uses:
        work = partitions(settings, run, folder, online, uses, done.add)
        with loaded_for_long():
            for number in todo:
                try:
                    work.decide(number)
                except (MissingPart, ModelStopped) as missing:
                    return str(missing)
    return None


class Counted:
    """How many are decided, told from several threads."""

    def __init__(self, done: int, of: int, tell: Progress) -> None:
        self._done, self._of, self._tell = done, of, tell
        self._lock = Lock()

    def add(self, rows: int) -> None:
        """So many more."""
        with self._lock:
            self._done += rows
            self._tell(self._done, self._of)


def _run(settings: Settings, wanted: Wanted, at: datetime) -> BatchRun:
    """The run to go on with, or a new one."""
    served = current_release(settings)
    key = _key(settings, served, wanted, at)
    found = None if wanted.again else newest(settings.batch, key)
    if found and found.ended and not found.all_logged(settings.decisions):
        found = None  # it ended, but its log is not here any more
    return found or _plan(settings, served, wanted, key, at)


def _plan(settings: Settings, served: Served, wanted: Wanted, key: str, at: datetime) -> BatchRun:
    name = f"{at.astimezone(UTC):%Y%m%dT%H%M%S%fZ}-{wanted.asks}"
    folder = settings.batch / name
    folder.mkdir(parents=True, mode=0o700)
    with open_rows(settings) as rows:
        names = asked(rows, USE_CASES[wanted.asks].asks)
        customers, parts = write_customers(folder, names, wanted.size)
    out = wanted.out / name if wanted.out else folder / ANSWERS
    run = BatchRun(
        name, key, wanted.asks, served.release.digest, at.isoformat(), secrets.token_hex(16),
        str(out.absolute()), customers, parts,
    )  # fmt: skip
    keep(settings.batch, run)
    return run


def _key(settings: Settings, served: Served, wanted: Wanted, at: datetime) -> str:
    """Of what a run is: release (so the policy of that day), columns and source of the features, day."""
    with open_rows(settings) as rows:
        columns = {view: list(names) for view, names in rows.columns().items()}
    source = Source.read(settings.raw).digest if (settings.raw / SOURCE).exists() else ""
    out = str(wanted.out.absolute()) if wanted.out else ""
    return digest({
        "asks": wanted.asks, "release": served.release.digest, "columns": columns, "source": source,
        "day": wanted.day or f"{at.astimezone(UTC):%Y-%m-%d}", "out": out, "size": wanted.size,
    })  # fmt: skip
