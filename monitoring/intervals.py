"""How sure a share is that was counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt

Z95 = 1.959963984540054


@dataclass(frozen=True)
class Counted:
    """So many of so many, with the 95 % interval of Wilson (1927).

    >>> Counted(0, 10).interval
    (0.0, 0.27753...)
    >>> Counted(5, 10).share
    0.5
    """

    some: int
    of: int

    @property
    def share(self) -> float:
        """The share; NaN of nothing."""
        return self.some / self.of if self.of else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Where the share lies at 95 %; everywhere when nothing was counted."""
        if not self.of:
            return 0.0, 1.0
        p, n, z2 = self.share, self.of, Z95 * Z95
        middle, half = p + z2 / (2 * n), Z95 * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        scale = 1 + z2 / n
        return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)

    def as_json(self) -> dict[str, object]:
        """Counts, share and interval."""
        return {"some": self.some, "of": self.of, "share": self.share, "interval": list(self.interval)}

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.some:,} of {self.of:,} ({self.share:.1%}, 95 % {low:.1%} to {high:.1%})"


@dataclass(frozen=True)
class Averaged:
    """A mean of so many numbers, with its 95 % interval by the normal approximation.

    >>> print(Averaged.of([0.1, 0.2, 0.3]))
    +0.2000 (95 % +0.0868 to +0.3132)
    """

    n: int
    mean: float
    deviation: float

    @staticmethod
    def of(values: Sequence[float]) -> "Averaged":
        """Mean and standard deviation (n - 1) of these numbers; NaN of none."""
        n = len(values)
        mean = fsum(values) / n if n else float("nan")
        spread = fsum((each - mean) ** 2 for each in values)
        return Averaged(n, mean, sqrt(spread / (n - 1)) if n > 1 else float("nan"))

    @property
    def interval(self) -> tuple[float, float]:
        """Where the mean lies at 95 %; NaN of fewer than two numbers."""
        half = Z95 * self.deviation / sqrt(self.n) if self.n else float("nan")
        return self.mean - half, self.mean + half

    def as_json(self) -> dict[str, object]:
        """Count, mean and interval; what is not known is null."""
        told = [None if value != value else value for value in (self.mean, *self.interval)]
        return {"n": self.n, "mean": told[0], "interval": told[1:]}

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.mean:+.4f} (95 % {low:+.4f} to {high:+.4f})"
