"""Scorecards as candidates: few or more bins, a ridge, refined or not, judged out of fold."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from training.learning import scorecard
from training.learning.bins import MOST_BINS
from training.learning.candidates import Candidate, Task
from training.learning.folds import Fold
from training.learning.inputs import Inputs
from training.learning.refining import refine
from training.learning.scorecard import Characteristic, Scorecard
from training.validation import F64, Labels

FINE_BINS = 8
RIDGES = (1.0, 5.0, 20.0, 80.0)
PLAIN_RIDGE, REFINING = 5.0, 60.0


@dataclass(frozen=True)
class CardShape:
    """One way to make points: at most so many bins, a ridge for the weights, and one for the refining."""

    bins: int
    ridge: float
    refined: float | None = None

    def make(self, binned: Sequence[Characteristic], rows: Inputs, y: Labels, task: Task) -> Scorecard:
        """The card of characteristics that are already binned on these rows."""
        card = scorecard.weigh(binned, rows, y, self.ridge)
        return card if self.refined is None else refine(card, rows, y, task.monotone, self.refined)

    def binned(self, rows: Inputs, y: Labels, task: Task) -> tuple[Characteristic, ...]:
        """The characteristics of these rows."""
        return scorecard.bin_columns(rows, y, task.monotone, task.specials, self.bins)


def scorecards(task: Task) -> tuple[tuple[CardShape, Candidate], ...]:
    """Scorecards of few and of more bins, under every ridge and refined, best first."""
    found = []
    for most in (MOST_BINS, FINE_BINS):
        shapes = [*(CardShape(most, ridge) for ridge in RIDGES), CardShape(most, PLAIN_RIDGE, REFINING)]
        sums = {shape: _Sum.zeros(len(task.y)) for shape in shapes}
        for fold in task.folds:
            fitting, y = task.rows.take(fold.fit), task.y[fold.fit]
            scored, binned = task.rows.take(fold.score), shapes[0].binned(fitting, y, task)
            for shape, total in sums.items():
                total.add(fold, shape.make(binned, fitting, y, task).margin(scored))
        found += [
            (shape, Candidate.of("scorecard", asdict(shape), total.mean(), task))
            for shape, total in sums.items()
        ]
    return tuple(sorted(found, key=lambda each: -each[1].value))


@dataclass(frozen=True)
class _Sum:
    total: F64
    times: F64

    @staticmethod
    def zeros(n: int) -> "_Sum":
        return _Sum(np.zeros(n), np.zeros(n))

    def add(self, fold: Fold, margin: F64) -> None:
        self.total[fold.score] += margin
        self.times[fold.score] += 1

    def mean(self) -> F64:
        unscored = np.full(len(self.total), np.nan)
        out: F64 = np.divide(self.total, self.times, out=unscored, where=self.times > 0)
        return out
