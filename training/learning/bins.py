"""Cut points of a characteristic: optbinning finds them, monotone where a sign is declared.

A special value has a bin of its own, so has what is missing; a category too rare to judge, or never
seen, falls into the neutral bin, whose weight of evidence is zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from optbinning import OptimalBinning
from sklearn.tree import DecisionTreeClassifier

from training.learning.inputs import Column, is_text, missing
from training.learning.trees import F32
from training.validation import F64, Labels

MOST_BINS = 5
FEWEST = 20  # rows of a category that can be judged by itself
I64 = npt.NDArray[np.int64]


def least_share(rows: int) -> float:
    """The share of the rows a bin needs: one in twenty, or 150 rows where that is less, but one in 200.

    >>> least_share(1_000), least_share(30_000)
    (0.05, 0.005)
    """
    return min(0.05, max(0.005, 150 / rows))


@dataclass(frozen=True)
class Bins:
    """Where values fall: [edge i-1, edge i) or a set of categories, then specials, missing, neutral."""

    edges: F64
    specials: tuple[float, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()

    @property
    def ordinary(self) -> int:
        """How many bins there are besides specials, missing and neutral."""
        return len(self.categories) or len(self.edges) + 1

    @property
    def count(self) -> int:
        """How many bins there are."""
        return self.ordinary + len(self.specials) + 2

    @property
    def labels(self) -> tuple[str, ...]:
        """What each bin is called.

        >>> Bins(np.array([30.0]), specials=(-9.0,)).labels
        ('below 30', '30 and above', '= -9', 'missing', 'neutral')
        """
        ordinary = [", ".join(each) for each in self.categories] or _spans(self.edges)
        return (*ordinary, *(f"= {value:g}" for value in self.specials), "missing", "neutral")

    def place(self, values: Column) -> I64:
        """The bin of each value, (n,).

        >>> Bins(np.array([30.0]), specials=(-9.0,)).place(np.array([29.9, 30.0, -9.0, np.nan], np.float32))
        array([0, 1, 2, 3])
        >>> Bins(np.array([]), categories=(("a", "b"), ("c",))).place(np.array(["c", None, "z"], object))
        array([1, 2, 3])
        """
        if self.categories or is_text(values):
            return self._place_texts(values)
        found = np.searchsorted(self.edges, values, side="right").clip(max=len(self.edges)).astype(np.int64)
        for k, special in enumerate(self.specials):
            found[values == np.float32(special)] = self.ordinary + k
        found[np.isnan(values)] = self.count - 2
        return found

    def _place_texts(self, values: Column) -> I64:
        codes, levels = pd.factorize(values)
        of = {each: i for i, group in enumerate(self.categories) for each in group}
        table = np.array(
            [of.get(str(level), self.count - 1) for level in levels] + [self.count - 2], np.int64
        )
        return table[codes]


def _spans(edges: F64) -> list[str]:
    if not len(edges):
        return ["all"]
    inner = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    return [f"below {edges[0]:g}", *inner, f"{edges[-1]:g} and above"]


def find_bins(
    column: str, values: Column, y: Labels, sign: int, specials: Sequence[float] = (), most: int = MOST_BINS
) -> Bins | None:
    """The column's bins, or None where it does not tell rows apart."""
    if is_text(values):
        return _categories(column, values, y, most)
    present = tuple(v for v in specials if (values == np.float32(v)).any())
    known = ~missing(values) & ~np.isin(values, np.asarray(specials, np.float32))
    edges = _edges(column, np.asarray(values[known], np.float32), y[known], sign, most)
    return Bins(edges, present) if len(edges) or present or (~known).any() else None


def _edges(column: str, values: F32, y: Labels, sign: int, most: int) -> F64:
    if len(y) < 2 or len(np.unique(values)) < 2 or y.min() == y.max():
        return np.empty(0)
    trend = {1: "ascending", -1: "descending"}.get(
        sign, "auto"
    )  # one peak or valley where nothing is declared
    binning = OptimalBinning(
        name=column, dtype="numerical", solver="mip", max_n_prebins=2 * most, max_n_bins=most,
        min_bin_size=least_share(len(y)), min_prebin_size=least_share(len(y)) / 2, monotonic_trend=trend,
    )  # fmt: skip
    with np.errstate(invalid="ignore"):  # it divides by the spread of the rates, which may be none
        splits = binning.fit(values.astype(np.float64), y).splits
    found = np.unique(np.asarray(splits, np.float32)).astype(np.float64)
    return found if len(found) else _one_edge(values, y, sign)


def _one_edge(values: F32, y: Labels, sign: int) -> F64:
    """The best single cut: optbinning joins bins of one class, and so loses what separates best of all."""
    stump = DecisionTreeClassifier(max_leaf_nodes=2, min_samples_leaf=least_share(len(y)), random_state=0)
    tree = stump.fit(values[:, None], y).tree_
    if tree.node_count < 3:
        return np.empty(0)
    below, above = tree.value[1, 0, 1], tree.value[2, 0, 1]
    return (
        np.array([np.float32(tree.threshold[0])], np.float64) if sign * (above - below) >= 0 else np.empty(0)
    )


def _categories(column: str, values: Column, y: Labels, most: int) -> Bins | None:
    codes, levels = pd.factorize(values)
    rows = np.bincount(codes[codes >= 0], minlength=len(levels))
    judged = np.flatnonzero(rows >= min(FEWEST, least_share(len(y)) * len(y)))
    kept = np.isin(codes, judged)
    if len(judged) < 2 or y[kept].min() == y[kept].max():
        return None
    binning = OptimalBinning(
        name=column, dtype="categorical", solver="mip", max_n_prebins=20, max_n_bins=most,
        min_prebin_size=1e-6, min_bin_size=least_share(len(y)) / 2, monotonic_trend="ascending",
    )  # fmt: skip
    splits = binning.fit(np.asarray(values[kept], object), y[kept]).splits
    groups = tuple(tuple(sorted(str(each) for each in group)) for group in splits)
    groups = groups if len(groups) > 1 else _two_groups(codes[kept], levels, y[kept])
    return Bins(np.empty(0), (), groups) if len(groups) > 1 else None


def _two_groups(codes: I64, levels: npt.NDArray[np.generic], y: Labels) -> tuple[tuple[str, ...], ...]:
    """Categories below and above the average rate, for the same reason as one edge."""
    rate = np.bincount(codes, weights=y, minlength=len(levels)) / np.bincount(
        codes, minlength=len(levels)
    ).clip(1)
    there = np.unique(codes)
    halves = (there[rate[there] <= y.mean()], there[rate[there] > y.mean()])
    return tuple(tuple(sorted(str(levels[each]) for each in half)) for half in halves if len(half))
