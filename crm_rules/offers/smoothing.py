"""The propensity of a product too new for evidence of its own: between what was declared and the model."""

from dataclasses import dataclass

import numpy as np

from crm_rules.rules import F64Array


@dataclass(frozen=True)
class Smoothing:
    """SE / (SE + ME + 1) x SP + ME / (SE + ME + 1) x P, elementwise, with all but P worked out before.

    SP and its weight SE are declared, ME is how many customers the model could learn from, P is the
    propensity. Pega's formula ("smoothed propensity", Customer Decision Hub); its weights add up to a little
    less than 1, so that a product with neither kind of evidence has none. An unknown P (NaN) counts as one
    nobody was seen for; an undeclared SP (NaN) leaves P.

    >>> mix = Smoothing.of(np.array([0.04, 0.04]), np.array([99.0, 99.0]), np.array([0.0, 100.0]))
    >>> mix(np.array([np.nan, 0.01])).round(4).tolist()
    [0.0396, 0.0248]
    """

    declared: F64Array
    weight: F64Array
    alone: F64Array

    @staticmethod
    def of(starting: F64Array, evidence: F64Array, seen: F64Array) -> "Smoothing":
        """From SP, SE and ME."""
        total = evidence + seen + 1.0
        return Smoothing(evidence / total * starting, seen / total, evidence / (evidence + 1.0) * starting)

    def __call__(self, propensity: F64Array) -> F64Array:
        """P mixed with what was declared; shapes broadcast."""
        mixed = np.where(np.isnan(propensity), self.alone, self.declared + self.weight * propensity)
        return np.where(np.isnan(self.declared), propensity, mixed)
