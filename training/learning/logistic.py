"""Logistic regression with a ridge, plain or with coefficients that may not be negative.

One fit serves three callers: the scorecard on its weights of evidence (non-negative, so no
characteristic turns against its own evidence), the Platt calibration (two parameters), and
the baseline every boosted model is compared with.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from training.release.calibration import Calibration
from training.validation import F64, Labels


@dataclass(frozen=True)
class Logistic:
    """A fitted margin: intercept + X @ weights."""

    intercept: float
    weights: F64

    def margin(self, matrix: F64) -> F64:
        """Log-odds of the positive class for (n, F) rows."""
        out: F64 = matrix @ self.weights + self.intercept
        return out


def fit(matrix: F64, y: Labels, ridge: float, non_negative: bool = False) -> Logistic:
    """Minimise the log loss summed over rows + ridge/2 * |weights|^2 (the intercept goes free).

    >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> fit(x, np.array([1, 1, 0, 0], np.int8), 1.0, non_negative=True).weights.tolist()
    [0.0]
    """
    columns, target = matrix.shape[1], y.astype(np.float64)

    def loss(parameters: F64) -> tuple[float, F64]:
        margin = matrix @ parameters[1:] + parameters[0]
        error = 1 / (1 + np.exp(-np.clip(margin, -500, 500))) - target
        value = np.logaddexp(0, margin).sum() - target @ margin + ridge / 2 * parameters[1:] @ parameters[1:]
        slope = np.r_[error.sum(), matrix.T @ error + ridge * parameters[1:]]
        return float(value) / len(y), slope / len(y)

    rate = np.clip(target.mean(), 1e-6, 1 - 1e-6)
    start = np.r_[np.log(rate / (1 - rate)), np.zeros(columns)]
    bounds = [(None, None)] + [(0.0 if non_negative else None, None)] * columns
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds,
                     options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-8})  # fmt: skip
    return Logistic(float(found.x[0]), np.asarray(found.x[1:], np.float64))


def platt(margin: F64, y: Labels) -> Calibration:
    """Fit Platt's line on rows the model has not seen (Platt 1999).

    A margin that ranks the wrong way gets a = 0: the base rate for everybody.
    """
    fitted = fit(margin.astype(np.float64)[:, None], y, ridge=1e-3, non_negative=True)
    return Calibration(float(fitted.weights[0]), fitted.intercept)


@dataclass(frozen=True)
class Scaling:
    """Signed logs, medians for what is missing, zero mean and unit spread: fitted on training rows."""

    fill: F64
    mean: F64
    scale: F64

    @staticmethod
    def of(matrix: npt.NDArray[np.floating]) -> "Scaling":
        """Learn medians, means and spreads of (n, F) rows."""
        logs = _logs(matrix)
        fill = np.zeros(logs.shape[1])
        known = ~np.isnan(logs).all(axis=0)
        fill[known] = np.nanmedian(logs[:, known], axis=0)
        filled = np.where(np.isnan(logs), fill, logs)
        spread = filled.std(axis=0)
        return Scaling(fill, filled.mean(axis=0), np.where(spread > 1e-9, spread, 1.0))

    def apply(self, matrix: npt.NDArray[np.floating]) -> F64:
        """The same steps on other rows."""
        logs = _logs(matrix)
        out: F64 = (np.where(np.isnan(logs), self.fill, logs) - self.mean) / self.scale
        return out


def _logs(matrix: npt.NDArray[np.floating]) -> F64:
    values = matrix.astype(np.float64)
    out: F64 = np.sign(values) * np.log1p(np.abs(values))
    return out


def newton(
    matrix: F64, y: Labels, ridge: float, steps: int = 25, offset: F64 | None = None
) -> Logistic:  # fmt: skip
    """The plain fit by Newton steps: many rows, few columns. Minimises what `fit` minimises.

    A step that would make the loss larger is halved: rare outliers far from the rest overshoot. With
    `offset`, a margin that is there already, it finds what to add.
    """
    known = np.zeros(len(matrix)) if offset is None else offset
    design = np.c_[np.ones(len(matrix)), matrix]
    penalty = np.r_[1e-9, np.full(matrix.shape[1], ridge)]
    rate = np.clip(y.mean(), 1e-6, 1 - 1e-6)
    weights = np.r_[np.log(rate / (1 - rate)) if offset is None else 0.0, np.zeros(matrix.shape[1])]

    def loss(tried: F64) -> float:
        margin = design @ tried + known
        return float((np.logaddexp(0, margin) - y * margin).sum() + penalty @ tried**2 / 2)

    value = loss(weights)
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(design @ weights + known, -30, 30)))
        slope = design.T @ (p - y) + penalty * weights
        curve = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        while (after := loss(weights - step)) > value and np.abs(step).max() > 1e-6:
            step = step / 2
        if after > value or np.abs(step).max() < 1e-6:
            break
        weights, value = weights - step, after
    return Logistic(float(weights[0]), weights[1:])


def baseline(
    train: npt.NDArray[np.floating], y: Labels, test: npt.NDArray[np.floating], ridge: float = 1.0
) -> F64:
    """Margins of the plain reference on test rows: every candidate has to be worth more than this."""
    scaling = Scaling.of(train)
    return newton(scaling.apply(train), y, ridge).margin(scaling.apply(test))
