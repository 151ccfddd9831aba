"""The shape of the trees, searched on folds that go forward in time, inside the training rows."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xgboost as xgb

from training.learning.boosting import THREADS, Boosting, Shape
from training.learning.trees import F32
from training.learning.tuning import Parameters, Real, Space, Whole, search
from training.propensity.bench import MOST_GROWN, MOST_JUDGED, MOST_TRIED, Bench, drawn
from training.trained import Trial
from training.validation import Labels

TRIALS, LEAST_CASES = 6, 1_000
MOST_ROUNDS, PATIENCE = 300, 8
SPACE: Space = {
    "depth": Whole(1, 5),
    "rate": Real(0.08, 0.3, log=True),
    "smallest": Real(5.0, 150.0, log=True),
    "ridge": Real(1.0, 30.0, log=True),
    "rows": Real(0.5, 1.0),
    "columns": Real(0.2, 0.7),
}
START: tuple[Parameters, ...] = (
    {"depth": 2, "rate": 0.2, "smallest": 20.0, "ridge": 5.0, "rows": 0.7, "columns": 0.4},
    {"depth": 4, "rate": 0.1, "smallest": 40.0, "ridge": 10.0, "rows": 0.7, "columns": 0.3},
)


@dataclass(frozen=True)
class Tuned:
    """The best shape, how many rounds served it, its log loss on later rows and every trial."""

    shape: Shape
    rounds: int
    loss: float
    default: float  # the log loss of the first start, before any search
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Grown:
    """A fold's rows, binned once for every trial."""

    earlier: xgb.QuantileDMatrix
    later: xgb.QuantileDMatrix

    def tried(self, shape: Shape, seed: int) -> tuple[int, float]:
        """The number of rounds that serves the later rows best, and the log loss there."""
        booster = xgb.train(
            shape.parameters((), seed), self.earlier, shape.rounds, evals=[(self.later, "later")],
            early_stopping_rounds=PATIENCE, verbose_eval=False,
        )  # fmt: skip
        return int(booster.best_iteration) + 1, float(booster.best_score)


def tuned(
    name: str, bench: Bench, label: Labels, seed: int, study: Path | None, trials: int = TRIALS
) -> Tuned:  # fmt: skip
    """Search the space by mean log loss over the folds; a search that was interrupted goes on.

    With few cases luck decides between shapes: then only the starts are tried. Trials see a sample; how
    many rounds the best shape is given is found on as many rows as the model will be grown on: more rows
    carry more rounds.
    """
    folds = [_grown(bench, label, number, seed, MOST_TRIED) for number in range(len(bench.folds))]

    def judge(parameters: Parameters) -> float:
        shape = shaped(name, parameters)
        return -float(np.mean([fold.tried(shape, seed)[1] for fold in folds]))

    asked = trials if (label[bench.split.train] == 1).sum() >= LEAST_CASES else min(trials, len(START))
    found = search(name, SPACE, judge, trials=asked, seed=seed, study=study, start=START,
                   measure="minus log loss of later rows")  # fmt: skip
    shape = shaped(name, found.best)
    rounds, _ = _grown(bench, label, 0, seed, MOST_GROWN).tried(shape, seed)
    return Tuned(shape, rounds, -found.value, -found.trials[0].value, found.trials)


def key(bench: Bench) -> str:
    """What the value of a trial depends on besides shape, label and seed: a search of others is not gone on.

    Columns, rows, and how many of them a trial sees.
    """
    said = f"{bench.columns} {bench.matrix.shape} {len(bench.folds)} {MOST_TRIED} {MOST_JUDGED} {PATIENCE}"
    return hashlib.sha256(said.encode()).hexdigest()[:8]


def shaped(name: str, parameters: Parameters) -> Shape:
    """The parameters as the learner takes them."""
    return Shape(name, int(parameters["depth"]), float(parameters["rate"]), MOST_ROUNDS,
                 float(parameters["smallest"]), float(parameters["ridge"]), float(parameters["rows"]),
                 float(parameters["columns"]))  # fmt: skip


def grown(tuning: Tuned, bench: Bench, label: Labels, seed: int) -> Boosting:
    """The chosen shape on the training rows."""
    rows, weight = drawn(label, bench.split.train, MOST_GROWN, seed)
    binned = _binned(bench.matrix[rows], label[rows], weight)
    booster = xgb.train(tuning.shape.parameters((), seed), binned, tuning.rounds)
    return Boosting(booster, bench.columns, tuning.shape, tuning.rounds)


def _grown(bench: Bench, label: Labels, number: int, seed: int, most: int) -> Grown:
    before, after = bench.folds[number]
    earlier, weight = drawn(label, before, most, seed + number)
    later, later_weight = drawn(label, after, MOST_JUDGED, seed + number)
    first = _binned(bench.matrix[earlier], label[earlier], weight)
    return Grown(first, _binned(bench.matrix[later], label[later], later_weight, first))


def _binned(
    matrix: F32, label: Labels, weight: F32, like: xgb.QuantileDMatrix | None = None
) -> xgb.QuantileDMatrix:
    return xgb.QuantileDMatrix(
        matrix, label.astype(np.float32), weight=weight, max_bin=64, ref=like, nthread=THREADS
    )
