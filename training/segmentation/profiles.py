"""Who is in a segment: names from what sets it apart, rules from a small tree."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeClassifier

from training.learning.trees import F32
from training.validation import F64, Labels

DEPTH = 4
WORDS: dict[str, tuple[str, str]] = {
    "tenure_months": ("tenure", "客龄"),
    "income_monthly": ("income", "收入"),
    "inflow_90d": ("inflow", "资金流入"),
    "outflow_90d": ("outflow", "资金流出"),
    "bookings_90d": ("account use", "账户使用"),
    "cash_share_90d": ("cash use", "现金使用"),
    "balance_mean_90d": ("balance", "余额"),
    "balance_volatility_90d": ("balance swings", "余额波动"),
    "mobile_share_90d": ("mobile use", "手机渠道使用"),
    "foreign_share_90d": ("spending abroad", "境外消费"),
    "loan_amount_outstanding": ("borrowing", "贷款"),
    "products_held": ("number of products", "产品数"),
    "families_held": ("variety of products", "产品种类"),
    "holdings_value": ("wealth held", "持有资产"),
    "interactions_90d": ("contact", "互动"),
    "app_interactions_90d": ("app use", "应用互动"),
}
# Two columns of one idea: a name takes the stronger of them only.
SAME_IDEA = (
    {"inflow_90d", "outflow_90d", "income_monthly"},
    {"products_held", "families_held"},
    {"balance_mean_90d", "balance_volatility_90d"},
    {"interactions_90d", "app_interactions_90d"},
)


def names(centres: F64, columns: Sequence[str]) -> list[tuple[str, str]]:
    """An English and a Chinese name for each centre (in standard deviations from the average).

    >>> names(np.array([[1.5, -0.1], [-1.5, 0.1]]), ["income_monthly", "cash_share_90d"])[0][0]
    'High income, low cash use'
    """
    found: list[tuple[str, str]] = []
    for centre in centres:
        order = _apart(centre, columns)
        for words in range(2, len(order) + 1):
            title = _title(centre, columns, order[:words])
            if title not in found or words == len(order):
                found.append(title)
                break
        else:
            found.append(_title(centre, columns, order))
    return found


def _apart(centre: F64, columns: Sequence[str]) -> list[int]:
    """Columns by how far they are from the average, one for each idea."""
    chosen: list[int] = []
    for j in np.argsort(-np.abs(centre), kind="stable"):
        told = {columns[i] for i in chosen}
        if not any(columns[j] in idea and told & idea for idea in SAME_IDEA):
            chosen.append(int(j))
    return chosen


def _title(centre: F64, columns: Sequence[str], chosen: Sequence[int]) -> tuple[str, str]:
    english, chinese = [], []
    for j in chosen:
        word, character = WORDS.get(columns[j], (columns[j].replace("_", " "), columns[j]))
        english.append(f"{'high' if centre[j] > 0 else 'low'} {word}")
        chinese.append(f"{character}{'高' if centre[j] > 0 else '低'}")
    return ", ".join(english).capitalize(), "、".join(chinese)


@dataclass(frozen=True)
class Explained:
    """A tree that repeats the segments from raw columns, and the plainest rule for each."""

    tree: DecisionTreeClassifier
    fill: F64
    rules: tuple[str, ...]

    def fidelity(self, matrix: F32, label: npt.NDArray[np.intp]) -> float:
        """The share of rows the tree puts into their segment."""
        return float((self.tree.predict(_filled(matrix, self.fill)) == label).mean())


def explain(matrix: F32, label: npt.NDArray[np.intp], columns: Sequence[str], seed: int) -> Explained:
    """Fit the tree on the segments of (n, F) rows, at most four questions deep."""
    fill = np.nanmedian(matrix.astype(np.float64), axis=0)
    tree = DecisionTreeClassifier(
        max_depth=DEPTH, min_samples_leaf=max(5, len(label) // 200), random_state=seed
    )
    tree.fit(_filled(matrix, fill), label)
    rules = tuple(_rule(tree, columns, segment) for segment in range(int(label.max()) + 1))
    return Explained(tree, fill, rules)


def drivers(matrix: F32, label: Labels, columns: Sequence[str], meaning: str) -> dict[str, object]:
    """A tree over a behaviour: the groups with the highest and the lowest rate, and what divides them.

    The tree grows on every other customer; rates and sizes are those of the others, so that a group
    is not praised for the chance that made it.
    """
    known = label >= 0
    fill = np.nan_to_num(np.nanmedian(matrix.astype(np.float64), axis=0))
    values, y = _filled(matrix[known], fill), label[known]
    tree = DecisionTreeClassifier(max_depth=3, min_samples_leaf=max(20, len(y) // 100), random_state=0).fit(
        values[::2], y[::2]
    )
    leaf, y = tree.apply(values[1::2]), y[1::2]
    rates = {
        int(node): (float(y[leaf == node].mean()), int((leaf == node).sum())) for node in np.unique(leaf)
    }
    grown = tree.tree_.value[:, 0, -1] / tree.tree_.value[:, 0].sum(axis=1)
    ranked = sorted(rates, key=lambda node: (-grown[node], node))
    return {
        "behaviour": meaning, "rate": round(float(y.mean()), 4),
        "groups": [{"rule": _path(tree, columns, node), "rate": round(rates[node][0], 4), "n": rates[node][1]}
                   for node in (ranked[0], ranked[-1])],
    }  # fmt: skip


def _filled(matrix: F32, fill: F64) -> F32:
    return np.where(np.isfinite(matrix), matrix, fill).astype(np.float32)


def _rule(tree: DecisionTreeClassifier, columns: Sequence[str], segment: int) -> str:
    """The path to the leaf that holds most of the segment."""
    inner = tree.tree_
    if segment not in tree.classes_:
        return "no customer at the time of training"
    place = int(np.flatnonzero(tree.classes_ == segment)[0])
    counts = inner.value[:, 0, place] * inner.n_node_samples
    is_leaf = inner.children_left < 0
    return _path(tree, columns, int(np.argmax(np.where(is_leaf, counts, -1))))


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
