"""What the engine and the writer measure, as figures for Prometheus."""

from collections.abc import Sequence
from datetime import datetime

from serving.deciding.records import Decision
from serving.deciding.scoring import Scored
from serving.worker.metrics import Metrics


class Measured:
    """Counts decisions, those that lacked something, how old their features were, waits and commits."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def answered(self, method: str, scored: Sequence[Scored], waited: float, seconds: float) -> None:
        """Count what was scored together; the first had waited so long, and its features are as old."""
        self._metrics.waited(waited)
        decided = [(each.record, each.told) for each in scored if isinstance(each, Decision) and each.told]
        for record, told in decided:
            self._metrics.decided(record.use_case, told.outcome, told.degraded)
        for record, told in decided[:1]:
            if told.features_at is not None:
                self._metrics.features(_seconds_between(told.features_at, record.at))

    def committed(self, records: int, seconds: float) -> None:
        """Count a commit that kept something."""
        if records:
            self._metrics.committed(seconds)


def _seconds_between(earlier: str, later: str) -> float:
    """Never below 0: features may be as of the end of the day.

    >>> _seconds_between("2026-03-01T00:00:00+00:00", "2026-03-01T00:01:00+00:00")
    60.0
    """
    between = datetime.fromisoformat(later) - datetime.fromisoformat(earlier)
    return max(0.0, between.total_seconds())
