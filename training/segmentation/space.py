"""How raw columns become comparable: filled, logged where lopsided, standardised, held within limits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.validation import F64

LIMIT = 4.0  # standard deviations: beyond it a value counts as this far, so that no outlier is a segment
LOPSIDED = 1.0  # absolute skewness above which a column is tried on the log scale
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Space:
    """The scale of each of F columns, learned once; missing values take the median."""

    columns: tuple[str, ...]
    logged: Bools
    fill: F64
    mean: F64
    scale: F64

    @staticmethod
    def of(matrix: npt.NDArray[np.floating], columns: Sequence[str]) -> "Space":
        """Learn the scales from (n, F) rows; a column without any value counts as 0 everywhere.

        Numbers are rounded as the model file keeps them, so that training and serving agree.
        """
        values = np.where(np.isfinite(matrix), matrix, np.nan).astype(np.float64)
        empty = np.isnan(values).all(axis=0)
        fill = np.round(np.nanmedian(np.where(empty, 0.0, values), axis=0), 6)
        filled = np.where(np.isnan(values), fill, values)
        logged = _lopsided(filled)
        comparable = np.where(logged, signed_log(filled), filled)
        mean, spread = comparable.mean(axis=0).round(9), comparable.std(axis=0).round(9)
        return Space(tuple(columns), logged, fill, mean, np.where(spread > 0, spread, 1.0))

    def standardised(self, matrix: npt.NDArray[np.floating]) -> F64:
        """(n, F) points in standard deviations from the mean, at most LIMIT away."""
        values = np.where(np.isfinite(matrix), matrix, self.fill).astype(np.float64)
        comparable = np.where(self.logged, signed_log(values), values)
        points: F64 = np.clip((comparable - self.mean) / self.scale, -LIMIT, LIMIT)
        return points


def signed_log(values: F64) -> F64:
    """log(1 + |x|) with the sign of x.

    >>> signed_log(np.array([-np.e + 1, 0.0])).tolist()
    [-1.0, 0.0]
    """
    out: F64 = np.sign(values) * np.log1p(np.abs(values))
    return out


def _lopsided(values: F64) -> Bools:
    """Columns whose skewness is large and smaller on the log scale; a yes or no is the same on both."""
    raw, logged = np.abs(_skewness(values)), np.abs(_skewness(signed_log(values)))
    return np.asarray((raw > LOPSIDED) & (logged < 0.9 * raw))


def _skewness(values: F64) -> F64:
    centred = values - values.mean(axis=0)
    spread = centred.std(axis=0)
    cubes: F64 = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0) ** 3
    skewness: F64 = cubes.mean(axis=0)
    return skewness
