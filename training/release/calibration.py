"""From a model's margin to a probability: Platt's line, or a beta curve, through the logistic curve."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.release.fields import F64Array, Fields


def sigmoid(margin: F64Array) -> F64Array:
    """The logistic curve, safe at both ends; any shape.

    The copy to contiguous memory matters: numpy's exp may take another path for strided
    input, and then a customer alone and among a thousand would differ in the last bit.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    decay = np.exp(-np.abs(np.ascontiguousarray(margin, np.float64)))
    return np.where(margin >= 0, 1.0 / (1.0 + decay), decay / (1.0 + decay))


@dataclass(frozen=True)
class Calibration:
    """probability = sigmoid(a * margin + b) (Platt, 1999)."""

    a: float
    b: float

    @staticmethod
    def read(fields: Fields) -> "Calibration":
        """From {"a":.., "b":..}."""
        return Calibration(fields.number("a"), fields.number("b"))

    def probability(self, margin: F64Array) -> F64Array:
        """Probabilities of the same shape as `margin`."""
        return sigmoid(self.odds(margin))

    def odds(self, margin: F64Array) -> F64Array:
        """Calibrated log odds."""
        out: F64Array = self.a * np.asarray(margin, np.float64) + self.b
        return out


@dataclass(frozen=True)
class Beta:
    """probability = sigmoid(a ln p - b ln(1 - p) + c) with p = sigmoid(margin).

    Kull, Silva Filho and Flach (2017), "Beta calibration". With a = b it is Platt's line.

    >>> line, curve = Calibration(0.8, -0.1), Beta(0.8, 0.8, -0.1)
    >>> bool(np.allclose(line.probability(np.array([-3.0, 2.0])), curve.probability(np.array([-3.0, 2.0]))))
    True
    """

    a: float
    b: float
    c: float

    def probability(self, margin: F64Array) -> F64Array:
        """Probabilities of the same shape as `margin`."""
        ln_p, ln_q = logs(margin)
        return sigmoid(self.a * ln_p - self.b * ln_q + self.c)


Curve = Calibration | Beta


@dataclass(frozen=True)
class Curves:
    """m curves at once: `a`, `b` and `c` (m, 1), `bent` the places of those that are no lines.

    >>> line, curve = Calibration(0.8, -0.1), Beta(0.8, 0.7, -0.1)
    >>> found = Curves.of([line, curve]).probability(np.array([[1.0, 2.0], [-3.0, 2.0]]))
    >>> found.tolist() == [each.probability(np.array(margins)).tolist()
    ...                    for each, margins in ((line, [1.0, 2.0]), (curve, [-3.0, 2.0]))]
    True
    """

    a: F64Array
    b: F64Array
    c: F64Array
    bent: npt.NDArray[np.intp]

    @staticmethod
    def of(curves: Sequence[Curve]) -> "Curves":
        """These curves, in this order."""
        numbers = [(each.a, each.b, each.c if isinstance(each, Beta) else 0.0) for each in curves]
        a, b, c = np.array(numbers, np.float64).reshape(-1, 3).T[:, :, None]
        bent = [at for at, each in enumerate(curves) if isinstance(each, Beta)]
        return Curves(a, b, c, np.array(bent, np.intp))

    def probability(self, margins: F64Array) -> F64Array:
        """Probabilities (m, n) of margins (m, n), each row by its curve."""
        odds, bent = self.a * margins + self.b, self.bent
        if len(bent):
            ln_p, ln_q = logs(margins[bent])
            odds[bent] = self.a[bent] * ln_p - self.b[bent] * ln_q + self.c[bent]
        return sigmoid(odds)


def logs(margin: F64Array) -> tuple[F64Array, F64Array]:
    """ln p and ln(1 - p) of p = sigmoid(margin), exact at both ends; contiguous as in `sigmoid`."""
    values = np.ascontiguousarray(margin, np.float64)
    rest = np.log1p(np.exp(-np.abs(values)))
    return np.minimum(values, 0.0) - rest, np.minimum(-values, 0.0) - rest


def read_curve(fields: Fields) -> Curve:
    """A line {"a", "b"}, or a beta curve {"a", "b", "c"}."""
    if fields.has("c"):
        return Beta(fields.number("a"), fields.number("b"), fields.number("c"))
    return Calibration.read(fields)
