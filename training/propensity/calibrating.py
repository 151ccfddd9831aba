"""From margins to probabilities: Platt's line, or a beta curve where the line is clearly too straight."""

from collections.abc import Callable

import numpy as np

from training.learning import logistic
from training.release.calibration import Beta, Calibration, Curve, logs
from training.validation import F64, Labels

FOLDS, RIDGE = 4, 1e-3


def beta(margin: F64, y: Labels) -> Beta:
    """Fit a beta curve on rows the model has not seen; never one that falls (Kull et al. 2017)."""
    a, b, c = _fitted(_bent(margin), y)
    return Beta(a, b, c)


def line(margin: F64, y: Labels) -> Calibration:
    """Fit Platt's line on rows the model has not seen; never one that falls."""
    a, b = _fitted(margin[:, None], y)
    return Calibration(a, b)


def calibrated(margin: F64, y: Labels) -> tuple[Curve, dict[str, float]]:
    """The curve for these rows, and the log loss of either kind on folds it was not fitted on.

    The beta curve has a parameter more, so it has to be better by more than a standard error of the
    difference.
    """
    kinds: tuple[Callable[[F64, Labels], Curve], ...] = (line, beta)
    fold, losses = np.arange(len(y)) % FOLDS, np.empty((len(kinds), len(y)))
    for number in range(FOLDS):
        rest, held = fold != number, fold == number
        for row, kind in enumerate(kinds):
            losses[row, held] = _losses(kind(margin[rest], y[rest]), margin[held], y[held])
    gain = losses[0] - losses[1]
    bent = gain.mean() > gain.std(ddof=1) / np.sqrt(len(y))
    return kinds[int(bent)](margin, y), {"platt": float(losses[0].mean()), "beta": float(losses[1].mean())}


def _fitted(matrix: F64, y: Labels) -> tuple[float, ...]:
    """Weights and intercept: by Newton's steps, and where one would be negative again without it."""
    found = logistic.newton(matrix, y, RIDGE)
    if not (found.weights >= 0).all():
        found = logistic.fit(matrix, y, RIDGE, non_negative=True)
    return (*found.weights.tolist(), found.intercept)


def _bent(margin: F64) -> F64:
    ln_p, ln_q = logs(margin)
    return np.stack([ln_p, -ln_q], axis=1)


def _losses(curve: Curve, margin: F64, y: Labels) -> F64:
    p = np.clip(curve.probability(margin), 1e-12, 1 - 1e-12)
    out: F64 = -np.where(y == 1, np.log(p), np.log1p(-p))
    return out


def as_json(curve: Curve) -> dict[str, float]:
    """As the release keeps it.

    >>> as_json(Calibration(1.0, 0.5)), as_json(Beta(1.0, 2.0, 0.5))
    ({'a': 1.0, 'b': 0.5}, {'a': 1.0, 'b': 2.0, 'c': 0.5})
    """
    return {"a": curve.a, "b": curve.b} | ({"c": curve.c} if isinstance(curve, Beta) else {})
