"""Gradient boosting and its exact fit: candidates, rounds found on folds, monotone by domain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from training.learning.trees import F32, Ensemble, read
from training.validation import F64, Labels

# Two threads gain a tenth on an idle machine and lose tenfold on a busy one, where they wait spinning.
THREADS = 1
BINS = 64


@dataclass(frozen=True)
class Shape:
    """One candidate: how deep and how careful the trees are.

    `forest` > 1 grows that many at once. With `leaves` a tree grows where it gains most, up to so many
    leaves and at most `depth` deep; `bins` is how finely columns are cut.
    """

    name: str
    depth: int
    rate: float
    rounds: int
    smallest: float = 20.0
    ridge: float = 1.0
    rows: float = 0.8
    columns: float = 0.6
    forest: int = 1
    leaves: int = 0
    bins: int = BINS

    def parameters(self, monotone: Sequence[int], seed: int) -> dict[str, object]:
        """XGBoost's words for it."""
        signs = {"monotone_constraints": "(" + ",".join(map(str, monotone)) + ")"} if any(monotone) else {}
        if self.leaves:
            signs |= {"grow_policy": "lossguide", "max_leaves": str(self.leaves)}
        return {
            "objective": "binary:logistic", "tree_method": "hist", "max_bin": self.bins, "verbosity": 0,
            "max_depth": self.depth, "eta": self.rate, "min_child_weight": self.smallest,
            "lambda": self.ridge, "subsample": self.rows, "colsample_bynode": self.columns,
            "num_parallel_tree": self.forest, "seed": seed, "nthread": THREADS, **signs,
        }  # fmt: skip


@dataclass(frozen=True)
class Boosting:
    """A fitted ensemble; `matrix` columns are in `columns` order."""

    booster: xgb.Booster
    columns: tuple[str, ...]
    shape: Shape
    rounds: int

    def margin(self, matrix: F32) -> F64:
        """Log-odds for (n, F) rows, NaN allowed, as XGBoost itself computes them."""
        return np.asarray(self.booster.predict(xgb.DMatrix(matrix), output_margin=True), np.float64)

    def ensemble(self, matrix: F32) -> Ensemble:
        """The trees as plain arrays; `matrix` holds the rows whose average reasons refer to."""
        return read(self.booster, self.columns, matrix)

    def gains(self) -> list[tuple[str, float]]:
        """Each used column's share of the total gain, largest first."""
        raw: Mapping[str, float] = self.booster.get_score(importance_type="total_gain")
        total = sum(raw.values()) or 1.0
        named = [(self.columns[int(key[1:])], gain / total) for key, gain in raw.items()]
        return sorted(named, key=lambda pair: (-pair[1], pair[0]))


@dataclass(frozen=True)
class Rows:
    """Binned rows of one fold; the same bins serve every label."""

    data: xgb.QuantileDMatrix

    @staticmethod
    def of(matrix: F32, like: "Rows | None" = None, bins: int = BINS) -> "Rows":
        """Bin a matrix; `like` names the training rows whose bins a watched fold shares."""
        ref = like.data if like else None
        return Rows(xgb.QuantileDMatrix(matrix, max_bin=bins, ref=ref, nthread=THREADS))

    def labelled(self, y: Labels) -> xgb.QuantileDMatrix:
        """The binned rows with this label."""
        self.data.set_label(y.astype(np.float32))
        return self.data


def rounds_for(
    shape: Shape, rows: Rows, y: Labels, watched: Rows, y_watched: Labels, seed: int
) -> tuple[int, float]:
    """The number of rounds that serves a later fold best, and the log loss there."""
    booster = xgb.train(
        shape.parameters((), seed), rows.labelled(y), shape.rounds,
        evals=[(watched.labelled(y_watched), "later")], early_stopping_rounds=15, verbose_eval=False,
    )  # fmt: skip
    return int(booster.best_iteration) + 1, float(booster.best_score)


def fit(
    shape: Shape, rows: Rows, y: Labels, columns: Sequence[str], rounds: int, seed: int,
    monotone: Sequence[int] = (),
) -> Boosting:  # fmt: skip
    """Train exactly `rounds` rounds on all the rows given."""
    booster = xgb.train(shape.parameters(monotone, seed), rows.labelled(y), rounds)
    return Boosting(booster, tuple(columns), shape, rounds)


def signs(columns: Sequence[str], risk_rises: frozenset[str], risk_falls: frozenset[str]) -> tuple[int, ...]:
    """+1 where risk may only rise with the column, -1 where it may only fall, 0 where it is free.

    >>> signs(("a", "b", "c"), frozenset({"a"}), frozenset({"c"}))
    (1, 0, -1)
    """
    return tuple((name in risk_rises) - (name in risk_falls) for name in columns)


def as_model_input(matrix: npt.ArrayLike) -> F32:
    """Feature values as every model sees them: float32, cast once."""
    return np.ascontiguousarray(np.asarray(matrix, np.float32))
