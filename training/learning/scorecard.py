"""The WoE scorecard: bins with their weight of evidence, points a person can add up.

optbinning finds the cut points (monotone by domain sign); everything after that, and every
score ever served, is the few lines below: a bin by searchsorted, a sum of points.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from optbinning import OptimalBinning
from scipy.stats import chi2

from training.learning import logistic
from training.learning.trees import F32
from training.validation import F64, Labels

PDO, BASE_SCORE, BASE_ODDS = 20.0, 600.0, 50.0
FACTOR = PDO / math.log(2)
OFFSET = BASE_SCORE - FACTOR * math.log(BASE_ODDS)
LEAST_EVIDENCE = 0.02  # information value below this is noise (Siddiqi 2006)
MOST_BINS, LEAST_SHARE = 5, 0.05


@dataclass(frozen=True)
class Characteristic:
    """One column's bins: [edge i-1, edge i), then what is missing. WoE = ln(%good / %bad)."""

    column: str
    edges: F64
    woe: F64
    missing_woe: float
    information_value: float
    points: F64
    missing_points: float
    reference_points: float

    def evidence(self, values: F32) -> F64:
        """The weight of evidence of each value."""
        return self._looked_up(values, self.woe, self.missing_woe)

    def score(self, values: F32) -> F64:
        """The points of each value."""
        return self._looked_up(values, self.points, self.missing_points)

    def _looked_up(self, values: F32, table: F64, missing: float) -> F64:
        found = table[np.searchsorted(self.edges, values, side="right").clip(max=len(table) - 1)]
        return np.where(np.isnan(values), missing, found)


