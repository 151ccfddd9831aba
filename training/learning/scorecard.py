"""The WoE scorecard: bins with their weight of evidence, points a person can add up.

optbinning finds the cut points; everything after that, and every score ever served, is the few
lines below: the place of a value among the bins, a sum of points.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import chi2

from training.learning import logistic
from training.learning.bins import MOST_BINS, Bins, find_bins, least_share
from training.learning.inputs import Column, Inputs
from training.learning.trees import F32
from training.validation import F64, Labels

PDO, BASE_SCORE, BASE_ODDS = 20.0, 600.0, 50.0
FACTOR = PDO / math.log(2)
OFFSET = BASE_SCORE - FACTOR * math.log(BASE_ODDS)
LEAST_EVIDENCE = 0.005  # information value below this is not worth asking for
LEAST_WEIGHT = 0.02


@dataclass(frozen=True)
class Characteristic:
    """One column's bins with their evidence, WoE = ln(%good / %bad), and points; arrays are by bin.

    `rows` and `bad` count the training rows of each bin. Reasons are measured from `reference_points`.
    """

    column: str
    bins: Bins
    woe: F64
    rows: F64
    bad: F64
    information_value: float
    points: F64
    reference_points: float

    def evidence(self, values: Column) -> F64:
        """The weight of evidence of each value."""
        out: F64 = self.woe[self.bins.place(values)]
        return out

    def score(self, values: Column) -> F64:
        """The points of each value."""
        out: F64 = self.points[self.bins.place(values)]
        return out

    @property
    def missing_points(self) -> float:
        """The points of what is not there."""
        return float(self.points[-2])

    @property
    def neutral_points(self) -> float:
        """The points of a category that is rare or was never seen: those of no evidence."""
        return float(self.points[-1])

    def as_json(self) -> dict[str, object]:
        """As the release keeps it; a served score needs nothing else."""
        ordinary = self.bins.ordinary
        specials = zip(self.bins.specials, self.points[ordinary:-2], self.woe[ordinary:-2], strict=True)
        return {
            "column": self.column, "edges": self.bins.edges.tolist(),
            "categories": [list(each) for each in self.bins.categories],
            "woe": self.woe[:ordinary].tolist(), "points": self.points[:ordinary].tolist(),
            "specials": [{"value": v, "points": float(p), "woe": float(w)} for v, p, w in specials],
            "missing_woe": float(self.woe[-2]), "missing_points": self.missing_points,
            "neutral_points": self.neutral_points, "reference_points": self.reference_points,
            "information_value": self.information_value,
        }  # fmt: skip


@dataclass(frozen=True)
class Scorecard:
    """Characteristics whose points add up to a score; higher is better."""

    characteristics: tuple[Characteristic, ...]
    intercept: float

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads, in order."""
        return tuple(c.column for c in self.characteristics)

    def points(self, rows: Inputs | F32) -> F64:
        """Points by row and characteristic, of named rows or of a matrix with the columns in order."""
        named = rows if isinstance(rows, Inputs) else Inputs.of(rows, self.columns)
        found = np.zeros((len(rows), len(self.characteristics)))
        for j, characteristic in enumerate(self.characteristics):
            found[:, j] = characteristic.score(named[characteristic.column])
        return found

    def score(self, rows: Inputs | F32) -> F64:
        """The sum of points, (n,)."""
        total = np.full(len(rows), 0.0 if self.characteristics else OFFSET - FACTOR * self.intercept)
        for column in self.points(rows).T:
            total += column
        return total

    def margin(self, rows: Inputs | F32) -> F64:
        """Log-odds of bad: -(score - offset) / factor."""
        return -(self.score(rows) - OFFSET) / FACTOR

    def contributions(self, rows: Inputs | F32) -> F64:
        """Log-odds of bad that each characteristic adds to the reference, (n, characteristics)."""
        reference = np.array([c.reference_points for c in self.characteristics])
        out: F64 = (reference - self.points(rows)) / FACTOR
        return out

    def as_json(self) -> dict[str, object]:
        """As the release keeps it."""
        return {
            "intercept": self.intercept, "factor": FACTOR, "offset": OFFSET,
            "pdo": PDO, "base_score": BASE_SCORE, "base_odds": BASE_ODDS,
            "characteristics": [c.as_json() for c in self.characteristics],
        }  # fmt: skip


