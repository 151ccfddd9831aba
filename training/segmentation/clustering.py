"""Sparse k-means: groups, and how much each column counts in telling them apart.

Witten and Tibshirani (2010), A Framework for Feature Selection in Clustering, JASA 105(490): weights
w >= 0 with |w|_2 <= 1 and |w|_1 <= bound maximise the weighted spread between groups. A column that
separates nothing weighs nothing, so that noise in many columns does not drown the groups of a few.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans

from training.validation import F64

ROUNDS, SETTLED, STRICTER = 10, 1e-3, 0.75
LEAST_COLUMNS = 5
Label = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Grouping:
    """`centres` (k, F) in the space of the points, `weights` (F,), `label` (n,).

    `spread` is the weighted between-group spread a point: what is maximised.
    """

    centres: F64
    weights: F64
    label: Label
    spread: float


def group(points: F64, k: int, bound: float, starts: int, seed: int) -> Grouping:
    """The best of `starts` tries at k groups of (n, F) points; the same seed gives the same groups.

    `bound` is the largest sum of weights, between 1 (one column decides) and sqrt(F) (no bound).
    Every other try begins with a stricter bound and goes on from what it found: the strict one sees
    the few columns that separate best, and so gets stuck less.
    """
    tries = []
    for start in range(starts):
        bounds = (bound,) if start % 2 else (max(1.0, STRICTER * bound), bound)
        tries.append(_try(points, k, bounds, seed + start))
    return max(tries, key=lambda found: found.spread)


def sum_of_weights(columns: int, strictness: float) -> float:
    """The bound for so many columns: a share of sqrt(F), but room for LEAST_COLUMNS that count alike.

    >>> round(sum_of_weights(3, 0.6), 3), round(sum_of_weights(25, 0.6), 3)
    (1.732, 3.0)
    """
    return max(strictness * float(np.sqrt(columns)), float(np.sqrt(min(columns, LEAST_COLUMNS))))


def nearest(points: F64, centres: F64, weights: F64) -> Label:
    """The nearest centre of each point, by the weighted square distance."""
    square = (centres**2) @ weights - 2 * points @ (centres * weights).T
    return np.asarray(square.argmin(axis=1))


def settle(points: F64, centres: F64, weights: F64) -> F64:
    """Move centres (k, F) to the means of their points until nothing moves, weights as they are."""
    root = np.sqrt(weights)
    found = KMeans(len(centres), init=centres * root, n_init=1, random_state=0).fit(points * root)
    return means(points, found.labels_, centres)


def means(points: F64, label: Label, otherwise: F64) -> F64:
    """The mean point of each group (k, F); a group without points keeps its row of `otherwise`."""
    return np.stack([points[label == g].mean(axis=0) if (label == g).any() else centre
                     for g, centre in enumerate(otherwise)])  # fmt: skip


def bounded(spread: F64, bound: float) -> F64:
    """Weights proportional to what is left of each column's spread, their sum at most `bound`.

    >>> bounded(np.array([3.0, 4.0, 0.0]), 9.0).tolist()
    [0.6, 0.8, 0.0]
    >>> bounded(np.array([3.0, 4.0, 1.0]), 1.2).round(2).tolist()
    [0.23, 0.97, 0.0]
    """

    def left(taken: float) -> F64:
        rest = np.maximum(spread - taken, 0.0)
        length = float(np.sqrt((rest**2).sum()))
        return (
            rest / length
            if length > 0
            else (spread == spread.max()) / np.sqrt((spread == spread.max()).sum())
        )

    if left(0.0).sum() <= bound:
        return left(0.0)
    low, high = 0.0, float(spread.max())
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if left(middle).sum() > bound else (low, middle)
    return left(high)


def _try(points: F64, k: int, bounds: tuple[float, ...], seed: int) -> Grouping:
    centre, centres = points.mean(axis=0), None
    weights = np.full(points.shape[1], 1 / np.sqrt(points.shape[1]))
    for bound in bounds:
        for _ in range(ROUNDS):
            root = np.sqrt(weights)
            init = "k-means++" if centres is None else centres * root
            found = KMeans(k, init=init, n_init=1, random_state=seed).fit(points * root)
            label = np.asarray(found.labels_, np.intp)
            centres = means(points, label, found.cluster_centers_ / np.where(root > 0, root, 1.0))
            spread: F64 = np.bincount(label, minlength=k) / len(label) @ (centres - centre) ** 2
            before, weights = weights, bounded(spread, bound)
            if np.abs(weights - before).sum() < SETTLED * before.sum():
                break
    assert centres is not None
    return Grouping(centres, weights, label, float((weights * spread).sum()))
