"""The candidates of a binary model, judged on folds inside the training rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.learning import logistic, rounds, scorecard
from training.learning.bins import MOST_BINS
from training.learning.boosting import Shape
from training.learning.folds import Fold
from training.learning.inputs import Inputs
from training.learning.tuning import Parameters, Real, Space, Whole, search
from training.release.calibration import Calibration
from training.trained import Trial
from training.validation import F64, Labels, auc

RIDGES = (1.0, 5.0, 20.0, 80.0)
FINE_BINS = 8
RATE, MOST_ROUNDS = 0.05, 600
TUNED_ON = 12_000  # rows the search looks at; the rounds are found on all of them afterwards
START: tuple[Parameters, ...] = (
    {"depth": 3, "smallest": 0.005, "ridge": 3.0, "columns": 0.4},
    {"depth": 2, "smallest": 0.001, "ridge": 1.0, "columns": 0.3},
    {"depth": 5, "smallest": 0.01, "ridge": 10.0, "columns": 0.4},
)
SPACE: Space = {
    "depth": Whole(1, 6), "smallest": Real(0.0005, 0.03, log=True), "ridge": Real(0.3, 30.0, log=True),
    "columns": Real(0.15, 1.0),
}  # fmt: skip


@dataclass(frozen=True)
class Task:
    """What every candidate is judged on: rows, labels, folds, and what is declared about columns."""

    rows: Inputs
    y: Labels
    folds: tuple[Fold, ...]
    monotone: Mapping[str, int]
    specials: Mapping[str, Sequence[float]]
    seed: int
    in_time: bool

    def value(self, margin: F64) -> float:
        """AUC of out-of-fold margins: pooled, or the mean of the folds where they go forward in time.

        A rate that shifts with time would otherwise be credited to the ranking.
        """
        if self.in_time:
            return float(np.mean([auc(self.y[fold.score], margin[fold.score]) for fold in self.folds]))
        scored = ~np.isnan(margin)
        return auc(self.y[scored], margin[scored])

    def line(self, margin: F64) -> Calibration:
        """Platt's line through the out-of-fold margins."""
        scored = ~np.isnan(margin)
        return logistic.platt(margin[scored], self.y[scored])


@dataclass(frozen=True)
class Candidate:
    """One way to score: its parameters, its out-of-fold margins (NaN where unscored), their calibration."""

    name: str
    parameters: Mapping[str, object]
    margin: F64
    line: Calibration
    value: float

    @staticmethod
    def of(name: str, parameters: Mapping[str, object], margin: F64, task: Task) -> "Candidate":
        """Calibrate and measure."""
        return Candidate(name, parameters, margin, task.line(margin), task.value(margin))

    @property
    def calibrated(self) -> F64:
        """Out-of-fold log odds after calibration."""
        out: F64 = self.line.a * self.margin + self.line.b
        return out

    @property
    def trial(self) -> Trial:
        """As a nested run tells it."""
        return Trial(self.name, self.parameters, "auc", self.value)


def blended(card: Candidate, trees: Candidate, task: Task) -> Candidate:
    """The mean of two calibrated log odds: what columns add to each adds up in it too."""
    return Candidate.of("blend", {}, (card.calibrated + trees.calibrated) / 2, task)


def scorecards(task: Task) -> tuple[Candidate, ...]:
    """Scorecards of few and of more bins under every ridge, best first."""
    found = []
    for most in (MOST_BINS, FINE_BINS):
        sums = {ridge: _Sum.zeros(len(task.y)) for ridge in RIDGES}
        for fold in task.folds:
            fitting, y = task.rows.take(fold.fit), task.y[fold.fit]
            scored = task.rows.take(fold.score)
            binned = scorecard.bin_columns(fitting, y, task.monotone, task.specials, most)
            for ridge, total in sums.items():
                total.add(fold, scorecard.weigh(binned, fitting, y, ridge).margin(scored))
        found += [
            Candidate.of("scorecard", {"ridge": ridge, "bins": most}, total.mean(), task)
            for ridge, total in sums.items()
        ]
    return tuple(sorted(found, key=lambda each: -each.value))


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


def shape_of(parameters: Parameters, y: Labels) -> Shape:
    """A shape from searched parameters; a leaf needs `smallest` of all the evidence there is."""
    rate = float(y.mean())
    smallest = float(np.clip(len(y) * rate * (1 - rate) * parameters["smallest"], 0.1, 60.0))
    return Shape(
        "tuned", int(parameters["depth"]), RATE, MOST_ROUNDS, smallest, float(parameters["ridge"]), 0.7,
        float(parameters["columns"]),
    )  # fmt: skip


@dataclass(frozen=True)
class Tuned:
    """The best shape with its number of rounds, as a candidate, and every trial on the way."""

    shape: Shape
    candidate: Candidate
    trials: tuple[Trial, ...]


def boostings(task: Task, trials: int, study: Path | None) -> Tuned:
    """Search a shape on at most TUNED_ON rows, then find its rounds on all of them."""
    few = _thinned(task)
    prepared = rounds.prepare(few.rows, few.y, few.folds, few.monotone, few.specials, few.seed)
    found = search(
        "boosting", SPACE, lambda p: rounds.judge(shape_of(p, few.y), prepared, few.seed).value,
        trials=trials, seed=task.seed, study=study, start=START[:trials], measure="auc",
    )  # fmt: skip
    if few is not task:
        prepared = rounds.prepare(task.rows, task.y, task.folds, task.monotone, task.specials, task.seed)
    shape = shape_of(found.best, task.y)
    judged = rounds.judge(shape, prepared, task.seed)
    told = {**found.best, "rounds": judged.rounds}
    candidate = Candidate.of("boosting", told, judged.margin(prepared, len(task.y)), task)
    return Tuned(replace(shape, rounds=judged.rounds), candidate, found.trials)


def _thinned(task: Task) -> Task:
    if len(task.y) <= TUNED_ON:
        return task
    kept = np.zeros(len(task.y), bool)
    kept[np.random.default_rng(task.seed).permutation(len(task.y))[:TUNED_ON]] = True
    folds = tuple(Fold(fold.fit[kept], fold.score[kept]) for fold in task.folds)
    return replace(task, rows=task.rows.take(kept), y=task.y[kept], folds=folds)
