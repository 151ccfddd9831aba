"""Ways to learn what an offer changes from a treated and a control arm: P(buy | shown) - P(buy | withheld).

Rows are (n, F) float32; `propensity` names the column that holds the log odds of buying anyway and
`kind` the column that numbers the kind of offer, where there are several.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from training.learning.boosting import THREADS
from training.learning.logistic import Logistic, newton
from training.learning.trees import F32
from training.release.propensity import OfferEffect
from training.validation import F64, Labels

Flags = npt.NDArray[np.bool_]
SMALL, SHRUNK = 0.2, 1.0
"""Kinds of offer differ in effect by about .2 log odds and in level by about 1: the ridge's prior."""
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
class EffectOnOdds:
    """The offer adds the same log odds to everybody, a little more or less by its kind.

    Whoever is likelier to buy anyway is then moved more, as far as p < 1/2: uplift ~ p (1 - p) effect.
    A handful of parameters, so that thousands of purchases are enough where trees need millions.
    """

    propensity: int
    kind: int | None = None

    def __call__(self, matrix: F32, y: Labels, treated: Flags, chance: F64, seed: int) -> "OddsFitted":
        """A logistic regression on level, propensity and treatment, by kind, shrunk towards their common."""
        kinds = self._kinds(matrix)
        margin = matrix[:, self.propensity].astype(np.float64)
        centre = float(margin.mean())
        known = np.unique(kinds)
        fitted = newton(_design(margin - centre, treated, kinds, known), y, ridge=1.0)
        return OddsFitted(self, _effects(fitted, known, centre))

    def _kinds(self, matrix: F32) -> npt.NDArray[np.int64]:
        if self.kind is None:
            return np.zeros(len(matrix), np.int64)
        return matrix[:, self.kind].astype(np.int64)


@dataclass(frozen=True)
class OddsFitted:
    """An effect for each kind of offer; a kind never seen has no uplift known (NaN)."""

    learner: EffectOnOdds
    effects: Mapping[int, OfferEffect]

    def uplift(self, matrix: F32) -> F64:
        """P(buy | shown) - P(buy | withheld) of each row."""
        kinds, margin = self.learner._kinds(matrix), matrix[:, self.learner.propensity]
        found = np.full(len(matrix), np.nan)
        for kind, effect in self.effects.items():
            rows = kinds == kind
            shown, withheld = effect.arms(margin[rows].astype(np.float64))
            found[rows] = shown - withheld
        return found


def _design(margin: F64, treated: Flags, kinds: npt.NDArray[np.int64], known: npt.NDArray[np.int64]) -> F64:
    one = (kinds[:, None] == known).astype(np.float64)
    shown = treated.astype(np.float64)
    design: F64 = np.c_[
        margin, shown, SHRUNK * one, SMALL * one * margin[:, None], SMALL * one * shown[:, None]
    ]
    return design


def _effects(fitted: Logistic, known: npt.NDArray[np.int64], centre: float) -> dict[int, OfferEffect]:
    size, weights = len(known), fitted.weights
    level, slope, effect = (weights[2 + part * size : 2 + (part + 1) * size] for part in range(3))
    found = {}
    for number, kind in enumerate(known):
        steep = float(weights[0] + SMALL * slope[number])
        start = float(fitted.intercept + SHRUNK * level[number]) - steep * centre
        found[int(kind)] = OfferEffect(start, steep, float(weights[1] + SMALL * effect[number]))
    return found


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
