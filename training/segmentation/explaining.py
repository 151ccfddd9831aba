"""Who is in a segment, and what drives a behaviour: small trees read as rules."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeClassifier

from training.learning.trees import F32
from training.segmentation.clustering import Label
from training.validation import F64, Labels, auc, auc_interval

DEPTH, DRIVER_DEPTH = 4, 3


@dataclass(frozen=True)
class Told:
    """One segment: `fidelity` the share of it the tree finds; `covers` the share its quoted rule holds.

    `true` is the share of those the rule holds who are in the segment.
    """

    fidelity: float
    covers: float
    true: float


@dataclass(frozen=True)
class Explained:
    """A tree that repeats the segments from raw columns, and the plainest rule for each.

    `leaves` are the leaf each rule leads to, -1 where no leaf says the segment.
    """

    tree: DecisionTreeClassifier
    fill: F64
    rules: tuple[str, ...]
    leaves: tuple[int, ...]

    def fidelity(self, matrix: F32, label: Label) -> float:
        """The share of rows the tree puts into their segment."""
        return float((self.guess(matrix) == label).mean())

    def guess(self, matrix: F32) -> Label:
        """The segment the tree says of each row."""
        return np.asarray(self.tree.predict(_filled(matrix, self.fill)), np.intp)

    def by_segment(self, matrix: F32, label: Label) -> list[Told]:
        """For each segment how well the tree and its one quoted rule describe it."""
        guess, leaf = self.guess(matrix), self.tree.apply(_filled(matrix, self.fill))
        return [_told(label == at, guess == at, leaf == self.leaves[at]) for at in range(len(self.rules))]


def explain(matrix: F32, label: npt.NDArray[np.intp], columns: Sequence[str], seed: int) -> Explained:
    """Fit the tree on the segments of (n, F) rows, at most four questions deep."""
    fill = np.nan_to_num(np.nanmedian(matrix.astype(np.float64), axis=0))
    tree = DecisionTreeClassifier(
        max_depth=DEPTH, min_samples_leaf=max(5, len(label) // 200), random_state=seed
    )
    tree.fit(_filled(matrix, fill), label)
    found = [_rule(tree, columns, segment) for segment in range(int(label.max()) + 1)]
    rules, leaves = zip(*found, strict=True)
    return Explained(tree, fill, rules, leaves)


def drivers(matrix: F32, label: Labels, columns: Sequence[str], meaning: str) -> dict[str, object]:
    """A tree over a behaviour: groups from the highest rate to the lowest, and what divides them.

    The tree grows on every other customer; rates, sizes and AUC are those of the others, so that a
    group is not praised for the chance that made it. `importance` is each column's share of what the
    questions gain.
    """
    known = label >= 0
    fill = np.nan_to_num(np.nanmedian(matrix.astype(np.float64), axis=0))
    values, y = _filled(matrix[known], fill), label[known]
    tree = DecisionTreeClassifier(
        max_depth=DRIVER_DEPTH, min_samples_leaf=max(20, len(y) // 100), random_state=0
    ).fit(values[::2], y[::2])
    leaf, y = tree.apply(values[1::2]), y[1::2]
    grown = tree.tree_.value[:, 0, -1] / tree.tree_.value[:, 0].sum(axis=1)
    ranked = sorted(np.unique(leaf).tolist(), key=lambda node: (-grown[node], node))
    gained = dict(zip(columns, tree.feature_importances_.round(4).tolist(), strict=True))
    counted = sorted(((name, share) for name, share in gained.items() if share > 0), key=lambda one: -one[1])
    return {
        "behaviour": meaning, "rate": round(float(y.mean()), 4), "auc": round(auc(y, grown[leaf]), 4),
        "auc_interval": auc_interval(y, grown[leaf]).as_list(),
        "importance": dict(counted),
        "groups": [_group(_path(tree, columns, node), y[leaf == node]) for node in ranked],
    }  # fmt: skip


def _group(rule: str, y: Labels) -> dict[str, object]:
    """One group with its rate and Wilson's interval (1927)."""
    n, rate, z = len(y), float(y.mean()), 1.96
    middle = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * float(np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))) / (1 + z**2 / n)
    return {"rule": rule, "rate": round(rate, 4), "low": round(middle - half, 4),
            "high": round(middle + half, 4), "n": n}  # fmt: skip


def _filled(matrix: F32, fill: F64) -> F32:
    return np.where(np.isfinite(matrix), matrix, fill).astype(np.float32)


def _told(inside: npt.NDArray[np.bool_], said: npt.NDArray[np.bool_], held: npt.NDArray[np.bool_]) -> Told:
    def share(part: npt.NDArray[np.bool_], whole: npt.NDArray[np.bool_]) -> float:
        return float(part[whole].mean()) if whole.any() else 0.0

    return Told(share(said, inside), share(held, inside), share(inside, held))


def _rule(tree: DecisionTreeClassifier, columns: Sequence[str], segment: int) -> tuple[str, int]:
    """The path to the leaf that holds most of the segment, and that leaf."""
    inner = tree.tree_
    if segment not in tree.classes_:
        return "no customer at the time of training", -1
    place = int(np.flatnonzero(tree.classes_ == segment)[0])
    counts = inner.value[:, 0, place] * inner.n_node_samples
    is_leaf = inner.children_left < 0
    leaf = int(np.argmax(np.where(is_leaf, counts, -1)))
    return _path(tree, columns, leaf), leaf


def _path(tree: DecisionTreeClassifier, columns: Sequence[str], leaf: int) -> str:
    """The questions from the root to a leaf, each column's bounds joined."""
    inner, bounds = tree.tree_, dict[str, list[float]]()
    sides = (("<=", inner.children_left), (">", inner.children_right))
    parents = {int(below[node]): (node, side) for side, below in sides for node in range(inner.node_count)}
    node = leaf
    while node != 0:
        node, side = parents[node]
        low, high = bounds.setdefault(columns[inner.feature[node]], [-np.inf, np.inf])
        cut = float(inner.threshold[node])
        bounds[columns[inner.feature[node]]] = [max(low, cut), high] if side == ">" else [low, min(high, cut)]
    return " and ".join(_bounded(column, *limits) for column, limits in sorted(bounds.items())) or "everybody"


def _bounded(column: str, low: float, high: float) -> str:
    if low == -np.inf:
        return f"{column} <= {_short(high)}"
    if high == np.inf:
        return f"{column} > {_short(low)}"
    return f"{_short(low)} < {column} <= {_short(high)}"


def _short(number: float) -> str:
    """As a person writes it.

    >>> _short(18018.4), _short(3.5), _short(0.27)
    ('18,018', '3.5', '0.27')
    """
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
