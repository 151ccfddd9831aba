"""How many rounds, and how good: a shape of trees judged on folds that share their bins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from training.learning.boosting import BINS, Rows, Shape
from training.learning.encoding import encode, training_matrix
from training.learning.folds import Fold
from training.learning.inputs import Inputs
from training.validation import F64, Labels

PATIENCE, EVERY = 40, 5  # rounds without gain until it stops; rounds between two looks
LOSS, RANKING = "logloss", "auc"


@dataclass(frozen=True)
class Prepared:
    """One fold, encoded and binned once for every shape that is tried on it."""

    fit: xgb.QuantileDMatrix
    score: xgb.QuantileDMatrix
    signs: tuple[int, ...]
    scored: npt.NDArray[np.bool_]


def prepare(
    rows: Inputs, y: Labels, folds: Sequence[Fold], monotone: Mapping[str, int],
    specials: Mapping[str, Sequence[float]], seed: int, bins: int = BINS,
) -> list[Prepared]:  # fmt: skip
    """Encode each fold by its own fitting rows."""
    found = []
    for fold in folds:
        fitting = rows.take(fold.fit)
        encoding = encode(fitting, y[fold.fit], specials)
        fit = Rows.of(training_matrix(encoding, fitting, y[fold.fit], seed), bins=bins)
        score = Rows.of(encoding.apply(rows.take(fold.score)), like=fit, bins=bins)
        found.append(Prepared(
            fit.labelled(y[fold.fit]), score.labelled(y[fold.score]), encoding.signs(monotone), fold.score
        ))  # fmt: skip
    return found


@dataclass(frozen=True)
class Judged:
    """A shape's best number of rounds over all folds, and their mean measure there; larger is better."""

    rounds: int
    value: float
    boosters: tuple[xgb.Booster, ...]

    def margin(self, folds: Sequence[Prepared], n: int) -> F64:
        """Out-of-fold margins (n,), averaged where a row is scored more than once; NaN where never."""
        total, times = np.zeros(n), np.zeros(n)
        for booster, fold in zip(self.boosters, folds, strict=True):
            said = booster.predict(fold.score, output_margin=True, iteration_range=(0, self.rounds))
            total[fold.scored] += said
            times[fold.scored] += 1
        out: F64 = np.divide(total, times, out=np.full(n, np.nan), where=times > 0)
        return out


def judge(shape: Shape, folds: Sequence[Prepared], seed: int, measure: str = LOSS) -> Judged:
    """Grow the shape on all folds at once, and stop when their mean has not improved for a while.

    `measure` is LOSS or RANKING: the loss tells more of few rows, but where the rate moves from fold to
    fold it tells of nothing else.
    """
    sign = 1 if measure == RANKING else -1
    boosters = [
        xgb.Booster(shape.parameters(f.signs, seed) | {"eval_metric": measure}, [f.fit, f.score])
        for f in folds
    ]
    best, best_rounds, grown = -np.inf, 0, 0
    while grown < shape.rounds and grown - best_rounds <= PATIENCE:
        values = []
        for booster, fold in zip(boosters, folds, strict=True):
            for number in range(grown, grown + EVERY):
                booster.update(fold.fit, number)
            values.append(sign * float(booster.eval(fold.score).rsplit(":", 1)[1]))
        grown += EVERY
        if np.mean(values) > best:
            best, best_rounds = float(np.mean(values)), grown
    return Judged(best_rounds, best, tuple(boosters))
