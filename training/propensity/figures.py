"""The figures of a member on its test rows, each with its interval."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from training.validation import (
    F64,
    Interval,
    Labels,
    auc,
    auc_difference,
    auc_interval,
    brier,
    calibration_noise,
    lift,
    scores,
)

Z = 1.96  # of a 95 % interval


def measured(y: Labels, p: F64, plain: F64) -> dict[str, object]:
    """Ranking, calibration and lift of probabilities `p`, beside the margin `plain` of the baseline."""
    ranked: dict[str, object] = dict(scores(y, p))
    return ranked | {
        "baseline_auc": round(auc(y, plain), 4),
        "baseline_interval": auc_interval(y, plain).as_list(),
        "gain_over_baseline": auc_difference(y, p, plain).as_list(),
        "ece_by_chance": round(calibration_noise(p), 5),
        "brier_interval": [round(bound, 5) for bound in brier_interval(y, p)],
        "lift_interval": lift_interval(y, p).as_list(),
    }


def reached(y: Labels, p: F64, within: npt.NDArray[np.bool_]) -> dict[str, object]:
    """The AUC among test rows that could buy at all, and what knowing who could not is worth by itself."""
    found = auc_interval(y[within], p[within])
    return {
        "auc_in_reach": round(found.value, 4), "auc_in_reach_interval": found.as_list(),
        "n_in_reach": int(within.sum()), "positives_in_reach": int(y[within].sum()),
        "auc_of_reach_alone": round(auc(y, within.astype(np.float64)), 4),
    }  # fmt: skip


def lift_interval(y: Labels, score: F64, share: float = 0.1) -> Interval:
    """The lift of the best share, with the binomial interval of how many cases it holds.

    >>> y = np.r_[np.ones(50), np.zeros(50), np.zeros(900)].astype(np.int8)
    >>> found = lift_interval(y, -np.arange(1000.0))
    >>> found.value, found.low == found.high
    (10.0, True)
    """
    value, cases = lift(y, score, share), max(1, int(y.sum()))
    held = value * share
    reach = Z * float(np.sqrt(max(0.0, held * (1 - held)) / cases)) / share
    return Interval(value, value - reach, value + reach)


def brier_interval(y: Labels, p: F64) -> tuple[float, float]:
    """Bounds of the mean squared error."""
    error = (p - y) ** 2
    reach = Z * float(error.std(ddof=1) / np.sqrt(len(y)))
    return brier(y, p) - reach, brier(y, p) + reach


def bounds(figures: Mapping[str, object], name: str) -> tuple[float, float]:
    """The two ends of an interval among the figures.

    >>> bounds({"auc_interval": [0.7, 0.8]}, "auc_interval")
    (0.7, 0.8)
    """
    found = figures[name]
    assert isinstance(found, list)
    return float(found[0]), float(found[1])
