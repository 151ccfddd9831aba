"""Where the parts that take events meet: the turn, the live tables, the plan, the online rows, the clock."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from feature_repo.errors import BankError
from feature_repo.live.intake import Intake, Report
from feature_repo.live.plan import Plan
from feature_repo.live.push import Push
from feature_repo.live.tables import LiveTables
from feature_repo.live.turn import writing
from feature_repo.packed_rows import open_rows
from feature_repo.raw.source import Source
from feature_repo.settings import Settings


class NoEvents(BankError, FileNotFoundError):
    """A file of events is not there."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is no file of events. Name a file with one JSON object a line.")


@contextmanager
def open_intake(settings: Settings, command: str, settled: bool = False) -> Iterator[Intake]:
    """What takes the events of a home, for one process at a time; WrittenByAnother names the other."""
    with writing(settings.live, command):
        source = Source.read(settings.raw)
        tables = LiveTables.open(settings.live / "tables.duckdb", settings.raw, settings.threads)
        try:
            with open_rows(settings, read_only=False) as rows:
                plan = Plan(tables, source.base_currency)
                refused = settings.live / "refused.jsonl"
                yield Intake(tables, plan, rows, settings.raw, refused, _now, settled)
        finally:
            tables.close()


def push(settings: Settings, file: Path, follow: bool, seconds: float | None) -> Report:
    """Take the events of that file, and with `follow` those that come, for so long or until Ctrl-C."""
    if not file.is_file():
        raise NoEvents(file)
    ends = None if seconds is None else time.monotonic() + seconds
    with open_intake(settings, "bank data push") as intake:
        try:
            return Push(intake, time.sleep).follow(
                file, not follow, lambda: ends is None or time.monotonic() < ends
            )
        except KeyboardInterrupt:  # how following ends
            return intake.report


def _now() -> datetime:
    return datetime.now(UTC)
