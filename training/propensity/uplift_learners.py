"""What an offer changes, learned by trees from a treated and a control arm.

Each gives P(buy | shown) - P(buy | withheld). Rows are (n, F) float32.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from training.learning.boosting import THREADS
from training.learning.trees import F32
from training.validation import F64, Labels

Flags = npt.NDArray[np.bool_]
ROUNDS = 60
TREES: Mapping[str, object] = {
    "tree_method": "hist", "max_bin": 64, "verbosity": 0, "nthread": THREADS, "max_depth": 3, "eta": 0.1,
    "min_child_weight": 10, "lambda": 10, "subsample": 0.7, "colsample_bynode": 0.5,
}  # fmt: skip


class Fitted(Protocol):
    """What a learner leaves behind."""

    def uplift(self, matrix: F32) -> F64:
        """P(buy | shown) - P(buy | withheld) of each row."""
        ...


class Learner(Protocol):
    """Learns from n rows of both arms; `chance` is that of being treated."""

    def __call__(self, matrix: F32, y: Labels, treated: Flags, chance: F64, seed: int) -> Fitted:
        """Fit."""
        ...


@dataclass(frozen=True)
class OneModel:
    """S-learner: one boosting that sees the treatment as a column, asked with it on and off."""

    booster: xgb.Booster

    @staticmethod
    def learn(matrix: F32, y: Labels, treated: Flags, chance: F64, seed: int) -> "OneModel":
        """Fit."""
        return OneModel(_classifier(np.c_[matrix, treated].astype(np.float32), y, seed))

    def uplift(self, matrix: F32) -> F64:
        """P(buy | shown) - P(buy | withheld) of each row."""
        on, off = (_asked(self.booster, np.c_[matrix, np.full(len(matrix), t)].astype(np.float32))
                   for t in (1, 0))  # fmt: skip
        return on - off


@dataclass(frozen=True)
class TwoModels:
    """T-learner: a boosting for each arm."""

    treated: xgb.Booster
    control: xgb.Booster

    @staticmethod
    def learn(matrix: F32, y: Labels, treated: Flags, chance: F64, seed: int) -> "TwoModels":
        """Fit."""
        return TwoModels(_classifier(matrix[treated], y[treated], seed),
                         _classifier(matrix[~treated], y[~treated], seed))  # fmt: skip

    def uplift(self, matrix: F32) -> F64:
        """P(buy | shown) - P(buy | withheld) of each row."""
        return _asked(self.treated, matrix) - _asked(self.control, matrix)


@dataclass(frozen=True)
class Transformed:
    """One regression on y t / e - y (1 - t) / (1 - e), whose mean is the uplift (Athey and Imbens 2015)."""

    booster: xgb.Booster

    @staticmethod
    def learn(matrix: F32, y: Labels, treated: Flags, chance: F64, seed: int) -> "Transformed":
        """Fit."""
        return Transformed(_regression(matrix, np.where(treated, y / chance, -y / (1 - chance)), seed))

    def uplift(self, matrix: F32) -> F64:
        """P(buy | shown) - P(buy | withheld) of each row."""
        return _asked(self.booster, matrix)


@dataclass(frozen=True)
class Crossed:
    """X-learner: what each arm would have done by the other's model, regressed (Kuenzel et al. 2019)."""

    on_treated: xgb.Booster
    on_control: xgb.Booster
    share: float

    @staticmethod
    def learn(matrix: F32, y: Labels, treated: Flags, chance: F64, seed: int) -> "Crossed":
        """Fit."""
        both = TwoModels.learn(matrix, y, treated, chance, seed)
        gained = y[treated] - _asked(both.control, matrix[treated])
        missed = _asked(both.treated, matrix[~treated]) - y[~treated]
        return Crossed(_regression(matrix[treated], gained, seed),
                       _regression(matrix[~treated], missed, seed), float(treated.mean()))  # fmt: skip

    def uplift(self, matrix: F32) -> F64:
        """P(buy | shown) - P(buy | withheld) of each row."""
        mixed: F64 = self.share * _asked(self.on_control, matrix) + (1 - self.share) * _asked(
            self.on_treated, matrix
        )
        return mixed


@dataclass(frozen=True)
class Base:
    """The log odds of buying without the offer, where nobody brings them from elsewhere."""

    booster: xgb.Booster

    @staticmethod
    def crossed(matrix: F32, y: Labels, treated: Flags, seed: int) -> tuple["Base", F32]:
        """A model of all rows; and the rows beside what a model of the other half says of them.

        A margin a row was itself learned from would be too sure of it.
        """
        half, margin = np.arange(len(y)) % 2 == 0, np.empty(len(y), np.float32)
        for rows in (half, ~half):
            other = Base._of(matrix[~rows], y[~rows], treated[~rows], seed)
            margin[rows] = other.beside(matrix[rows])[:, -1]
        return Base._of(matrix, y, treated, seed), np.c_[matrix, margin]

    @staticmethod
    def _of(matrix: F32, y: Labels, treated: Flags, seed: int) -> "Base":
        return Base(OneModel.learn(matrix, y, treated, np.zeros(0), seed).booster)

    def beside(self, matrix: F32) -> F32:
        """The rows with the log odds as a further, last column."""
        off = np.c_[matrix, np.zeros(len(matrix))].astype(np.float32)
        said = self.booster.predict(xgb.DMatrix(off, nthread=THREADS), output_margin=True)
        beside: F32 = np.c_[matrix, said].astype(np.float32)
        return beside


def _classifier(matrix: F32, y: Labels, seed: int) -> xgb.Booster:
    return _trained("binary:logistic", matrix, y.astype(np.float32), seed)


def _regression(matrix: F32, target: F64, seed: int) -> xgb.Booster:
    return _trained("reg:squarederror", matrix, target.astype(np.float32), seed)


def _trained(objective: str, matrix: F32, target: npt.NDArray[np.float32], seed: int) -> xgb.Booster:
    data = xgb.QuantileDMatrix(matrix, target, max_bin=64, nthread=THREADS)
    return xgb.train({**TREES, "objective": objective, "seed": seed}, data, ROUNDS)


def _asked(booster: xgb.Booster, matrix: F32) -> F64:
    return np.asarray(booster.predict(xgb.DMatrix(matrix, nthread=THREADS)), np.float64)
