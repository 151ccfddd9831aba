"""The WoE scorecard as a scikit-learn estimator: fit on a table, export the points, read the evidence."""

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd

from training.learning import scorecard
from training.learning.bins import MOST_BINS
from training.learning.estimator import NO_EVIDENCE, Monotone, Specials, TableClassifier
from training.learning.inputs import Inputs
from training.learning.scorecard import Characteristic, Scorecard
from training.validation import F64


class WoEScorecard(TableClassifier):
    """Points a person can add up: bins by optbinning, weights that never turn against their evidence.

    `monotone` says by column where the log odds of the second class may only rise (+1) or fall (-1);
    `specials` names codes that are no numbers, each with a bin of its own. Once fitted: `card_` (points,
    `card_.as_json()` is what a release keeps), `evidence_` (the IV table), `classes_`.

    >>> table = pd.DataFrame({"late": [0.0, 0, 1, 2] * 50, "job": ["a", "b"] * 100})
    >>> card = WoEScorecard(monotone={"late": 1}).fit(table, [0, 0, 0, 1] * 50)
    >>> card.card_.columns
    ('late', 'job')
    >>> bool(card.score(table, [0, 0, 0, 1] * 50) > 0.9)
    True
    """

    def __init__(
        self, monotone: Monotone | None = None, specials: Specials | None = None, ridge: float = 5.0,
        most_bins: int = MOST_BINS,
    ) -> None:  # fmt: skip
        self.monotone = monotone
        self.specials = specials
        self.ridge = ridge
        self.most_bins = most_bins

    def fit(self, X: object, y: object) -> "WoEScorecard":
        """Fit on rows (n, F) and two classes; warns where no column tells them apart."""
        rows = self._rows(X, reset=True)
        labels = self._labels(y, rows)
        binned = scorecard.bin_columns(rows, labels, self.monotone or {}, self.specials, self.most_bins)
        self.card_: Scorecard = scorecard.weigh(binned, rows, labels, self.ridge)
        if not self.card_.characteristics:
            warnings.warn(NO_EVIDENCE.format(len(rows.names)), stacklevel=2)
        self.evidence_ = evidence_table(binned)
        return self

    def points(self, X: object) -> F64:
        """Points of each row and characteristic, (n, len(card_.columns))."""
        return self.card_.points(self._rows(X, reset=False))

    def _margin(self, rows: Inputs) -> F64:
        return self.card_.margin(rows)


def evidence_table(characteristics: Sequence[Characteristic]) -> pd.DataFrame:
    """One line a bin: column, bin, rows, bad, bad_rate, woe, and the column's information value."""
    lines = [
        (c.column, label, int(rows), int(bad), bad / rows if rows else np.nan, woe, c.information_value)
        for c in characteristics
        for label, rows, bad, woe in zip(c.bins.labels, c.rows, c.bad, c.woe, strict=True)
    ]
    names = ["column", "bin", "rows", "bad", "bad_rate", "woe", "information_value"]
    return pd.DataFrame(lines, columns=names)
