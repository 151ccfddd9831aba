"""Segments of any table of numbers, as scikit-learn knows estimators."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.base import ClassNamePrefixFeaturesOutMixin as Named
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from training.segmentation.clustering import Label, nearest, settle, sum_of_weights
from training.segmentation.evidence import Effort, Evidence, choose, compare
from training.segmentation.space import Space
from training.validation import F64

STRICTNESS, STARTS, RESAMPLES, SAMPLE = 0.6, 16, 8, 5000


class Segmenter(Named, TransformerMixin, ClusterMixin, BaseEstimator):  # type: ignore[misc]  # no types there
    """Sparse k-means whose k is chosen on evidence: silhouette, gap, bootstrap stability, size.

    Takes an array or a DataFrame of numbers, missing values allowed. Lopsided columns are logged and
    all standardised; each column gets a weight for how much it tells the segments apart, so that
    noise columns do no harm. `strictness` bounds the sum of weights, as a share of its largest,
    sqrt(F). `n_clusters` fixes k; None chooses among `candidates`. Evidence is taken on at most
    `sample` rows, the centres then settle on all.

    Attributes: `space_`, `centres_` (k, F) in standard deviations, `weights_` (F,), `labels_` (n,),
    `evidence_` for every k tried, `chosen_`.

    >>> rows = np.r_[np.random.default_rng(0).normal(0, 1, (60, 2)),
    ...              np.random.default_rng(1).normal(9, 1, (60, 2))]
    >>> found = Segmenter(candidates=(2, 3), starts=2, resamples=2).fit(rows)
    >>> found.chosen_.k, found.predict([[9.0, np.nan]]) == found.labels_[-1:]
    (2, array([ True]))
    """

    def __init__(
        self, n_clusters: int | None = None, *, candidates: Sequence[int] = (3, 4, 5, 6, 7, 8),
        strictness: float = STRICTNESS, starts: int = STARTS, resamples: int = RESAMPLES,
        sample: int = SAMPLE, random_state: int | np.random.RandomState | None = 0,
    ) -> None:  # fmt: skip
        self.n_clusters, self.candidates, self.strictness = n_clusters, candidates, strictness
        self.starts, self.resamples, self.sample = starts, resamples, sample
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> "Segmenter":
        """Choose k and find the segments of (n, F) rows; `y` is ignored."""
        rows = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=2)
        seed = _seed(self.random_state)
        names = getattr(self, "feature_names_in_", [f"x{j}" for j in range(rows.shape[1])])
        self.space_ = Space.of(rows, tuple(names))
        points = self.space_.standardised(rows)
        with threadpool_limits(limits=1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different rows than k: seen in size
            self._choose(points, seed)
        self.labels_: Label = nearest(points, self.centres_, self.weights_)
        return self

    def predict(self, X: Any) -> Label:
        """The number of each row's segment, (n,)."""
        return nearest(self._points(X), self.centres_, self.weights_)

    def transform(self, X: Any) -> F64:
        """Weighted distances to every centre, (n, k)."""
        points = self._points(X)
        square = (((points[:, None, :] - self.centres_) ** 2) * self.weights_).sum(axis=2)
        distance: F64 = np.sqrt(square)
        return distance

    def _points(self, X: Any) -> F64:
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        return self.space_.standardised(rows)

    def _choose(self, points: F64, seed: int) -> None:
        generator = np.random.default_rng(seed)
        chosen = generator.permutation(len(points))[: self.sample]
        sampled = points[np.sort(chosen)]
        bound = sum_of_weights(points.shape[1], self.strictness)
        effort = Effort(self.starts, self.resamples, seed)
        tried = compare(sampled, self._ks(sampled), bound, effort)
        self.evidence_: tuple[Evidence, ...] = tuple(evidence for _, evidence in tried)
        self.chosen_ = choose(self.evidence_)
        found = next(grouping for grouping, evidence in tried if evidence.k == self.chosen_.k)
        self.weights_: F64 = np.round(found.weights, 6)
        self.centres_: F64 = np.round(settle(points, found.centres, self.weights_), 6)
        self._n_features_out = len(self.centres_)

    def _ks(self, points: F64) -> list[int]:
        """The candidates there are enough different rows for."""
        different = len(np.unique(points, axis=0))
        if self.n_clusters is not None:
            if not 1 <= self.n_clusters <= len(points):
                raise ValueError(
                    f"n_clusters={self.n_clusters}, n_samples={len(points)}: take 1 to n_samples segments"
                )
            return [min(self.n_clusters, different)]
        possible = [k for k in self.candidates if k <= max(2, different // 2)]
        return possible or [min(2, different)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _seed(random_state: Any) -> int:
    return int(check_random_state(random_state).randint(1 << 30)) if not isinstance(random_state, int) \
        else random_state  # fmt: skip
