"""How good is a ranked list? Figures for each customer at 1, 3 and 5, in numpy; intervals by bootstrap."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.validation import F64, Interval

CUTS = (1, 3, 5)
TOP = max(CUTS)
MEASURES = ("map", "ndcg", "recall", "novelty")
DRAWS = 400
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Ranked:
    """What n customers, who all added something, were shown and how good it was.

    `figures` are (n,) by name, `map_at_5` and so on; `shown` (n, TOP) are the products listed, -1
    where no more were left.
    """

    figures: Mapping[str, F64]
    shown: npt.NDArray[np.intp]
    products: int

    def __len__(self) -> int:
        return len(self.shown)

    @property
    def mean(self) -> dict[str, float]:
        """Every figure's mean, and the share of products that anybody is shown."""
        found = {name: round(float(values.mean()), 4) for name, values in self.figures.items()}
        return found | {f"coverage_at_{k}": round(float(self._coverage(k)), 4) for k in CUTS}

    def intervals(self, seed: int) -> dict[str, Interval]:
        """Every figure and the coverage, each with its bootstrap interval over customers."""
        drawn = {name: np.empty(DRAWS) for name in self.figures}
        listed = {f"coverage_at_{k}": np.empty(DRAWS) for k in CUTS}
        matrix, generator, n = np.stack(list(self.figures.values())), np.random.default_rng(seed), len(self)
        for at in range(DRAWS):
            weights = np.bincount(generator.integers(0, n, n), minlength=n)
            for values, mean in zip(drawn.values(), matrix @ (weights / n), strict=True):
                values[at] = mean
            for k in CUTS:
                listed[f"coverage_at_{k}"][at] = self._coverage(k, weights)
        found = {name: _interval(self.figures[name].mean(), values) for name, values in drawn.items()}
        return found | {f"coverage_at_{k}": _interval(self._coverage(k), listed[f"coverage_at_{k}"])
                        for k in CUTS}  # fmt: skip

    def interval(self, seed: int, name: str = "map_at_5") -> Interval:
        """One figure with its bootstrap interval."""
        return _resampled(self.figures[name], seed)

    def over(self, other: "Ranked", seed: int, name: str = "map_at_5") -> Interval:
        """A figure above the other's on the same customers, paired, with its bootstrap interval."""
        return _resampled(self.figures[name] - other.figures[name], seed)

    def _coverage(self, k: int, weights: npt.NDArray[np.intp] | None = None) -> float:
        times = None if weights is None else np.repeat(weights, min(k, self.shown.shape[1]))
        listed = np.bincount(self.shown[:, :k].ravel() + 1, times, minlength=self.products + 1)
        return float((listed[1:] > 0).sum() / self.products)


def rank(scores: F64, held: Flags, added: Flags, popularity: F64 | None = None) -> Ranked:
    """Judge scores (n, P) by what was added; what is held already is never offered, nor what is NaN.

    Only customers who added something count. Average precision and ideal gain are over the best
    list possible at that length. Novelty is the mean self-information, -log2 of the share of
    additions that `popularity` (P) gives what is shown: how little it is what everybody takes.

    >>> held, added = np.array([[True, False, False]]), np.array([[False, False, True]])
    >>> judged = rank(np.array([[3.0, 2.0, 1.0]]), held, added)
    >>> judged.mean["map_at_5"], judged.mean["map_at_1"], judged.mean["recall_at_3"]
    (0.5, 0.0, 1.0)
    """
    some = added.any(axis=1)
    masked = np.where(held | np.isnan(scores), -np.inf, scores)[some]
    order = np.argsort(-masked, axis=1, kind="stable")[:, :TOP]
    there = np.take_along_axis(masked, order, axis=1) > -np.inf
    hit = (np.take_along_axis(added[some], order, axis=1) & there).astype(np.float64)
    wanted = added[some].sum(axis=1)
    figures: dict[str, F64] = {}
    for k in CUTS:
        figures |= _at(k, hit[:, :k], wanted)
    told = _information(popularity, scores.shape[1])[order]
    for k in CUTS:
        seen = there[:, :k]
        figures[f"novelty_at_{k}"] = (told[:, :k] * seen).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return Ranked(figures, np.where(there, order, -1), scores.shape[1])


def _at(k: int, hit: F64, wanted: npt.NDArray[np.intp]) -> dict[str, F64]:
    place = np.arange(1, hit.shape[1] + 1)
    possible = np.minimum(wanted, hit.shape[1])
    ideal = np.cumsum(1 / np.log2(place + 1))[possible - 1]
    return {
        f"map_at_{k}": (hit * np.cumsum(hit, axis=1) / place).sum(axis=1) / possible,
        f"ndcg_at_{k}": (hit / np.log2(place + 1)).sum(axis=1) / ideal,
        f"recall_at_{k}": hit.sum(axis=1) / wanted,
    }


def _information(popularity: F64 | None, products: int) -> F64:
    counted = np.ones(products) if popularity is None else np.maximum(popularity, 0.0)
    share = (counted + 1e-6) / (counted.sum() + 1e-6 * products)
    return np.asarray(-np.log2(share), np.float64)


def _resampled(values: F64, seed: int) -> Interval:
    generator, n = np.random.default_rng(seed), len(values)
    drawn = np.array([values[generator.integers(0, n, n)].mean() for _ in range(DRAWS)])
    return _interval(float(values.mean()), drawn)


def _interval(value: float, drawn: F64) -> Interval:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(value), float(low), float(high), 0.95)
