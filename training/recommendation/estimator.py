"""`ProductRecommender`: the hybrid as a scikit-learn estimator over any table of who holds what."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted

from training.learning.logistic import platt
from training.learning.trees import F32
from training.recommendation.additive import Evidence, Ridges, cut, fit
from training.recommendation.collaborative import Kernel, filtered
from training.recommendation.moments import HORIZON_DAYS, Flags, Segments
from training.release.calibration import Calibration
from training.release.content import Encoding, ProductFacts
from training.release.recommendation import Layout, Recommender
from training.validation import F64

FEWEST = 15  # additions a family needs before anything is said of it


class ProductRecommender(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """The chance that each product not held is added next.

    `X` is (n, P) zeros and ones, who holds what; `y` (n, P) what each added afterwards. Beside them
    `features` (n, C) with their names in `columns`, `segments` (n,) whole numbers from 0, and
    `products`, what is known of each product, may be given; without them it learns from holdings.
    `filter` names a collaborative filter ("als", "bpr", "cosine", "bm25"), is one already fitted, or None.

    >>> held = np.eye(6, dtype=int)[np.arange(600) % 3]  # everybody holds one of three products
    >>> added = np.roll(held, 3, axis=1)  # and adds its partner
    >>> model = ProductRecommender().fit(held, added)
    >>> model.recommend(held[:3], k=1)[:, 0].tolist()
    [3, 4, 5]
    """

    def __init__(
        self, bands: int = 7, shared: float = 10.0, own: float = 30.0, filter: "str | Kernel | None" = None,
        filter_parameters: Mapping[str, Any] | None = None, most_rows: int = 100_000, seed: int = 0,
    ) -> None:  # fmt: skip
        self.bands, self.shared, self.own, self.filter = bands, shared, own, filter
        self.filter_parameters, self.most_rows, self.seed = filter_parameters, most_rows, seed

    def fit(
        self, X: npt.ArrayLike, y: npt.ArrayLike, *, features: npt.ArrayLike | None = None,
        columns: Sequence[str] | None = None, segments: Segments | None = None,
        products: Sequence[ProductFacts] | None = None,
    ) -> "ProductRecommender":  # fmt: skip
        """Learn from what was held and what was added after; ValueError where the tables do not fit."""
        held, added = _flags(X, "X"), _flags(y, "y")
        if held.shape != added.shape or held.shape[1] < 2:
            raise ValueError(
                f"X {held.shape} and y {added.shape} should be (n, P) alike, of 2 products or more."
            )
        matrix = self._features(features, len(held), None)
        named = tuple(columns or (f"feature_{at}" for at in range(matrix.shape[1])))
        facts = tuple(products or (ProductFacts(f"product_{at}", "all") for at in range(held.shape[1])))
        if len(named) != matrix.shape[1] or len(facts) != held.shape[1]:
            raise ValueError(f"{len(named)} columns and {len(facts)} products do not fit the tables given.")
        evidence = Evidence(held, added & ~held, matrix, segments)
        self.n_features_in_ = held.shape[1]
        self.recommender_ = self._learned(self._some(evidence), facts, named)
        return self

    def calibrate(
        self, X: npt.ArrayLike, y: npt.ArrayLike, *, features: npt.ArrayLike | None = None,
        segments: Segments | None = None,
    ) -> dict[str, Calibration]:  # fmt: skip
        """Platt's line by family on customers not learned from; `calibrated` takes it."""
        held, added = _flags(X, "X"), _flags(y, "y")
        odds = self.decision_function(held, features=features, segments=segments)
        lines = {}
        for family in self.recommender_.calibration:
            mine = [each.family == family for each in self.recommender_.products]
            there = ~held[:, mine]
            seen = (added & ~held)[:, mine][there]
            if seen.sum() >= FEWEST:
                line = platt(odds[:, mine][there], seen.astype(np.int8))
                lines[family] = Calibration(round(line.a, 6), round(line.b, 6))
        return lines

    def decision_function(
        self, X: npt.ArrayLike, *, features: npt.ArrayLike | None = None, segments: Segments | None = None
    ) -> F64:  # fmt: skip
        """Log odds (n, P) of adding each product."""
        check_is_fitted(self)
        held = self._held(X)
        matrix = self._features(features, len(held), len(self.recommender_.columns))
        return self.recommender_.margins(self.recommender_.shelf, held, matrix, segments)

    def predict_proba(
        self, X: npt.ArrayLike, *, features: npt.ArrayLike | None = None, segments: Segments | None = None
    ) -> F64:  # fmt: skip
        """The chance (n, P) of adding each product; NaN where its family was hardly ever added from."""
        check_is_fitted(self)
        held = self._held(X)
        matrix = self._features(features, len(held), len(self.recommender_.columns))
        return self.recommender_.probabilities(self.recommender_.shelf, held, matrix, segments)

    def recommend(
        self, X: npt.ArrayLike, k: int = 5, *, features: npt.ArrayLike | None = None,
        segments: Segments | None = None,
    ) -> npt.NDArray[np.intp]:  # fmt: skip
        """The k likeliest products not held, (n, k), best first; -1 where no more are left."""
        chance = self.predict_proba(X, features=features, segments=segments)
        chance = np.where(self._held(X) | np.isnan(chance), -1.0, chance)
        order = np.argsort(-chance, axis=1, kind="stable")[:, :k]
        return np.where(np.take_along_axis(chance, order, axis=1) >= 0, order, -1)

    def _learned(
        self, seen: Evidence, facts: tuple[ProductFacts, ...], named: tuple[str, ...]
    ) -> Recommender:
        count = 0 if seen.segments is None else int(seen.segments.max()) + 1
        layout = Layout(cut(seen.features, named, self.bands), count, len(facts))
        encoding = Encoding.of(facts)
        families = {family: seen.added[:, [each.family == family for each in facts]].sum()
                    for family in encoding.families}  # fmt: skip
        said = {family: Calibration(1.0, 0.0) for family, found in families.items() if found >= FEWEST}
        learnable = np.array([each.family in said for each in facts])
        kernel = self._kernel(seen.held)
        effects = fit(layout, seen, encoding.matrix(facts), learnable, Ridges(self.shared, self.own), kernel)
        rate = seen.added.sum(axis=0) / np.maximum((~seen.held).sum(axis=0), 1)
        return Recommender(facts, layout, effects.known, effects.by_attribute, encoding, said,
                           np.round(rate, 9), HORIZON_DAYS)  # fmt: skip

    def _kernel(self, held: Flags) -> F64 | None:
        if isinstance(self.filter, str) and held.any():
            return filtered(self.filter, held, self.filter_parameters or {}, self.seed).standard
        return self.filter.standard if isinstance(self.filter, Kernel) else None

    def _some(self, evidence: Evidence) -> Evidence:
        if len(evidence) <= self.most_rows:
            return evidence
        chosen = np.random.default_rng(self.seed).choice(len(evidence), self.most_rows, replace=False)
        chosen.sort()
        segments = None if evidence.segments is None else evidence.segments[chosen]
        return Evidence(evidence.held[chosen], evidence.added[chosen], evidence.features[chosen], segments)

    def _held(self, held: npt.ArrayLike) -> Flags:
        found = _flags(held, "X")
        if found.shape[1] != self.n_features_in_:
            raise ValueError(f"X has {found.shape[1]} features, but ProductRecommender is expecting "
                             f"{self.n_features_in_} features as input")  # fmt: skip
        return found

    def _features(self, features: npt.ArrayLike | None, n: int, width: int | None) -> F32:
        if features is None:
            return np.full((n, width or 0), np.nan, np.float32)
        matrix = np.asarray(features, np.float32)
        if matrix.ndim != 2 or len(matrix) != n or width not in (None, matrix.shape[1]):
            raise ValueError(
                f"features are {matrix.shape}, {n} rows of {width or 'some'} columns are needed."
            )
        return matrix


def hide_one(matrix: npt.ArrayLike, seed: int) -> tuple[Flags, Flags]:
    """A table without dates: of whoever holds two products or more, one is taken to be the one added.

    >>> held, added = hide_one([[1, 1, 0], [1, 0, 0]], seed=1)
    >>> (held | added).tolist(), added.sum(axis=1).tolist()
    ([[True, True, False], [True, False, False]], [1, 0])
    """
    whole = _flags(matrix, "the table")
    drawn = np.where(whole, np.random.default_rng(seed).random(whole.shape), -1.0)
    several = np.flatnonzero(whole.sum(axis=1) >= 2)
    added: Flags = np.zeros(whole.shape, bool)
    added[several, drawn[several].argmax(axis=1)] = True
    return whole & ~added, added


def _flags(table: npt.ArrayLike, name: str) -> Flags:
    found = check_array(table, dtype=None, input_name=name)
    if not np.isin(found, (0, 1)).all():
        raise ValueError(f"{name} should be a table of zeros and ones: who holds, or adds, which product.")
    return np.asarray(found, bool)
