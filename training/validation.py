"""How good is a score? Ranking, calibration and their uncertainty, in numpy alone."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Interval:
    """An estimate with its bounds at a confidence level."""

    value: float
    low: float
    high: float
    level: float = 0.95

    def as_list(self) -> list[float]:
        """The bounds, rounded as they are printed.

        >>> Interval(0.9, 0.85432, 0.94321).as_list()
        [0.8543, 0.9432]
        """
        return [round(self.low, 4), round(self.high, 4)]


def _midranks(values: F64) -> F64:
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    size = np.diff(np.r_[first, len(values)])
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(first + (size + 1) / 2, size)
    return ranks


def _placements(y: Labels, score: F64) -> tuple[F64, F64]:
    """For each bad the share of goods below it, for each good the share of bads above it."""
    bad, good = score[y == 1], score[y == 0]
    ranks = _midranks(np.r_[bad, good])
    below = (ranks[: len(bad)] - _midranks(bad)) / len(good)
    above = 1 - (ranks[len(bad) :] - _midranks(good)) / len(bad)
    return below, above


def auc(y: Labels, score: F64) -> float:
    """The chance that a random positive scores above a random negative; ties count half.

    NaN when a class is missing.

    >>> auc(np.array([0, 0, 1, 1], np.int8), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    if not len(y) or y.min() == y.max():
        return float("nan")
    return float(_placements(y, score)[0].mean())


def auc_interval(y: Labels, score: F64, level: float = 0.95) -> Interval:
    """AUC with DeLong's interval on the logit scale, which keeps the bounds inside 0 and 1.

    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44(3).
    """
    if not len(y) or y.min() == y.max():
        return Interval(float("nan"), float("nan"), float("nan"), level)
    below, above = _placements(y, score)
    value = float(below.mean())
    spread = float(np.sqrt(below.var(ddof=1) / len(below) + above.var(ddof=1) / len(above)))
    if not 0 < value < 1:
        return Interval(value, value, value, level)
    z = NormalDist().inv_cdf(0.5 + level / 2) * spread / (value * (1 - value))
    centre = np.log(value / (1 - value))
    low, high = (float(1 / (1 + np.exp(-(centre + shift)))) for shift in (-z, z))
    return Interval(value, low, high, level)


def auc_difference(y: Labels, score: F64, other: F64, level: float = 0.95) -> Interval:
    """How much larger the AUC of `score` is than that of `other` on the same rows (DeLong, paired)."""
    below, above = _placements(y, score)
    below_other, above_other = _placements(y, other)
    gain, loss = below - below_other, above - above_other
    spread = float(np.sqrt(gain.var(ddof=1) / len(gain) + loss.var(ddof=1) / len(loss)))
    value, z = float(gain.mean()), NormalDist().inv_cdf(0.5 + level / 2)
    return Interval(value, value - z * spread, value + z * spread, level)


def ks(y: Labels, score: F64) -> float:
    """The largest distance between the score distributions of positives and negatives, 0 to 1."""
    if not len(y) or y.min() == y.max():
        return float("nan")
    grid = np.unique(score)
    at = [
        np.searchsorted(np.sort(score[y == side]), grid, side="right") / (y == side).sum() for side in (0, 1)
    ]
    return float(np.abs(at[0] - at[1]).max())


def brier(y: Labels, p: F64) -> float:
    """Mean squared error of a probability.

    >>> brier(np.array([0, 1], np.int8), np.array([0.0, 0.5]))
    0.125
    """
    return float(np.mean((p - y) ** 2))


def by_bin(y: Labels, p: F64, bins: int = 10) -> list[tuple[float, float, int]]:
    """Mean probability, observed rate and size of `bins` groups of equal size, lowest first."""
    order = np.argsort(p, kind="stable")
    groups = [group for group in np.array_split(order, bins) if len(group)]
    return [(float(p[g].mean()), float(y[g].mean()), len(g)) for g in groups]


def calibration_error(y: Labels, p: F64, bins: int = 10) -> float:
    """Expected calibration error over groups of equal size: mean |predicted - observed|."""
    groups = by_bin(y, p, bins)
    return float(sum(abs(said - seen) * n for said, seen, n in groups) / len(y))


def lift(y: Labels, score: F64, share: float = 0.1) -> float:
    """How many times the average rate the best `share` of the rows holds; ties in row order."""
    top = np.argsort(-score, kind="stable")[: max(1, round(len(y) * share))]
    return float(y[top].mean() / y.mean()) if y.any() else float("nan")


def log_odds(p: F64) -> F64:
    """ln(p / (1 - p)) of probabilities between 0 and 1.

    >>> log_odds(np.array([0.5, 0.9])).round(3).tolist()
    [0.0, 2.197]
    """
    out: F64 = np.log(p) - np.log1p(-p)
    return out


def log_loss(y: Labels, margin: F64) -> float:
    """Mean negative log likelihood of a margin (log-odds)."""
    return float(np.mean(np.logaddexp(0.0, margin) - y * margin))


def scores(y: Labels, p: F64) -> dict[str, float | list[float]]:
    """The figures every binary model prints, from its probabilities."""
    interval = auc_interval(y, p)
    return {
        "auc_out_of_time": round(interval.value, 4),
        "auc_interval": interval.as_list(),
        "gini": round(2 * interval.value - 1, 4),
        "ks": round(ks(y, p), 4),
        "brier": round(brier(y, p), 5),
        "ece": round(calibration_error(y, p), 5),
        "lift_top_decile": round(lift(y, p), 3),
        "n_test": len(y),
        "positives_test": int(y.sum()),
        "rate_test": round(float(y.mean()), 5),
    }


def calibration_noise(p: F64, bins: int = 10) -> float:
    """The calibration error a perfectly calibrated model would show on rows like these, by chance."""
    groups = [group for group in np.array_split(np.sort(p), bins) if len(group)]
    expected = (np.sqrt(2 * np.mean(g * (1 - g)) / (np.pi * len(g))) * len(g) for g in groups)
    return float(sum(expected) / len(p))
