"""How sure a share is that was counted."""

from dataclasses import dataclass
from math import sqrt

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
