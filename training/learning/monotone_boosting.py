"""Monotone gradient boosting as a scikit-learn estimator: early stop inside, exported to ONNX."""

from dataclasses import replace

import numpy.typing as npt

from training.learning import folds, rounds
from training.learning.boosted import Boosted, grow
from training.learning.boosting import Shape
from training.learning.estimator import Monotone, Specials, TableClassifier
from training.learning.inputs import Inputs
from training.validation import F64


class MonotoneBoosting(TableClassifier):
    """XGBoost whose log odds move only the declared way; the number of rounds is found on held-out folds.

    `monotone` holds +1 or -1 by column; `specials` are codes that are no numbers: missing to the trees,
    with a flag each. Categories are read as their smoothed log odds. Shape: `depth`, `rate`, at most
    `rounds`, `smallest` (the least hessian of a leaf), `ridge`, shares of `rows` and `columns`, `forest`
    trees a round. Once fitted: `boosted_` (encoding, trees, graphs, contributions), `rounds_`.

    >>> import numpy as np
    >>> generator = np.random.default_rng(1)
    >>> x = generator.normal(size=(400, 2))
    >>> y = (x[:, 0] - x[:, 1] + generator.normal(size=400) > 0).astype(int)
    >>> model = MonotoneBoosting(monotone={"x0": 1, "x1": -1}).fit(x, y)
    >>> grid = np.c_[np.linspace(-2, 2, 50), np.zeros(50)]
    >>> bool((np.diff(model.decision_function(grid)) >= 0).all())
    True
    """

    def __init__(
        self, monotone: Monotone | None = None, specials: Specials | None = None, depth: int = 3,
        rate: float = 0.05, rounds: int = 400, smallest: float = 1.0, ridge: float = 1.0, rows: float = 0.7,
        columns: float = 0.5, forest: int = 1, seed: int = 42,
    ) -> None:  # fmt: skip
        self.monotone = monotone
        self.specials = specials
        self.depth = depth
        self.rate = rate
        self.rounds = rounds
        self.smallest = smallest
        self.ridge = ridge
        self.rows = rows
        self.columns = columns
        self.forest = forest
        self.seed = seed

    def fit(
        self, X: object, y: object, groups: npt.ArrayLike | None = None, order: npt.ArrayLike | None = None
    ) -> "MonotoneBoosting":
        """Find the rounds on folds (by `groups` whole, or forward in time by `order`), then use all rows."""
        rows = self._rows(X, reset=True)
        labels = self._labels(y, rows)
        inside = folds.inside(labels, groups, order, self.seed)
        prepared = rounds.prepare(rows, labels, inside, self.monotone or {}, self.specials or {}, self.seed)
        shape = self._shape()
        self.rounds_ = rounds.judge(shape, prepared, self.seed).rounds if prepared else self.rounds
        self.boosted_: Boosted = grow(
            [replace(shape, rounds=self.rounds_)], rows, labels, self.monotone or {}, self.specials or {},
            self.seed,
        )  # fmt: skip
        return self

    def _shape(self) -> Shape:
        return Shape(
            "estimator", self.depth, self.rate, self.rounds, self.smallest, self.ridge, self.rows,
            self.columns, self.forest,
        )  # fmt: skip

    def contributions(self, X: object) -> F64:
        """What each column adds to the log odds of the average training row, (n, F)."""
        return self.boosted_.contributions(self._rows(X, reset=False))

    def _margin(self, rows: Inputs) -> F64:
        return self.boosted_.margin(rows)
