"""The decision log as readiness sees it: whether the last commit failed, and whether one works again."""

from collections.abc import Sequence

from monitoring.decision_log import Record
from monitoring.errors import LogUnavailable
from monitoring.spooled import Spooled
from serving.deciding.records import DecisionSink
from serving.worker.metrics import Metrics


class WatchedLog:
    """A decision sink around another, which remembers whether it fails."""

    def __init__(self, log: DecisionSink, metrics: Metrics) -> None:
        self._log, self._metrics = log, metrics
        self._failing = False

    def append(self, records: Sequence[Record]) -> None:
        """Make the records durable, or LogUnavailable."""
        try:
            self._log.append(records)
        except LogUnavailable:
            self._note(failing=True)
            raise
        self._note(failing=False)

    def writable(self) -> bool:
        """Whether decisions can be kept; a log that failed last is tried again, with nothing to keep."""
        if self._failing:
            try:
                self.append(())
            except LogUnavailable:
                return False
        return True

    def _note(self, failing: bool) -> None:
        if failing != self._failing:
            self._failing = failing
            self._metrics.failing(failing)


class Drained:
    """A log behind a spool: at each look what waits is moved, and how much is left is counted."""

    def __init__(self, log: Spooled, metrics: Metrics) -> None:
        self._log, self._metrics = log, metrics

    def look(self) -> None:
        """One try to move what waits."""
        self._log.look()
        self._metrics.spooled(self._log.waiting().decisions)
