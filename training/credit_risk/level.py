"""The level of default now, from loans too young for a year's outcome.

A model learns from loans whose year is over, so its level is a year or two old. Of younger loans it
is known which have defaulted already, and from older ones how much of a year's defaults shows by what
age: the development of a vintage, as in the chain ladder of claims reserving. One shift of the log
odds brings what the model expects to have shown to what has been seen.
"""

from dataclasses import dataclass

import numpy as np

from training.labels import I64
from training.learning.trees import F32
from training.release.calibration import sigmoid
from training.validation import F64

USUAL_MOVE = 0.3
"""How far the log odds of a bank's default rate move in a year, as a standard deviation: a prior."""
MOST = 2.0


@dataclass(frozen=True)
class Young:
    """m loans granted before a date whose year ends after it; nothing of them is known later.

    `shown` (m,) is the share of a year's defaults that shows by each loan's age, `seen` how many of
    the loans have defaulted by the date.
    """

    matrix: F32
    shown: F64
    seen: int

    def shift(self, odds: F64) -> float:
        """What to add to the loans' log odds (m,) so that expected and seen defaults agree.

        The most likely shift under a Poisson count and a normal prior of USUAL_MOVE: few defaults
        move the level little.

        A tenth is expected to default, half of it by now:

        >>> def level(loans: int, seen: int) -> float:
        ...     young = Young(np.zeros((loans, 1), np.float32), np.full(loans, 0.5), seen)
        ...     return round(float(sigmoid(np.array([-2.197 + young.shift(np.full(loans, -2.197))]))[0]), 3)
        >>> level(100_000, 2_500), level(1_000, 25), level(100, 2)
        (0.05, 0.062, 0.084)
        """
        low, high = -MOST, MOST
        for _ in range(50):
            middle = (low + high) / 2
            expected = float(sigmoid(odds + middle) @ self.shown)
            low, high = (middle, high) if self.seen > expected + middle / USUAL_MOVE**2 else (low, middle)
        return round((low + high) / 2, 6)


def shown_by(age: I64, defaulted: I64, granted: I64) -> F64:
    """The share of a year's defaults that shows by each age (m,), from loans whose year is over.

    `defaulted` and `granted` are the times of those that defaulted within it; microseconds.

    >>> shown_by(np.array([5, 20, 40]), np.array([110, 130]), np.array([100, 100])).tolist()
    [0.0, 0.5, 1.0]
    """
    took = np.sort(defaulted - granted)
    return np.searchsorted(took, age, side="right") / max(len(took), 1)
