"""The search for a less discriminatory alternative: what fairness would cost, chosen inside training.

Candidates leave out one of the columns that part the groups most, or weigh the rows so that group and
outcome are independent (Kamiran and Calders, 2012, by drawing rows anew). All are grown the same way on
the earlier training rows and judged on the later ones; the one with the best adverse impact ratio that
gives up little AUC is then measured once on the test rows beside the same model without the change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.credit_risk import fairness
from training.credit_risk.fairness import Groups
from training.credit_risk.signs import RISK_FALLS, RISK_RISES
from training.credit_risk.situations import IN_CHINESE
from training.evidence.canvas import below
from training.evidence.exhibit import Cell, Exhibit
from training.learning import boosting, logistic
from training.learning.boosting import Rows, Shape
from training.learning.trees import F32
from training.validation import F64, Labels, auc

GIVES_UP = 0.01  # the AUC a candidate may give up inside training
DROPPED, MOST_ROWS, EARLIER = 5, 12_000, 0.7
SHAPE = Shape("pairs", 2, 0.1, 120, 10.0, 1.0, 0.7, 0.4)
AS_IT_IS = "as it is"


@dataclass(frozen=True)
class Part:
    """Rows in time order with their outcome and groups."""

    matrix: F32
    y: Labels
    groups: Groups

    def rows(self, chosen: np.ndarray[tuple[int], np.dtype[np.intp]]) -> "Part":
        """The chosen rows."""
        groups = {a: {g: mask[chosen] for g, mask in members.items()} for a, members in self.groups.items()}
        return Part(self.matrix[chosen], self.y[chosen], groups)


@dataclass(frozen=True)
class Tried:
    """A candidate with its AUC and smallest adverse impact ratio on the rows it is judged by."""

    name: str
    columns: tuple[str, ...]
    reweighed: bool
    auc: float
    impact: float


@dataclass(frozen=True)
class Alternative:
    """What was tried inside training, the one chosen, and both models on the test rows."""

    tried: tuple[Tried, ...]
    chosen: Tried
    base_test: Tried
    chosen_test: Tried

    @property
    def found(self) -> bool:
        """Whether something fairer than the model as it is was found."""
        return self.chosen.name != AS_IT_IS

    def as_json(self) -> dict[str, object]:
        """As metrics keep it."""
        return {
            "chosen": self.chosen.name, "tried": len(self.tried),
            "auc_given_up": round(self.base_test.auc - self.chosen_test.auc, 4),
            "impact_ratio_gained": round(self.chosen_test.impact - self.base_test.impact, 4),
            "test": {"as it is": [round(self.base_test.auc, 4), round(self.base_test.impact, 4)],
                     "alternative": [round(self.chosen_test.auc, 4), round(self.chosen_test.impact, 4)]},
        }  # fmt: skip


def search(
    train: Part, test: Part, columns: Sequence[str], contributions: F64, cut_off: float, seed: int
) -> Alternative:
    """Search inside the training rows, then read the test rows once.

    `contributions` (n, columns) are the model's own on the training rows: they name what parts the groups.
    """
    step = max(1, len(train.y) // MOST_ROWS)
    some = np.arange(0, len(train.y), step)
    part, added = train.rows(some), contributions[some]
    border = int(EARLIER * len(some))
    earlier, later = part.rows(np.arange(border)), part.rows(np.arange(border, len(some)))
    plans = _plans(columns, added[border:], later)
    tried = tuple(_grown(plan, earlier, later, columns, cut_off, seed) for plan in plans)
    affordable = [each for each in tried if each.auc >= tried[0].auc - GIVES_UP]
    chosen = max(affordable, key=lambda each: each.impact)
    ends = [_grown((e.name, e.columns, e.reweighed), part, test, columns, cut_off, seed)
            for e in (tried[0], chosen)]  # fmt: skip
    return Alternative(tried, chosen, *ends)


def exhibit(name: str, found: Alternative, window: Mapping[str, str], n: int) -> Exhibit:
    """Every candidate's figures inside training, and the last two rows on the test rows."""
    rows: list[tuple[Cell, ...]] = [
        (each.name, "training", round(each.auc, 4), round(each.impact, 4)) for each in found.tried
    ]
    for each in (found.base_test, found.chosen_test):
        rows.append((each.name, "test", round(each.auc, 4), round(each.impact, 4)))
    figures = found.as_json()
    said = "none fairer was found"
    if found.found:
        given, gained = figures["auc_given_up"], figures["impact_ratio_gained"]
        said = f"{found.chosen.name} gives up {given} AUC and gains {gained} of impact ratio"
    said_zh = f"最佳备选：{found.chosen.name}" if found.found else "未找到更公平的备选模型"
    return Exhibit(
        f"Credit {name}, less discriminatory alternative: {said} ({below(window, n)})",
        f"信用风险（{IN_CHINESE[name]}），歧视影响更小的备选：{said_zh}", b"",
        ("candidate", "rows", "AUC", "adverse impact ratio"), tuple(rows),
    )  # fmt: skip


Plan = tuple[str, tuple[str, ...], bool]


def _plans(columns: Sequence[str], added: F64, rows: Part) -> list[Plan]:
    every = tuple(columns)
    apart = np.zeros(len(every))
    for members in rows.groups.values():
        means = [added[mask].mean(axis=0) for mask in members.values() if mask.sum() >= fairness.LEAST_ROWS]
        if means:
            apart = np.maximum(apart, np.ptp(np.array(means), axis=0))
    dropped = [every[at] for at in np.argsort(-apart, kind="stable")[:DROPPED] if apart[at] > 0]
    sets = [(name,) for name in dropped] + ([tuple(dropped[:2])] if len(dropped) > 1 else [])
    without: list[Plan] = [
        (f"without {' and '.join(names)}", tuple(c for c in every if c not in names), False)
        for names in sets
        if len(names) < len(every)
    ]
    return [(AS_IT_IS, every, False), *without, ("rows weighed by group and outcome", every, True)]


def _grown(plan: Plan, fit: Part, judge: Part, columns: Sequence[str], cut_off: float, seed: int) -> Tried:
    name, kept, reweighed = plan
    place = [list(columns).index(column) for column in kept]
    rows = fit.rows(_reweighed(fit, seed)) if reweighed else fit
    signs = boosting.signs(kept, RISK_RISES, RISK_FALLS)
    matrix = np.ascontiguousarray(rows.matrix[:, place])
    trees = boosting.fit(SHAPE, Rows.of(matrix), rows.y, kept, SHAPE.rounds, seed, signs)
    line = logistic.platt(trees.margin(np.ascontiguousarray(fit.matrix[:, place])), fit.y)
    p = line.probability(trees.margin(np.ascontiguousarray(judge.matrix[:, place])))
    least = fairness.worst(fairness.measured(judge.groups, judge.y, p, cut_off))
    return Tried(name, kept, reweighed, auc(judge.y, p), least.impact.value if least else 1.0)


def _reweighed(rows: Part, seed: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """As many rows drawn anew, so that every attribute's groups default alike."""
    weight = np.ones(len(rows.y))
    for members in rows.groups.values():
        for mask in members.values():
            for outcome in (0, 1):
                cell = mask & (rows.y == outcome)
                if cell.any():
                    weight[cell] *= mask.mean() * (rows.y == outcome).mean() / cell.mean()
    drawn = np.random.default_rng(seed).choice(len(weight), len(weight), p=weight / weight.sum())
    return np.sort(drawn)
