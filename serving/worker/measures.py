"""What one worker measures of itself; who counts is told here, and nothing is counted by default."""

from collections.abc import Sequence
from typing import Protocol

from serving.deciding.scoring import Scored


class Measures(Protocol):
    """Takes what the engine and the writer measure. Called from their threads; raises nothing."""

    def answered(self, method: str, scored: Sequence[Scored], waited: float, seconds: float) -> None:
        """So many were scored together in `seconds`, the first after having `waited` seconds."""

    def committed(self, records: int, seconds: float) -> None:
        """So many records became durable in one commit."""


class NothingMeasured:
    """Counts nothing."""

    def answered(self, method: str, scored: Sequence[Scored], waited: float, seconds: float) -> None:
        """Nothing."""

    def committed(self, records: int, seconds: float) -> None:
        """Nothing."""
