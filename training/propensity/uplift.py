"""Whom does an offer move? An estimator of uplift for any table with a treated and a control arm."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted

from training.learning.trees import F32
from training.propensity.bench import forward
from training.propensity.effect import EffectOnOdds
from training.propensity.qini import Arms, qini, qini_interval
from training.propensity.uplift_learners import (
    Base,
    Crossed,
    Fitted,
    Learner,
    OneModel,
    Transformed,
    TwoModels,
)
from training.validation import F64, Interval

Flags = npt.NDArray[np.bool_]
METHODS = ("effect", "one", "two", "transformed", "crossed")
"""The simplest first: effect on the odds, S-learner, T-learner, transformed outcome, X-learner."""


@dataclass(frozen=True)
class Choice:
    """How each method ranked later offers, and which of them is used."""

    chosen: str
    found: Mapping[str, Interval] = field(default_factory=dict)
    gain: Mapping[str, Interval] = field(default_factory=dict)  # over the simplest, paired


def learner(method: str, propensity: int, kind: int | None) -> Learner:
    """The learner of that name. ValueError for another name."""
    known: dict[str, Learner] = {
        "effect": EffectOnOdds(propensity, kind), "one": OneModel.learn, "two": TwoModels.learn,
        "transformed": Transformed.learn, "crossed": Crossed.learn,
    }  # fmt: skip
    if method not in known:
        raise ValueError(f"There is no method '{method}'. Choose 'auto' or one of {', '.join(METHODS)}.")
    return known[method]


def choose(
    matrix: F32, arms: Arms, at: npt.NDArray[np.int64], propensity: int, kind: int | None, seed: int,
    horizon: int = 0,
) -> Choice:  # fmt: skip
    """The simplest method, unless another ranks later offers clearly better.

    Folds go forward in time, `horizon` apart. Predictions of all folds are judged together by the
    Qini; clearly better means that the 95 % interval of the paired difference is above zero.
    """
    folds = forward(at, np.ones(len(at), np.bool_), horizon)
    judged = np.flatnonzero(np.any([later for _, later in folds], axis=0))
    said = {name: np.full(len(at), np.nan) for name in METHODS}
    for earlier, later in folds:
        for name in METHODS:
            fitted = learner(name, propensity, kind)(
                matrix[earlier], arms.y[earlier], arms.treated[earlier], arms.chance[earlier], seed
            )
            said[name][later] = np.nan_to_num(fitted.uplift(matrix[later]))
    rows, plain = arms.rows(judged), said[METHODS[0]][judged]
    found = {name: qini_interval(said[name][judged], rows, seed) for name in METHODS}
    gain = {name: qini_interval(said[name][judged], rows, seed, plain) for name in METHODS[1:]}
    clear = [name for name in METHODS[1:] if gain[name].low > 0]
    best = max(clear, key=lambda name: found[name].value, default=METHODS[0])
    return Choice(best, found, gain)


class UpliftClassifier(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """P(y = 1 | treated) - P(y = 1 | not treated) of each row, in scikit-learn's manner.

    `method` is one of METHODS, or "auto", which chooses among them on later rows by the Qini (its
    definition: `training.propensity.qini`). `propensity` is the index of a column with the log odds of
    y from elsewhere, None to learn them here; `kind` the index of a column that numbers the kind of
    treatment from 0, None where there is one.

    >>> rng = np.random.default_rng(7)
    >>> X, treated = rng.normal(size=(4000, 3)), rng.random(4000) < 0.5
    >>> odds = X[:, 0] - 2 + 0.8 * treated
    >>> y = rng.random(4000) < 1 / (1 + np.exp(-odds))
    >>> model = UpliftClassifier(method="effect").fit(X, y, treated)
    >>> likely, unlikely = model.predict([[1.5, 0, 0], [-2, 0, 0]])
    >>> bool(likely > 2 * unlikely > 0)
    True
    """

    def __init__(
        self, method: str = "auto", propensity: int | None = None, kind: int | None = None,
        random_state: int = 7,
    ) -> None:  # fmt: skip
        self.method = method
        self.propensity = propensity
        self.kind = kind
        self.random_state = random_state

    def fit(
        self, X: npt.ArrayLike, y: npt.ArrayLike, treated: npt.ArrayLike,
        chance: npt.ArrayLike | None = None, times: npt.ArrayLike | None = None,
    ) -> Self:  # fmt: skip
        """Learn from n rows: `y` 0 or 1, `treated` whether the row was, `chance` the chance it had to be.

        `times` orders the rows, so that methods are chosen on later ones; without it they are taken as
        they come. ValueError where an arm or an outcome is missing, or lengths differ.
        """
        values = check_array(X, dtype=np.float32, ensure_all_finite="allow-nan")
        arms = _checked(len(values), y, treated, chance)
        self.n_features_in_ = values.shape[1]
        matrix, place = self._prepared(values, arms)
        at = np.arange(len(values)) if times is None else np.asarray(times).astype(np.int64)
        self.choice_ = Choice(self.method) if self.method != "auto" else choose(
            matrix, arms, at, place, self.kind, self.random_state)  # fmt: skip
        learn = learner(self.choice_.chosen, place, self.kind)
        self.fitted_: Fitted = learn(matrix, arms.y, arms.treated, arms.chance, self.random_state)
        return self

    def predict(self, X: npt.ArrayLike) -> F64:
        """The uplift of each row, between -1 and 1 (a regression on differences may overshoot)."""
        check_is_fitted(self, "fitted_")
        values = check_array(X, dtype=np.float32, ensure_all_finite="allow-nan")
        if values.shape[1] != self.n_features_in_:
            raise ValueError(f"X has {values.shape[1]} columns, fitted with {self.n_features_in_}.")
        return self.fitted_.uplift(values if self.base_ is None else self.base_.beside(values))

    def score(self, X: npt.ArrayLike, y: npt.ArrayLike, treated: npt.ArrayLike) -> float:
        """The Qini on other rows, in purchases a row."""
        return qini(self.predict(X), Arms.of(y, treated))

    def _prepared(self, values: F32, arms: Arms) -> tuple[F32, int]:
        """The rows with a column of log odds, learned where none was named, and where it stands."""
        if self.propensity is not None:
            self.base_ = None
            return values, self.propensity
        self.base_, matrix = Base.crossed(values, arms.y, arms.treated, self.random_state)
        return matrix, matrix.shape[1] - 1


def _checked(n: int, y: npt.ArrayLike, treated: npt.ArrayLike, chance: npt.ArrayLike | None) -> Arms:
    found, shown = np.asarray(y), np.asarray(treated)
    lengths = {"y": len(found), "treated": len(shown)}
    if chance is not None:
        lengths["chance"] = len(np.asarray(chance))
    if wrong := {name: size for name, size in lengths.items() if size != n}:
        raise ValueError(f"X has {n} rows, but {wrong}.")
    for name, values in (("y", found), ("treated", shown)):
        if set(np.unique(values).tolist()) != {0, 1}:
            raise ValueError(f"'{name}' should hold 0 and 1, both; found {np.unique(values)[:5].tolist()}.")
    return Arms.of(found.astype(np.int8), shown, chance)
