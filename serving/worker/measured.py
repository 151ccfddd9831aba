"""What the engine and the writer measure, as figures for Prometheus."""

from collections.abc import Sequence
from datetime import UTC, datetime
from time import time

from serving.deciding.records import Decision
from serving.deciding.scoring import Scored
from serving.worker.metrics import Metrics


class Measured:
    """Counts decisions, those that lacked something, how old their features were, waits and commits."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def answered(self, method: str, scored: Sequence[Scored], waited: float, seconds: float) -> None:
        """Count what was scored together; its first question had waited so long."""
        self._metrics.waited(waited)
        for each in scored:
            if isinstance(each, Decision) and each.told is not None:
                told = each.told
                self._metrics.decided(each.record.use_case, told.outcome, told.degraded)
                if told.features_at is not None:
                    self._metrics.features(max(0.0, time() - _seconds(told.features_at)))

    def committed(self, records: int, seconds: float) -> None:
        """Count a commit that kept something."""
        if records:
            self._metrics.committed(seconds)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).astimezone(UTC).timestamp()
