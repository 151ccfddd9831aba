"""Where the parts of a push meet: the live tables, the plan, the online rows and the clock."""

import time
from datetime import UTC, datetime
from pathlib import Path

from feature_repo.errors import BankError
from feature_repo.live.plan import Plan
from feature_repo.live.push import Push, Report
from feature_repo.live.tables import LiveTables
from feature_repo.packed_rows import open_rows
from feature_repo.raw.source import Source
from feature_repo.settings import Settings


class NoEvents(BankError, FileNotFoundError):
    """A file of events is not there."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is no file of events. Name a file with one JSON object a line.")


def push(settings: Settings, file: Path, follow: bool, seconds: float | None) -> Report:
    """Take the events of that file, and with `follow` those that come, for so long or until Ctrl-C."""
    if not file.is_file():
        raise NoEvents(file)
    source = Source.read(settings.raw)
    tables = LiveTables.open(settings.live / "tables.duckdb", settings.raw, settings.threads)
    ends = None if seconds is None else time.monotonic() + seconds
    try:
        with open_rows(settings, read_only=False) as rows:
            plan = Plan(tables, source.base_currency)
            running = Push(
                tables,
                plan,
                rows,
                settings.raw,
                settings.live / "refused.jsonl",
                lambda: datetime.now(UTC),
                time.sleep,
            )
            try:
                return running.follow(file, not follow, lambda: ends is None or time.monotonic() < ends)
            except KeyboardInterrupt:  # how following ends
                return running.report
    finally:
        tables.close()
