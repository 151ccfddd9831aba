"""The propensity of any table: boosting tuned forward in time, calibrated by a line or a beta curve."""

from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from training.dataset import Split
from training.labels import LabelSpec
from training.learning.boosting import Boosting, Shape
from training.learning.encoding import encode, training_matrix
from training.learning.estimator import TableClassifier
from training.learning.inputs import Inputs
from training.propensity.bench import Bench, forward
from training.propensity.calibrating import calibrated
from training.propensity.tuning import TRIALS, Tuned, grown, tuned
from training.release.calibration import Calibration, Curve
from training.validation import F64, Labels

TABLE = LabelSpec("table", 0, "the second class of a table")
LEAST = 200  # cases of either class without which nothing is tuned or calibrated
PLAIN = Shape("plain", 2, 0.3, 60, smallest=0.5, rows=1.0, columns=1.0)


class PropensityClassifier(TableClassifier):
    """Gradient boosting whose shape later rows choose, calibrated on rows later still.

    The last fifth of the rows calibrates, the rest trains: `trials` shapes are tried on folds that go
    forward. Where either class has fewer than 200 rows a plain shape is fitted to all of them,
    uncalibrated. With `study` an interrupted search goes on.

    Once fitted: `model_`, `curve_`, `tuned_` (None where nothing was tuned), `classes_`.

    >>> rng = np.random.default_rng(7)
    >>> X = rng.normal(size=(2000, 2))
    >>> y = rng.random(2000) < 1 / (1 + np.exp(2 - 2 * X[:, 0]))
    >>> model = PropensityClassifier(trials=2).fit(X, y)
    >>> unlikely, likely = model.predict_proba([[-1.0, 0.0], [2.0, 0.0]])[:, 1]
    >>> bool(unlikely < 0.1 < 0.6 < likely)
    True
    """

    def __init__(self, trials: int = TRIALS, seed: int = 7, study: Path | None = None) -> None:
        self.trials = trials
        self.seed = seed
        self.study = study

    def fit(self, X: object, y: object, order: npt.ArrayLike | None = None) -> Self:
        """Tune, fit and calibrate. `order` (n,) holds the rows' times; without it they are shuffled.

        X (n, F) is a DataFrame, or floats with NaN; y holds two classes, the second is the case.
        """
        rows = self._rows(X, reset=True)
        labels = self._labels(y, rows)
        split = self._split(labels, order)
        part = split.train
        self.encoding_ = encode(rows.take(part), labels[part], {})
        matrix = self.encoding_.apply(rows)
        matrix[part] = training_matrix(self.encoding_, rows.take(part), labels[part], self.seed)
        at = self._times(len(labels), order)
        bench = Bench(TABLE, self.encoding_.names, split, matrix, at, forward(at, part, 0))
        self.tuned_ = self._tuned(bench, labels)
        shape = self.tuned_ or Tuned(PLAIN, PLAIN.rounds, float("nan"), float("nan"), ())
        self.model_: Boosting = grown(shape, bench, labels, self.seed)
        self.curve_: Curve = Calibration(1.0, 0.0)
        if self.tuned_:
            margin = self.model_.margin(matrix[split.calibrate])
            self.curve_ = calibrated(margin, labels[split.calibrate])[0]
        return self

    def _tuned(self, bench: Bench, labels: Labels) -> Tuned | None:
        if bench.split.train.all():
            return None
        return tuned("table", bench, labels, self.seed, self.study, self.trials)

    def _times(self, n: int, order: npt.ArrayLike | None) -> npt.NDArray[np.int64]:
        if order is None:
            return np.random.default_rng(self.seed).permutation(n)
        known = np.asarray(order)
        if known.shape != (n,):
            raise ValueError(f"'order' should hold {n} times, one a row; it has the shape {known.shape}.")
        return np.unique(known, return_inverse=True)[1].astype(np.int64)

    def _split(self, labels: Labels, order: npt.ArrayLike | None) -> Split:
        """The last fifth calibrates, unless a class is then too rare in either part."""
        at = self._times(len(labels), order)
        last = at > np.quantile(at, 0.8)
        everything, none = np.ones(len(labels), np.bool_), np.zeros(len(labels), np.bool_)
        fewest = min(int((labels[part] == side).sum()) for part in (last, ~last) for side in (0, 1))
        return Split(~last, last, none) if fewest * 5 >= LEAST else Split(everything, none, none)

    def _margin(self, rows: Inputs) -> F64:
        """Calibrated log odds."""
        p = self.curve_.probability(self.model_.margin(self.encoding_.apply(rows)))
        inside = np.clip(p, 1e-12, 1 - 1e-12)
        out: F64 = np.log(inside) - np.log1p(-inside)
        return out
