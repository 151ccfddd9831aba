"""From a model's margin to a probability: Platt's line through the logistic curve."""

from dataclasses import dataclass

import numpy as np

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
