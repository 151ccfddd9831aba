"""Logistic regression with a ridge, plain or with coefficients that may not be negative.

One fit serves three callers: the scorecard on its weights of evidence (non-negative, so no
characteristic turns against its own evidence), the Platt calibration (two parameters), and
the baseline every boosted model is compared with.
"""

from dataclasses import dataclass

import numpy as np
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
class Baseline:
    """The plain reference: signed logs, medians for what is missing, scaled, then a ridge."""

    fill: F64
    mean: F64
    scale: F64
    model: Logistic

    def margin(self, matrix: F64) -> F64:
        """Log-odds for raw (n, F) rows, NaN allowed."""
        return self.model.margin(_standard(_logs(matrix), self.fill, self.mean, self.scale))


def _logs(matrix: F64) -> F64:
    out: F64 = np.sign(matrix) * np.log1p(np.abs(matrix.astype(np.float64)))
    return out


def _standard(logs: F64, fill: F64, mean: F64, scale: F64) -> F64:
    out: F64 = (np.where(np.isnan(logs), fill, logs) - mean) / scale
    return out


def baseline(matrix: F64, y: Labels, ridge: float = 1.0) -> Baseline:
    """Fit the reference on the training rows."""
    logs = _logs(matrix)
    known = ~np.isnan(logs).all(axis=0)
    fill = np.zeros(logs.shape[1])
    fill[known] = np.nanmedian(logs[:, known], axis=0)
    filled = np.where(np.isnan(logs), fill, logs)
    mean, spread = filled.mean(axis=0), filled.std(axis=0)
    scale = np.where(spread > 1e-9, spread, 1.0)
    return Baseline(fill, mean, scale, fit(_standard(logs, fill, mean, scale), y, ridge))
