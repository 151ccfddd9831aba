"""Rows that were scored and whose outcome is known: what every plot of a binary model looks at."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from training.evidence.canvas import below
from training.validation import F64, Labels

BANDS = 10


@dataclass(frozen=True)
class Scored:
    """Outcome, score of the model and of the plain baseline, and the moment of each of n rows.

    `y` int8 of 0 and 1; `p` and `plain` rise with the chance of 1; `at` int64 microseconds; `window`
    ISO bounds; `title` names the model in English, `title_zh` in Chinese.
    """

    title: str
    title_zh: str
    y: Labels
    p: F64
    plain: F64
    at: npt.NDArray[np.int64]
    window: Mapping[str, str]

    @property
    def note(self) -> str:
        """n, how many positives, and the window."""
        return f"{below(self.window, len(self.y))}, {int(self.y.sum()):,} positive"

    @property
    def both(self) -> bool:
        """Whether both outcomes occur, without which nothing can be ranked."""
        return bool(len(self.y)) and bool(self.y.min() < self.y.max())

    @property
    def is_probability(self) -> bool:
        """Whether the score is between 0 and 1, so that it can be compared with rates."""
        return bool(len(self.p)) and bool(self.p.min() >= 0) and bool(self.p.max() <= 1)

    def bands(self) -> list[npt.NDArray[np.intp]]:
        """Rows in up to ten groups of about equal size by score, lowest first; equal scores stay together.

        >>> p = np.array([0.1, 0.2, 0.2, 0.9])
        >>> rows = Scored("", "", np.zeros(4, np.int8), p, p, np.zeros(4, np.int64), {})
        >>> [group.tolist() for group in rows.bands()]
        [[0], [1, 2], [3]]
        """
        edges = np.unique(np.quantile(self.p, np.linspace(0, 1, BANDS + 1)[1:-1], method="lower"))
        place = np.searchsorted(edges, self.p, side="left")
        return [np.flatnonzero(place == each) for each in np.unique(place)]


def rate_interval(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The Jeffreys interval of a rate (Brown, Cai and DasGupta 2001), 0 to 1; the whole range for n = 0.

    >>> [round(bound, 4) for bound in rate_interval(3, 100)]
    [0.0085, 0.0779]
    >>> rate_interval(0, 10)[0], rate_interval(10, 10)[1]
    (0.0, 1.0)
    """
    tail = (1 - level) / 2
    low = float(betaincinv(hits + 0.5, n - hits + 0.5, tail)) if hits else 0.0
    high = float(betaincinv(hits + 0.5, n - hits + 0.5, 1 - tail)) if hits < n else 1.0
    return low, high
