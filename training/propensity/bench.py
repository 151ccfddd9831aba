"""Rows cut by time once, for all the labels of one horizon: folds that go forward, nothing of later rows."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from training.dataset import Dataset, Split, split_by_snapshot
from training.labels import I64, LabelSpec
from training.learning.logistic import Scaling, newton
from training.learning.trees import F32
from training.propensity.reach import Reach
from training.validation import F64, Labels

Flags = npt.NDArray[np.bool_]
Fold = tuple[Flags, Flags]  # what a candidate is grown on, and the later rows it is judged by
FOLDS, MOST_MOMENTS = 2, 24
MOST_GROWN, MOST_TRIED, MOST_JUDGED = 150_000, 20_000, 12_000
MOST_PLAIN = 60_000


@dataclass(frozen=True)
class Bench:
    """`matrix` (n, columns) and `as_of` (n,) of all rows; `folds` lie inside `split.train`."""

    spec: LabelSpec
    columns: tuple[str, ...]
    split: Split
    matrix: F32
    as_of: I64
    folds: tuple[Fold, ...]

    @staticmethod
    def of(rows: Dataset, split: Split, spec: LabelSpec) -> "Bench | None":
        """Cut; None when no column tells anything."""
        columns = rows.informative(split.train)
        if not columns:
            return None
        folds = forward(rows.as_of, split.train, spec.horizon)
        return Bench(spec, columns, split, rows.only(columns), rows.as_of, folds)

    @staticmethod
    def prepare(rows: Dataset, label: Labels, spec: LabelSpec) -> "Bench | None":
        """Cut by snapshots; None when time or columns are too few."""
        split = split_by_snapshot(rows.as_of, label >= 0, spec.horizon)
        return Bench.of(rows, split, spec) if split else None

    @cached_property
    def reach(self) -> Reach:
        """Which test rows could buy at all."""
        return Reach.of(self.matrix[self.split.train], self.matrix[self.split.test])

    def plain(self, label: Labels, seed: int) -> F64:
        """The margin of a logistic regression on the test rows, learned from the training rows.

        It is given every case and as many others; that moves its intercept alone (Prentice and Pyke
        1979), and it is asked to rank.
        """
        rows, _ = drawn(label, self.split.train, MOST_PLAIN, seed)
        scaling = Scaling.of(self.matrix[rows])
        fitted = newton(scaling.apply(self.matrix[rows]), label[rows], ridge=1.0)
        return fitted.margin(scaling.apply(self.matrix[self.split.test]))


def forward(as_of: I64, train: Flags, horizon: int) -> tuple[Fold, ...]:
    """Folds that chain forward: the last moments judge what all earlier ones grew, a horizon between.

    A history too short to hold a moment back is halved by customers instead.

    >>> folds = forward(np.array([0, 1, 2, 3]), np.ones(4, bool), horizon=2)
    >>> [(np.flatnonzero(grown).tolist(), np.flatnonzero(judge).tolist()) for grown, judge in folds]
    [([0, 1], [3]), ([0], [2])]
    """
    moments = np.unique(as_of[train])
    if len(moments) > MOST_MOMENTS:  # a stream rather than snapshots: its last fifths judge
        span = int(moments[-1] - moments[0])
        moments = np.array([moments[-1] - span * part // 5 for part in (2, 1)])
    found: list[Fold] = []
    ends = np.append(moments[1:], np.iinfo(np.int64).max)
    for last, end in zip(moments[::-1], ends[::-1], strict=True):
        grown = train & (as_of + horizon <= last)
        if grown.any() and len(found) < FOLDS:
            found.append((grown, train & (as_of >= last) & (as_of < end)))
    half = np.arange(len(train)) % 2 == 0
    return tuple(found) or ((train & half, train & ~half),)


def drawn(label: Labels, chosen: Flags, most: int, seed: int) -> tuple[npt.NDArray[np.intp], F32]:
    """At most `most` of the chosen rows, every case among them if they fit in half; and their weights.

    The weights make both outcomes as frequent as they are.

    >>> label = np.r_[np.ones(10), np.zeros(990)].astype(np.int8)
    >>> rows, weight = drawn(label, np.ones(1000, bool), 100, 7)
    >>> len(rows), int(label[rows].sum()), float(weight[label[rows] == 0].sum())
    (100, 10, 990.0)
    """
    rng, found, weights = np.random.default_rng(seed), [], []
    cases, rest = (np.flatnonzero(chosen & (label == side)) for side in (1, 0))
    kept = min(len(cases), max(most // 2, most - len(rest)))
    for rows, size in ((cases, kept), (rest, min(len(rest), most - kept))):
        taken = rows if size == len(rows) else rng.choice(rows, size, replace=False)
        found.append(taken)
        weights.append(np.full(len(taken), len(rows) / max(1, len(taken)), np.float32))
    order = np.argsort(np.concatenate(found), kind="stable")
    return np.concatenate(found)[order], np.concatenate(weights)[order]
