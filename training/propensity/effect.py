"""An offer adds the same log odds to everybody: the simplest model of what offers change."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.learning.logistic import Logistic, newton
from training.learning.trees import F32
from training.release.propensity import OfferEffect
from training.validation import F64, Labels

Flags = npt.NDArray[np.bool_]
SMALL, SHRUNK = 0.2, 1.0
"""Kinds of offer differ in effect by about .2 log odds and in level by about 1: the ridge's prior."""


@dataclass(frozen=True)
class EffectOnOdds:
    """The offer adds the same log odds to everybody, a little more or less by its kind.

    Whoever is likelier to buy anyway is then moved more, as far as p < 1/2: uplift ~ p (1 - p) effect.
    A handful of parameters, so that thousands of purchases are enough where trees need millions.
    `propensity` is the column that holds the log odds of buying anyway, `kind` the column that numbers
    the kind of offer, where there are several.
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
