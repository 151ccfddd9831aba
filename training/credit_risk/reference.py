"""The declared reference of every reason: a typical customer who repaid, column by column."""

from collections.abc import Mapping, Sequence

import numpy as np

from training.learning.trees import F32
from training.release.credit import FILE
from training.release.fields import Fields
from training.release.scorecard import Scorecard
from training.validation import Labels


def reference_values(matrix: F32, y: Labels, columns: Sequence[str]) -> dict[str, float]:
    """The median of each column among the training rows that repaid: a value that some row has.

    A column unknown for all of them takes the median of all rows.

    >>> rows = np.array([[1, np.nan], [3, np.nan], [9, 5]], np.float32)
    >>> reference_values(rows, np.array([0, 0, 1], np.int8), ("late", "score"))
    {'late': 1.0, 'score': 5.0}
    """
    found = {}
    for j, column in enumerate(columns):
        values = matrix[:, j]
        known = ~np.isnan(values)
        repaid = known & (y == 0)
        chosen = values[repaid if repaid.any() else known]
        found[column] = float(np.quantile(chosen, 0.5, method="lower"))
    return found


def with_reference(member: Mapping[str, object], reference: Mapping[str, float]) -> dict[str, object]:
    """A member's JSON that declares the reference; its scorecard's points are counted from there."""
    card = member["scorecard"]
    assert isinstance(card, dict)
    read = Scorecard.read(Fields(FILE, card))
    row = np.array([[reference[column] for column in read.columns]], np.float32)
    counted = [
        characteristic | {"reference_points": float(points)}
        for characteristic, points in zip(card["characteristics"], read.points(row)[0], strict=True)
    ]
    models = {*read.columns, *_columns(member["boosting"])}
    declared = {column: value for column, value in reference.items() if column in models}
    return {**member, "scorecard": card | {"characteristics": counted}, "reference": declared}


def _columns(boosting: object) -> Sequence[str]:
    assert isinstance(boosting, dict)
    return tuple(map(str, boosting["columns"]))
