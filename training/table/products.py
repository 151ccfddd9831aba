"""Recommendation on one table of who holds what: a holding is hidden, and the model has to find it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from training.export import as_json, finite
from training.recommendation.estimator import ProductRecommender, hide_one
from training.recommendation.ranking import Ranked, rank
from training.run import Tell
from training.table.columns import Kind
from training.table.errors import NotOnATable, TooFewRows, listed
from training.table.options import Task
from training.table.reading import Sheet
from training.table.unlabelled import Rows, unlabelled
from training.validation import F64, Interval

FOLDS, LEAST_PRODUCTS, LEAST_JUDGED = 5, 3, 100
FILTERS = (None, "cosine")
SHOWN = ("map_at_5", "ndcg_at_5", "recall_at_5", "map_at_1")
UNDATED = ("The table has no dates: a holding is hidden and guessed from the others. That says how well "
           "holdings explain each other, not what is bought next.")  # fmt: skip
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Shelf:
    """Who holds which product (n, P), and numbers about each customer (n, C)."""

    products: tuple[str, ...]
    held: Flags
    columns: tuple[str, ...]
    features: F64


@dataclass(frozen=True)
class ProductReport:
    """Figures of hidden holdings found, beside popularity on the same customers."""

    task: Task
    n: int
    products: tuple[str, ...]
    chosen: tuple[str, ...]
    ours: Ranked
    popular: Ranked
    warnings: tuple[str, ...]

    @property
    def gain(self) -> Interval:
        """MAP at 5 above popularity, paired."""
        return self.ours.over(self.popular, self.task.seed)

    def to_json(self) -> str:
        """One JSON object."""
        return as_json(finite({
            "model": self.task.name, "table": str(self.task.path), "n": self.n,
            "customers_judged": len(self.ours),
            "products": list(self.products), "split": "5-fold over customers, one holding hidden",
            "chosen": max(self.chosen, key=self.chosen.count), **self._figures(self.ours),
            "map_at_5_interval": self.ours.interval(self.task.seed).as_list(),
            "baseline": {"popularity": self._figures(self.popular)},
            "over_popularity": {"map_at_5": round(self.gain.value, 4), "interval": self.gain.as_list()},
            "warnings": list(self.warnings),
        })).decode()  # fmt: skip

    def _figures(self, ranked: Ranked) -> dict[str, float]:
        return {name: ranked.mean[name] for name in (*SHOWN, "coverage_at_5")}

    def to_text(self) -> str:
        """Aligned lines; the next step last."""
        ours, popular, gain = self.ours.mean, self.popular.mean, self.gain
        rows = [f"{name:<14}{ours[name]:>8.3f}  popularity {popular[name]:.3f}" for name in SHOWN]
        rows.append(f"MAP@5 above popularity {gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})")
        rows += [f"warning: {text}" for text in self.warnings]
        return "\n".join([*rows, "Next: load your bank by `bank data ingest`, then judge by dates."])


def recommend(task: Task, sheet: Sheet, tell: Tell) -> ProductReport:
    """Learn who holds what from four fifths of the customers, find the hidden holdings of the others."""
    rows = unlabelled(task, sheet)
    shelf = _shelf(task, rows)
    tell("contract", f"{sheet.path.name}: {rows.n:,} customers, {len(shelf.products)} products, {sheet.form}")
    tell("contract", f"products: {listed(shelf.products)}")
    tell("features", f"{len(shelf.columns)} columns beside the holdings: {listed(shelf.columns, 6)}")
    fold = np.random.default_rng(task.seed).permutation(rows.n) % FOLDS
    parts, chosen = [], []
    with threadpool_limits(1):
        for k in range(FOLDS):
            name, ours, popular = _judged(shelf, fold != k, task.seed + k)
            parts.append((ours, popular))
            chosen.append(name)
            tell("tune", f"fold {k + 1} of {FOLDS}: filter {name}, MAP@5 {ours.mean['map_at_5']:.3f}  "
                         f"beside popularity {popular.mean['map_at_5']:.3f}")  # fmt: skip
    ours, popular = (_pooled([part[side] for part in parts]) for side in (0, 1))
    report = ProductReport(
        task, rows.n, shelf.products, tuple(chosen), ours, popular, (UNDATED, *rows.warnings)
    )
    low, high = ours.interval(task.seed).as_list()
    tell(
        "evaluate", f"MAP@5 {ours.mean['map_at_5']:.3f} ({low:.3f} to {high:.3f}) on {len(ours):,} customers"
    )
    return report


def _shelf(task: Task, rows: Rows) -> Shelf:
    numbers = rows.numbers
    products = tuple(
        name for name, c in rows.features.items()
        if c.kind in (Kind.NUMBER, Kind.FLAG) and set(np.unique(c.numbers)) == {0.0, 1.0}
    )  # fmt: skip
    if len(products) < LEAST_PRODUCTS:
        found = f"found {listed(products)}" if products else "found none"
        raise NotOnATable(task.name, f"needs {LEAST_PRODUCTS} columns of 0 and 1, who holds what; {found}")
    held = numbers[list(products)].to_numpy() == 1
    if (several := int((held.sum(axis=1) >= 2).sum())) < LEAST_JUDGED:
        needed = f"{LEAST_JUDGED} customers who hold two products or more are needed to hide one"
        raise TooFewRows(f"{several:,} customers hold two products", needed)
    others = tuple(name for name in numbers.columns if name not in products)
    return Shelf(products, held, others, numbers[list(others)].to_numpy(np.float64))


def _judged(shelf: Shelf, train: Flags, seed: int) -> tuple[str, Ranked, Ranked]:
    """Choose the filter inside the training part, fit on all of it, judge on the rest."""
    inner = train & (np.random.default_rng(seed).random(len(train)) < 0.8)
    value = {one: _ranked(shelf, inner, train & ~inner, one, seed)[0].mean["map_at_5"] for one in FILTERS}
    best = max(FILTERS, key=lambda one: value[one])
    ours, popular = _ranked(shelf, train, ~train, best, seed)
    return best or "none", ours, popular


def _ranked(shelf: Shelf, train: Flags, test: Flags, filter: str | None, seed: int) -> tuple[Ranked, Ranked]:
    held, added = hide_one(shelf.held[train], seed)
    model = ProductRecommender(filter=filter, seed=seed)
    model.fit(held, added, features=shelf.features[train], columns=shelf.columns)
    held, added = hide_one(shelf.held[test], seed + 1)
    popularity = shelf.held[train].mean(axis=0)
    scores = model.decision_function(held, features=shelf.features[test])
    everywhere = np.broadcast_to(popularity, held.shape)
    return rank(scores, held, added, popularity), rank(everywhere, held, added, popularity)


def _pooled(parts: Sequence[Ranked]) -> Ranked:
    figures: Mapping[str, F64] = {
        name: np.concatenate([part.figures[name] for part in parts]) for name in parts[0].figures
    }
    return Ranked(figures, np.concatenate([part.shown for part in parts]), parts[0].products)
