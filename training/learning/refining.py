"""Points refined bin by bin: what a bin adds beside the other columns, not what it says alone.

Weight of evidence gives a column one weight for all its bins. Where columns tell the same story twice
that is too coarse: after the weights are found every bin's points may still move, held back by a ridge,
and never against a declared sign.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from sklearn.isotonic import IsotonicRegression

from training.learning import logistic
from training.learning.inputs import Inputs
from training.learning.scorecard import FACTOR, Characteristic, Scorecard
from training.validation import F64, Labels


def refine(card: Scorecard, rows: Inputs, y: Labels, signs: Mapping[str, int], ridge: float) -> Scorecard:
    """The card with its points moved; `ridge` is in the terms of `logistic.fit`, for each bin's log odds.

    The neutral bin stays what it was: what was never seen is not refined.
    """
    if not card.characteristics:
        return card
    design = np.concatenate([_filled(each, rows) for each in card.characteristics], axis=1)
    found = logistic.newton(design, y, ridge, offset=card.margin(rows))
    shift, start, moved = FACTOR * found.intercept / len(card.characteristics), 0, []
    for each in card.characteristics:
        odds = np.r_[found.weights[start : start + each.bins.count - 1], 0.0]
        start += each.bins.count - 1
        moved.append(_moved(each, each.points - FACTOR * odds - shift, signs.get(each.column, 0)))
    return Scorecard(tuple(moved), card.intercept + found.intercept)


def _filled(characteristic: Characteristic, rows: Inputs) -> F64:
    place = characteristic.bins.place(rows[characteristic.column])
    return np.asarray(place[:, None] == np.arange(characteristic.bins.count - 1), np.float64)


def _moved(characteristic: Characteristic, points: F64, sign: int) -> Characteristic:
    ordinary = slice(0, characteristic.bins.ordinary)
    if sign and not characteristic.bins.categories:
        weights = np.maximum(characteristic.rows[ordinary], 1e-9)
        place, order = np.arange(len(weights)), IsotonicRegression(increasing=sign < 0)
        points[ordinary] = order.fit(place, points[ordinary], sample_weight=weights).predict(place)
    points = np.round(points, 2)
    average = float(points @ characteristic.rows / characteristic.rows.sum())
    return replace(characteristic, points=points, reference_points=round(average, 4))
