"""Readiness of the log: a commit that failed is remembered until one works."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from monitoring.decision_log import Record
from monitoring.errors import LogUnavailable
from serving.worker.metrics import Metrics
from serving.worker.watched_log import WatchedLog

RECORD = Record("d-1", "2026-03-01T00:00:00+00:00", "credit", "ann", b"{}")


class Disk:
    """A log that keeps records unless it is full."""

    def __init__(self) -> None:
        self.full, self.kept = False, list[Record]()

    def append(self, records: Sequence[Record]) -> None:
        if self.full:
            raise LogUnavailable(Path("log.db"), "full")
        self.kept += records


def test_a_log_that_fails_is_not_writable_until_it_works_again() -> None:
    disk, metrics = Disk(), Metrics(())
    log = WatchedLog(disk, metrics)
    log.append([RECORD])
    assert log.writable()
    disk.full = True
    assert log.writable()  # nobody has found out yet
    with pytest.raises(LogUnavailable):
        log.append([RECORD])
    assert not log.writable()
    assert "bank_log_failing 1.0" in metrics.text().decode()
    disk.full = False
    assert log.writable()
    assert disk.kept == [RECORD]
    assert "bank_log_failing 0.0" in metrics.text().decode()
