"""The segments put to the test: without a column, in other quarters, beside plainer groupings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from training.evidence.exhibit import Cell, rounded
from training.learning.trees import F32
from training.release.value import Value
from training.segmentation.clustering import Label, group, nearest, sum_of_weights
from training.segmentation.evidence import jaccards, silhouette
from training.segmentation.explaining import explain
from training.segmentation.segmenter import Segmenter
from training.segmentation.space import Space
from training.validation import F64

RESAMPLES = 4


def without_each(segmenter: Segmenter, matrix: F32) -> dict[str, float]:
    """Adjusted Rand index with the full segmentation when a column that counts is left out, by column."""
    points = segmenter.space_.standardised(matrix)
    label, found = nearest(points, segmenter.centres_, segmenter.weights_), {}
    for at, name in enumerate(segmenter.space_.columns):
        if segmenter.weights_[at] > 0 and points.shape[1] > 1:
            left = np.delete(points, at, axis=1)
            other = group(left, len(segmenter.centres_), _bound(segmenter, left), segmenter.starts, 0)
            found[name] = float(adjusted_rand_score(label, other.label))
    return found


def found_anew(segmenter: Segmenter, matrix: F32) -> tuple[F64, F64]:
    """Shares of the segments among other rows, and each one's Jaccard with segments found on those rows."""
    points, k = segmenter.space_.standardised(matrix), len(segmenter.centres_)
    label = nearest(points, segmenter.centres_, segmenter.weights_)
    other = group(points, k, _bound(segmenter, points), segmenter.starts, 1)
    return np.bincount(label, minlength=k) / len(label), jaccards(label, other.label, k)


@dataclass(frozen=True)
class Twice:
    """The same customers at two dates: (n, F) of the clustered columns and (n, V) of the value's."""

    before: F32
    after: F32
    worth_before: F32
    worth_after: F32


def beside(
    segmenter: Segmenter, value: Value | None, twice: Twice, columns: Sequence[str], seed: int
) -> list[tuple[Cell, ...]]:
    """Ours, plain k-means and RFM groups: silhouette, least Jaccard, fidelity, how many stay, groups."""
    points = segmenter.space_.standardised(twice.before)
    later = segmenter.space_.standardised(twice.after)
    k, root = len(segmenter.centres_), np.sqrt(segmenter.weights_)
    ours = nearest(points, segmenter.centres_, segmenter.weights_)
    stays = float((ours == nearest(later, segmenter.centres_, segmenter.weights_)).mean())
    rows = [
        _row(
            "these segments", points * root, ours, min(segmenter.chosen_.jaccard), stays, twice, columns, seed
        )
    ]
    plain = KMeans(k, n_init=4, random_state=seed).fit(points)
    stays = float((plain.labels_ == plain.predict(later)).mean())
    steady = _plain_jaccard(points, plain, seed)
    rows.append(
        _row("k-means, all columns alike", points, plain.labels_, steady, stays, twice, columns, seed)
    )
    if value is not None:
        total, after = (value.rfm(each).sum(axis=1) for each in (twice.worth_before, twice.worth_after))
        edges = np.quantile(total, np.arange(1, k) / k)
        label = np.searchsorted(edges, total, side="right")
        stays = float((label == np.searchsorted(edges, after, side="right")).mean())
        scores = value.rfm(twice.worth_before).astype(np.float64)
        rows.append(_row("RFM total in equal groups", scores, label, None, stays, twice, columns, seed))
    return rows


def profile_means(matrix: F32, label: Label, k: int) -> F64:
    """Mean standard deviations from the average by segment, (k, columns); 0 for an empty segment."""
    columns = [f"c{at}" for at in range(matrix.shape[1])]
    z = Space.of(matrix, columns).standardised(matrix)
    return np.stack([z[label == at].mean(axis=0) if (label == at).any() else np.zeros(z.shape[1])
                     for at in range(k)])  # fmt: skip


def _bound(segmenter: Segmenter, points: F64) -> float:
    return sum_of_weights(points.shape[1], segmenter.strictness)


def _plain_jaccard(points: F64, plain: KMeans, seed: int) -> float:
    generator, found = np.random.default_rng(seed), []
    for turn in range(RESAMPLES):
        rows = generator.integers(0, len(points), len(points))
        other = KMeans(plain.n_clusters, n_init=2, random_state=seed + turn).fit(points[rows]).predict(points)
        found.append(jaccards(plain.labels_, other, plain.n_clusters))
    return float(np.mean(found, axis=0).min())


def _row(
    name: str, space: F64, label: Label, steady: float | None, stays: float, twice: Twice,
    columns: Sequence[str], seed: int,
) -> tuple[Cell, ...]:  # fmt: skip
    told = explain(twice.before, label, columns, seed).fidelity(twice.before, label)
    apart = silhouette(space, label, np.random.default_rng(seed))
    cells = (apart, steady if steady is not None else float("nan"), told, stays)
    return (name, *(None if np.isnan(c) else c for c in rounded(cells)), len(np.unique(label)))
