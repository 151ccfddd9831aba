"""The propensity of a product too new for evidence of its own: between what was declared and the model."""

import numpy as np

from crm_rules.rules import F64Array


def smoothed(starting: F64Array, evidence: F64Array, seen: F64Array, propensity: F64Array) -> F64Array:
    """SE / (SE + ME + 1) x SP + ME / (SE + ME + 1) x P, elementwise; shapes broadcast.

    `starting` SP and its weight `evidence` SE are declared, `seen` ME is how many customers the model
    could learn from, `propensity` is P. Pega's formula ("smoothed propensity", Customer Decision
    Hub); its weights add up to a little less than 1, so that a product with neither kind of evidence
    has none. An unknown P (NaN) counts as one nobody was seen for; an undeclared SP (NaN) leaves P.

    >>> start, weight, seen = np.array(0.04), np.array(99.0), np.array([0.0, 100.0])
    >>> smoothed(start, weight, seen, np.array([np.nan, 0.01])).round(4).tolist()
    [0.0396, 0.0248]
    """
    total = evidence + seen + 1.0
    mixed = evidence / total * starting + seen / total * propensity
    alone = evidence / (evidence + 1.0) * starting
    return np.where(np.isnan(starting), propensity, np.where(np.isnan(propensity), alone, mixed))
