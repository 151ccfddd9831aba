"""The candidates of a binary model, judged on folds inside the training rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.learning import logistic, rounds
from training.learning.boosting import Shape
from training.learning.folds import Fold
from training.learning.inputs import Inputs
from training.learning.tuning import Parameters, Real, Space, Whole, search
from training.release.calibration import Calibration
from training.trained import Trial
from training.validation import F64, Interval, Labels, auc, auc_difference

RATE, MOST_ROUNDS, FINE, DEEPEST = 0.05, 400, 256, 8
TUNED_ON = 12_000  # rows the search looks at; the rounds are found on all of them afterwards
LEAST_SLOPE = 0.05
AVERAGED = 3  # a search on few rows cannot tell the best shapes apart: their mean decides
START: tuple[Parameters, ...] = (
    {"leaves": 8, "smallest": 0.003, "ridge": 3.0, "columns": 0.4, "rows": 0.7},
    {"leaves": 4, "smallest": 0.0005, "ridge": 1.0, "columns": 0.4, "rows": 0.7},
    {"leaves": 24, "smallest": 0.005, "ridge": 5.0, "columns": 0.3, "rows": 0.7},
    {"leaves": 15, "smallest": 0.002, "ridge": 1.0, "columns": 0.9, "rows": 1.0},
)
SPACE: Space = {
    "leaves": Whole(2, 32, log=True), "smallest": Real(0.0003, 0.02, log=True),
    "ridge": Real(0.3, 30.0, log=True), "columns": Real(0.15, 1.0), "rows": Real(0.5, 1.0),
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

    def gain(self, margin: F64, other: F64) -> Interval:
        """How much better one set of out-of-fold margins ranks than another, paired; in time by folds."""
        if not self.in_time:
            scored = ~np.isnan(margin)
            return auc_difference(self.y[scored], margin[scored], other[scored])
        gains = np.array([
            auc(self.y[fold.score], margin[fold.score]) - auc(self.y[fold.score], other[fold.score])
            for fold in self.folds
        ])  # fmt: skip
        mean, spread = float(gains.mean()), float(gains.std(ddof=1)) if len(gains) > 1 else 1.0
        reach = 1.96 * spread / np.sqrt(len(gains))
        return Interval(mean, mean - reach, mean + reach)

    def line(self, margin: F64) -> Calibration:
        """Platt's line through the out-of-fold margins; forward in time, at the rate of the last fold."""
        scored = ~np.isnan(margin)
        if not self.in_time:
            return logistic.platt(margin[scored], self.y[scored])
        last = self.folds[-1].score
        found = logistic.platt(margin[last], self.y[last])
        if found.a >= LEAST_SLOPE:
            return found
        # A ranking that does not hold up is drawn together to the base rate, but it stays a ranking.
        rate = float(np.clip(self.y[last].mean(), 1e-6, 1 - 1e-6))
        return Calibration(LEAST_SLOPE, np.log(rate / (1 - rate)) - LEAST_SLOPE * float(margin[last].mean()))

    @property
    def measure(self) -> str:
        """What trees are stopped and searched by."""
        return rounds.RANKING if self.in_time else rounds.LOSS


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


def shape_of(parameters: Parameters, y: Labels) -> Shape:
    """A shape from searched parameters; a leaf needs `smallest` of all the evidence there is."""
    rate = float(y.mean())
    smallest = float(np.clip(len(y) * rate * (1 - rate) * parameters["smallest"], 0.1, 60.0))
    return Shape(
        "tuned", DEEPEST, RATE, MOST_ROUNDS, smallest, float(parameters["ridge"]), float(parameters["rows"]),
        float(parameters["columns"]), leaves=int(parameters["leaves"]), bins=FINE,
    )  # fmt: skip


@dataclass(frozen=True)
class Tuned:
    """The best shapes, each with its number of rounds, their mean as a candidate, and every trial."""

    shapes: tuple[Shape, ...]
    candidate: Candidate
    trials: tuple[Trial, ...]


def boostings(task: Task, trials: int, study: Path | None) -> Tuned:
    """Search shapes on at most TUNED_ON rows, then find the rounds of the best on all of them."""
    few = _thinned(task)
    prepared = _prepared(few)
    found = search(
        "boosting", SPACE, lambda p: rounds.judge(shape_of(p, few.y), prepared, few.seed, few.measure).value,
        trials=trials, seed=task.seed, study=study, start=START[:trials],
        measure="auc" if task.in_time else "minus log loss",
    )  # fmt: skip
    prepared = prepared if few is task else _prepared(task)
    shapes, margins = [], []
    for number, trial in enumerate(sorted(found.trials, key=lambda each: -each.value)[:AVERAGED]):
        shape = shape_of(trial.parameters, task.y)
        judged = rounds.judge(shape, prepared, task.seed + number, task.measure)
        shapes.append(replace(shape, rounds=judged.rounds))
        margins.append(judged.margin(prepared, len(task.y)))
    told = {**found.best, "rounds": shapes[0].rounds, "averaged": len(shapes)}
    candidate = Candidate.of("boosting", told, np.mean(margins, axis=0), task)
    return Tuned(tuple(shapes), candidate, found.trials)


def _prepared(task: Task) -> list[rounds.Prepared]:
    return rounds.prepare(task.rows, task.y, task.folds, task.monotone, task.specials, task.seed, FINE)


def _thinned(task: Task) -> Task:
    if len(task.y) <= TUNED_ON:
        return task
    kept = np.zeros(len(task.y), bool)
    kept[np.random.default_rng(task.seed).permutation(len(task.y))[:TUNED_ON]] = True
    folds = tuple(Fold(fold.fit[kept], fold.score[kept]) for fold in task.folds)
    return replace(task, rows=task.rows.take(kept), y=task.y[kept], folds=folds)