def bin_columns(
    rows: Inputs, y: Labels, signs: Mapping[str, int], specials: Mapping[str, Sequence[float]] | None = None,
    most: int = MOST_BINS,
) -> tuple[Characteristic, ...]:  # fmt: skip
    """The characteristics with some evidence; `signs` says where risk may only rise (+1) or fall (-1)."""
    kept = []
    for name, values in zip(rows.names, rows.columns, strict=True):
        bins = find_bins(name, values, y, signs.get(name, 0), (specials or {}).get(name, ()), most)
        if bins is not None:
            found = _with_evidence(name, bins, values, y)
            filled = int((found.rows > 0).sum())
            if filled > 1 and found.information_value >= least_evidence(y, filled):
                kept.append(found)
    return tuple(kept)


def least_evidence(y: Labels, bins: int) -> float:
    """The information value a column must show: more than noise in that many bins would, at 95 %.

    Without evidence the information value spreads like chi-square times (1/goods + 1/bads).

    >>> few, many = np.repeat([0, 1], [90, 10]), np.repeat([0, 1], [90_000, 10_000])
    >>> round(least_evidence(few, 4), 2), least_evidence(many, 4)
    (0.87, 0.005)
    """
    bad = int(y.sum())
    return max(LEAST_EVIDENCE, float(chi2.ppf(0.95, bins - 1)) * (1 / bad + 1 / (len(y) - bad)))


def _with_evidence(column: str, bins: Bins, values: Column, y: Labels) -> Characteristic:
    group = bins.place(values)
    bad = np.bincount(group, weights=y, minlength=bins.count).astype(np.float64)
    rows = np.bincount(group, minlength=bins.count).astype(np.float64)
    good = rows - bad
    share_good = (good + 0.5) / (good.sum() + 0.5)
    share_bad = (bad + 0.5) / (bad.sum() + 0.5)
    # Few special or missing values say nothing of their own: they are neutral, not extreme.
    silent = rows < least_share(len(y)) * len(y)
    silent[: bins.ordinary], silent[-1] = False, True
    woe = np.where(silent, 0.0, np.round(np.log(share_good / share_bad), 6))
    value = float(((share_good - share_bad) * woe).sum())
    return Characteristic(column, bins, woe, rows, bad, round(value, 4), np.zeros(bins.count), 0.0)


def fit(
    rows: Inputs, y: Labels, signs: Mapping[str, int], ridge: float,
    specials: Mapping[str, Sequence[float]] | None = None, most: int = MOST_BINS,
) -> Scorecard:  # fmt: skip
    """Bin, weigh with coefficients that may not turn against their evidence, scale to points.

    Where no column carries evidence there are no characteristics, and everybody is given the average
    odds. Points are rounded to hundredths, and the margin is computed from the rounded points, in training
    as in serving.
    """
    return weigh(bin_columns(rows, y, signs, specials, most), rows, y, ridge)


def weigh(binned: Sequence[Characteristic], rows: Inputs, y: Labels, ridge: float) -> Scorecard:
    """The scorecard of characteristics that are already binned on these rows."""
    evidence = np.zeros((len(rows), len(binned)))
    for j, characteristic in enumerate(binned):
        evidence[:, j] = characteristic.evidence(rows[characteristic.column])
    fitted = logistic.fit(-evidence, y, ridge, non_negative=True)
    kept = [(c, float(w)) for c, w in zip(binned, fitted.weights, strict=True) if w > LEAST_WEIGHT]
    start = (OFFSET - FACTOR * fitted.intercept) / max(1, len(kept))
    return Scorecard(tuple(_with_points(c, FACTOR * weight, start) for c, weight in kept), fitted.intercept)


def _with_points(characteristic: Characteristic, weight: float, start: float) -> Characteristic:
    points = np.round(characteristic.woe * weight + start, 2)
    # The declared reference of every reason: the average of the training population.
    average = float(points @ characteristic.rows / characteristic.rows.sum())
    return replace(characteristic, points=points, reference_points=round(average, 4))
