"""How many segments? Separation, the gap statistic, and whether resampled customers show them again."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

from training.segmentation.clustering import Grouping, Label, group, nearest
from training.validation import F64

LEAST_SHARE, LEAST_JACCARD = 0.03, 0.75
SILHOUETTE_ROWS, SHUFFLES = 2500, 4


@dataclass(frozen=True)
class Effort:
    """How much is computed for the evidence: tries from new starts, resamples, seed."""

    starts: int
    resamples: int
    seed: int


@dataclass(frozen=True)
class Evidence:
    """What speaks for one k. `jaccard` holds each segment's, in the order of the labels.

    `gap` with its standard error is Tibshirani, Walther and Hastie's (2001, JRSS B 63(2)), against
    points spread evenly over the same box; `agreement` is the mean adjusted Rand index between the
    segments and those of resampled customers.
    """

    k: int
    silhouette: float
    gap: float
    gap_error: float
    jaccard: tuple[float, ...]
    agreement: float
    smallest: float

    @property
    def sound(self) -> bool:
        """Every segment is found again on resampled customers and is not tiny."""
        return min(self.jaccard) >= LEAST_JACCARD and self.smallest >= LEAST_SHARE

    def as_json(self) -> dict[str, float]:
        """As it is logged."""
        return {"k": self.k, "silhouette": round(self.silhouette, 4),
                "gap": round(self.gap, 4), "gap_error": round(self.gap_error, 4),
                "least_jaccard": round(min(self.jaccard), 4), "agreement": round(self.agreement, 4),
                "smallest": round(self.smallest, 4)}  # fmt: skip


def compare(points: F64, ks: Sequence[int], bound: float, effort: Effort) -> list[tuple[Grouping, Evidence]]:
    """The grouping into each k with what speaks for it; silhouettes are taken in one space for all.

    That space weighs each column by its mean weight over the groupings: an own space for each k would
    favour the k that looks at the fewest columns.
    """
    found = {k: group(points, k, bound, effort.starts, effort.seed) for k in ks}
    shared = np.sqrt(np.mean([grouping.weights for grouping in found.values()], axis=0))
    return [(grouping, _evidence(points, grouping, bound, shared, effort)) for grouping in found.values()]


def _evidence(points: F64, found: Grouping, bound: float, shared: F64, effort: Effort) -> Evidence:
    k, generator = len(found.centres), np.random.default_rng(effort.seed)
    gap, error = _gap(points * np.sqrt(found.weights), found, generator)
    again = [_again(points, k, bound, effort, turn) for turn in range(effort.resamples)]
    return Evidence(
        k,
        silhouette=silhouette(points * shared, found.label, generator),
        gap=gap, gap_error=error,
        jaccard=tuple(np.mean([jaccards(found.label, other, k) for other in again], axis=0).tolist()),
        agreement=float(np.mean([adjusted_rand_score(found.label, other) for other in again])),
        smallest=float(np.bincount(found.label, minlength=k).min() / len(points)),
    )  # fmt: skip


def choose(tried: Sequence[Evidence]) -> Evidence:
    """Among the sound ones the best separated; if none is sound, the most stable.

    >>> weak = Evidence(3, 0.5, 0.1, 0.01, (0.9, 0.4), 0.5, 0.2)
    >>> choose([weak, Evidence(4, 0.2, 0.1, 0.01, (0.9, 0.8), 0.9, 0.1)]).k, choose([weak]).k
    (4, 3)
    """
    sound = [evidence for evidence in tried if evidence.sound]
    if sound:
        return max(sound, key=lambda evidence: evidence.silhouette)
    return max(tried, key=lambda evidence: min(evidence.jaccard))


def gap_choice(tried: Sequence[Evidence]) -> int | None:
    """Tibshirani's k: the smallest whose gap is not clearly below the next; None where it still rises."""
    for one, following in pairwise(tried):
        if one.gap >= following.gap - following.gap_error:
            return one.k
    return None


def silhouette(points: F64, label: Label, generator: np.random.Generator) -> float:
    """The mean silhouette on a sample; 0 where there is but one group, or a group a point."""
    chosen = generator.choice(len(points), min(SILHOUETTE_ROWS, len(points)), replace=False)
    if not 1 < len(np.unique(label[chosen])) < len(chosen):
        return 0.0
    return float(silhouette_score(points[chosen], label[chosen]))


def jaccards(one: Label, other: Label, k: int) -> F64:
    """For each segment of `one`, the Jaccard index with its best match in `other` (Hennig 2007).

    >>> jaccards(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]), 2).tolist()
    [1.0, 1.0]
    """
    index = overlap(one, other, k, k)
    _, match = linear_sum_assignment(-index)
    return np.asarray(index[np.arange(k), match], np.float64)


def overlap(one: Label, other: Label, k: int, m: int) -> F64:
    """Jaccard indices (k, m) between the groups of two labellings of the same rows."""
    both = np.zeros((k, m))
    np.add.at(both, (one, other), 1)
    either = both.sum(axis=1)[:, None] + both.sum(axis=0)[None, :] - both
    return np.asarray(np.divide(both, either, out=np.zeros((k, m)), where=either > 0), np.float64)


def _gap(points: F64, found: Grouping, generator: np.random.Generator) -> tuple[float, float]:
    """Gap statistic and its standard error, in the weighted space."""
    k, low, high = len(found.centres), points.min(axis=0), points.max(axis=0)
    centres = found.centres * np.sqrt(found.weights)
    seen = _log_within(points, centres[found.label])
    chance = []
    for _ in range(SHUFFLES):
        even = generator.uniform(low, high, points.shape)
        fitted = KMeans(k, n_init=1, random_state=0).fit(even)
        chance.append(_log_within(even, fitted.cluster_centers_[fitted.labels_]))
    return float(np.mean(chance) - seen), float(np.std(chance) * np.sqrt(1 + 1 / SHUFFLES))


def _log_within(points: F64, own: F64) -> float:
    return _log(float(((points - own) ** 2).sum()))


def _log(value: float) -> float:
    return float(np.log(max(value, 1e-12)))


def _again(points: F64, k: int, bound: float, effort: Effort, turn: int) -> Label:
    """All points labelled by the groups of a resample with repeats, found from scratch."""
    generator = np.random.default_rng(effort.seed + 100 + turn)
    resampled = points[generator.integers(0, len(points), len(points))]
    other = group(resampled, k, bound, effort.starts, effort.seed + turn + 1)
    return nearest(points, other.centres, other.weights)