@dataclass(frozen=True)
class Scorecard:
    """Characteristics whose points add up to a score; higher is better."""

    characteristics: tuple[Characteristic, ...]
    intercept: float

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads, in order."""
        return tuple(c.column for c in self.characteristics)

    def score(self, matrix: F32) -> F64:
        """Sum of points for (n, len(columns)) rows."""
        points = np.stack([c.score(matrix[:, j]) for j, c in enumerate(self.characteristics)], axis=1)
        return np.asarray(points.sum(axis=1), np.float64)

    def margin(self, matrix: F32) -> F64:
        """Log-odds of bad: -(score - offset) / factor."""
        return -(self.score(matrix) - OFFSET) / FACTOR

    def as_json(self) -> dict[str, object]:
        """As the release keeps it; a served score needs nothing else."""
        return {
            "intercept": self.intercept, "factor": FACTOR, "offset": OFFSET,
            "pdo": PDO, "base_score": BASE_SCORE, "base_odds": BASE_ODDS,
            "characteristics": [
                {
                    "column": c.column, "edges": c.edges.tolist(), "woe": c.woe.tolist(),
                    "missing_woe": c.missing_woe, "points": c.points.tolist(),
                    "missing_points": c.missing_points, "reference_points": c.reference_points,
                    "information_value": c.information_value,
                }
                for c in self.characteristics
            ],
        }  # fmt: skip


def bin_columns(
    matrix: F32, y: Labels, columns: Sequence[str], signs: Mapping[str, int]
) -> tuple[Characteristic, ...]:
    """The characteristics with some evidence; `signs` says where risk may only rise (+1) or fall (-1)."""
    found = (_bin(name, matrix[:, j], y, signs.get(name, 0)) for j, name in enumerate(columns))
    return tuple(c for c in found if c is not None and c.information_value >= least_evidence(y, len(c.woe)))


def least_evidence(y: Labels, bins: int) -> float:
    """The information value a column must show: more than noise in that many bins would, at 95 %.

    Without evidence the information value spreads like chi-square times (1/goods + 1/bads).

    >>> few, many = np.repeat([0, 1], [90, 10]), np.repeat([0, 1], [90_000, 10_000])
    >>> round(least_evidence(few, 4), 2), least_evidence(many, 4)
    (0.87, 0.02)
    """
    bad = int(y.sum())
    return max(LEAST_EVIDENCE, float(chi2.ppf(0.95, bins - 1)) * (1 / bad + 1 / (len(y) - bad)))


def _bin(column: str, values: F32, y: Labels, sign: int) -> Characteristic | None:
    known = ~np.isnan(values)
    if len(np.unique(values[known])) < 2 or y[known].min() == y[known].max():
        return None
    trend = {1: "ascending", -1: "descending"}.get(sign, "auto_asc_desc")
    binning = OptimalBinning(
        name=column, dtype="numerical", solver="mip", max_n_prebins=10, max_n_bins=MOST_BINS,
        min_bin_size=LEAST_SHARE, monotonic_trend=trend,
    )  # fmt: skip
    splits = binning.fit(values[known].astype(np.float64), y[known]).splits
    edges = np.unique(np.asarray(splits, np.float32)).astype(np.float64)
    if not len(edges):
        return None
    return _with_evidence(column, values, y, edges)


def _with_evidence(column: str, values: F32, y: Labels, edges: F64) -> Characteristic:
    known = ~np.isnan(values)
    group = np.where(known, np.searchsorted(edges, values, side="right").clip(max=len(edges)), len(edges) + 1)
    bad = np.bincount(group, weights=y, minlength=len(edges) + 2)
    good = np.bincount(group, weights=1 - y, minlength=len(edges) + 2)
    share_good = (good + 0.5) / (good.sum() + 0.5)
    share_bad = (bad + 0.5) / (bad.sum() + 0.5)
    # Few missing values say nothing of their own: they are neutral, not extreme.
    enough = (good + bad)[-1] >= LEAST_SHARE * len(y)
    woe = np.log(share_good / share_bad)
    woe[-1] = woe[-1] if enough else 0.0
    value = float(((share_good - share_bad) * woe).sum())
    empty = np.zeros(len(edges) + 1)
    return Characteristic(column, edges, np.round(woe[:-1], 6), round(float(woe[-1]), 6), round(value, 4),
                          empty, 0.0, 0.0)  # fmt: skip


def fit(
    matrix: F32, y: Labels, columns: Sequence[str], signs: Mapping[str, int], ridge: float
) -> Scorecard | None:
    """Bin, weigh with coefficients that may not turn against their evidence, scale to points.

    None when no column carries evidence. Points are rounded to hundredths, and the margin is
    computed from the rounded points, in training as in serving.
    """
    return weigh(bin_columns(matrix, y, columns, signs), matrix, y, columns, ridge)


def weigh(
    binned: Sequence[Characteristic], matrix: F32, y: Labels, columns: Sequence[str], ridge: float
) -> Scorecard | None:
    """The scorecard of characteristics that are already binned on these rows."""
    place = {name: j for j, name in enumerate(columns)}
    if not binned:
        return None
    evidence = np.stack([c.evidence(matrix[:, place[c.column]]) for c in binned], axis=1)
    fitted = logistic.fit(-evidence, y, ridge, non_negative=True)
    kept = [(c, float(w)) for c, w in zip(binned, fitted.weights, strict=True) if w > 0.02]
    if not kept:
        return None
    start = (OFFSET - FACTOR * fitted.intercept) / len(kept)
    scaled = (_with_points(c, FACTOR * weight, start, matrix[:, place[c.column]]) for c, weight in kept)
    return Scorecard(tuple(scaled), fitted.intercept)


def _with_points(characteristic: Characteristic, weight: float, start: float, values: F32) -> Characteristic:
    pointed = replace(
        characteristic,
        points=np.round(characteristic.woe * weight + start, 2),
        missing_points=round(float(characteristic.missing_woe * weight + start), 2),
    )
    # The declared reference of every reason: the average of the training population.
    return replace(pointed, reference_points=round(float(pointed.score(values).mean()), 4))
