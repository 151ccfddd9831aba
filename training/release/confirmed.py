"""Reasons that hold: what a case's log odds fall by once a column is moved to its reference.

Contributions that add up name the candidates; each is then confirmed by scoring the case again with
that column alone at its declared reference. A candidate whose move helps nobody is no reason.
"""

from collections.abc import Callable

import numpy as np

from training.release.fields import F64Array
from training.release.segmentation import F32Array

CANDIDATES = 8
"""Columns tried a case, the largest contributions first: twice as many as are ever told."""

Rescore = Callable[[F32Array], F64Array]


def confirmed(
    rows: F32Array, log_odds: F64Array, contributions: F64Array, reference: F64Array, rescore: Rescore
) -> F64Array:
    """What the log odds of each case fall by, (n, columns + 1): a column at a time, all unknown ones last.

    `rows` and `contributions` are (n, columns), `reference` (columns,); `rescore` gives the log odds of
    (m, columns) rows. Zero where a column was no candidate, is unknown, or its move does not help.

    >>> def twice(rows): return 2.0 * rows[:, 0] + np.nan_to_num(rows[:, 1], nan=5.0)
    >>> rows = np.array([[3, 1], [0, np.nan]], np.float32)
    >>> confirmed(rows, twice(rows), np.array([[6.0, 1], [0, 5]]), np.zeros(2), twice)
    array([[6., 1., 0.],
           [0., 0., 5.]])
    """
    n, columns = rows.shape
    known = ~np.isnan(rows)
    hopes = np.where(known & (contributions > 0), contributions, 0.0)
    tried = np.argsort(-hopes, axis=1, kind="stable")[:, : min(CANDIDATES, columns)]
    moved = np.repeat(rows[:, None, :], tried.shape[1] + 1, axis=1)
    case, place = np.arange(n)[:, None], np.arange(tried.shape[1])[None, :]
    target = reference.astype(np.float32)
    moved[case, place, tried] = target[tried]
    moved[:, -1, :] = np.where(known, rows, target)
    fall = log_odds[:, None] - rescore(moved.reshape(-1, columns)).reshape(n, -1)
    found = np.zeros((n, columns + 1))
    found[case, tried] = np.where(np.take_along_axis(hopes, tried, axis=1) > 0, fall[:, :-1], 0.0)
    found[:, -1] = np.where(known.all(axis=1), 0.0, fall[:, -1])
    return np.maximum(found, 0.0)
