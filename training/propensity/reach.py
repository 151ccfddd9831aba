"""Who could buy at all? Telling apart those who never do is easy, and no campaign lives by it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.learning.trees import F32
from training.validation import F64, Labels

BINS = 20
EXPECTED = 10.0  # by chance alone such a bin holds no purchase once in 22,000

Places = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Reach:
    """Training rows and rows in question, each column cut into the training rows' twentieths."""

    known: Places  # (n, F)
    asked: Places  # (m, F)

    @staticmethod
    def of(train: F32, rows: F32) -> "Reach":
        """Cut the columns of both; what is unknown is a bin of its own."""
        edges = [_edges(column) for column in train.T]
        return Reach(_places(train, edges), _places(rows, edges))

    def within(self, y: Labels) -> npt.NDArray[np.bool_]:
        """False for the rows in question of whom nobody alike has bought, (m,); `y` labels the training.

        Alike means the same bin of some one column, in which the training rows, at their base rate,
        would have held ten purchases and held none.

        >>> holds = np.repeat(np.array([[0.0], [1.0]], np.float32), 200, axis=0)
        >>> bought = np.where(holds[:, 0] == 0, np.arange(400) % 4 == 0, False).astype(np.int8)
        >>> Reach.of(holds, np.array([[0.0], [1.0]], np.float32)).within(bought).tolist()
        [True, False]
        """
        reached = np.ones(len(self.asked), np.bool_)
        for known, asked in zip(self.known.T, self.asked.T, strict=True):
            bought = np.bincount(known, weights=y, minlength=BINS + 1)
            expected = np.bincount(known, minlength=BINS + 1) * y.mean()
            reached &= ~((bought == 0) & (expected >= EXPECTED))[asked]
        return reached


def _edges(column: F32) -> F64:
    known = column[~np.isnan(column)].astype(np.float64)
    found: F64 = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else np.zeros(0)
    return found


def _places(matrix: F32, edges: list[F64]) -> Places:
    found = np.empty(matrix.shape, np.int16)
    for at, column in enumerate(matrix.T):
        found[:, at] = np.where(np.isnan(column), BINS, np.searchsorted(edges[at], column, side="left"))
    return found
