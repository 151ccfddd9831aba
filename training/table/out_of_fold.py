"""Scores of rows by models that never saw them: ours, its two candidates and the baselines, fold by fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.run import Tell, nobody
from training.table.baselines import BASELINES, probabilities
from training.table.contract import Table
from training.table.splits import At, Fold
from training.trained import Trial
from training.validation import F64, Labels, auc


class Learner(Protocol):
    """A classifier that chooses among a scorecard and a boosting on its training rows alone."""

    chosen_: str
    trials_: Sequence[Trial]
    warnings_: Sequence[str]

    def fit(self, X: pd.DataFrame, y: Labels, groups: Any = None, order: Any = None) -> "Learner":
        """Choose, fit and calibrate."""

    def predict_proba(self, X: pd.DataFrame) -> npt.NDArray[np.floating[Any]]:
        """(n, 2): the chance that there is no event, and that there is one."""

    def candidate_probability(self, X: pd.DataFrame) -> Mapping[str, F64]:
        """The chance of the event by each candidate."""


class Learns(Protocol):
    """Makes a learner for one fold; its search is kept at `study`."""

    def __call__(self, table: Table, study: Path | None, tell: Tell) -> Learner:
        """A learner that has seen nothing yet."""


@dataclass(frozen=True)
class OutOfFold:
    """Judged rows by position, and each model's chance of the event on them; what each fold chose."""

    rows: At
    probability: Mapping[str, F64]
    chosen: tuple[str, ...]
    trials: tuple[Trial, ...]
    warnings: tuple[str, ...]


def judged(table: Table, folds: Sequence[Fold], learns: Learns, study: Path | None, tell: Tell) -> OutOfFold:
    """Fit on each fold's training rows, score its test rows, pool the scores."""
    frame, parts = table.frame, []
    chosen: list[str] = []
    trials: list[Trial] = []
    warnings: list[str] = []
    for number, fold in enumerate(folds):
        learner = learns(table, study and study / f"fold-{number + 1}", nobody)
        train, test = frame.iloc[fold.train], frame.iloc[fold.test]
        learner.fit(train, table.y[fold.train], **_kept_whole(table, fold))
        found = {"ours": learner.predict_proba(test)[:, 1], **learner.candidate_probability(test)}
        for name in BASELINES:
            found[name] = probabilities(name, train, table.y[fold.train], test)
        parts.append({name: np.asarray(p, np.float64) for name, p in found.items()})
        chosen.append(learner.chosen_)
        trials += learner.trials_
        warnings += [text for text in learner.warnings_ if text not in warnings]
        tell("tune", _line(fold, learner, table.y[fold.test], parts[-1]))
    everywhere = [name for name in parts[0] if all(name in part for part in parts)]
    pooled = {name: np.concatenate([part[name] for part in parts]) for name in everywhere}
    rows = np.concatenate([fold.test for fold in folds])
    return OutOfFold(rows, pooled, tuple(chosen), tuple(trials), tuple(warnings))


def _kept_whole(table: Table, fold: Fold) -> dict[str, Any]:
    """What keeps rows together and in order inside the training rows, where there is such a thing."""
    of = table.groups[fold.train]
    groups = of if len(np.unique(of)) < len(of) else None
    if not fold.ordered:
        return {"groups": groups}
    return {"groups": groups, "order": fold.train if table.order is None else table.order[fold.train]}


def _line(fold: Fold, learner: Learner, y: Labels, found: Mapping[str, F64]) -> str:
    told = "  ".join(f"{name} {auc(y, p):.3f}" for name, p in found.items() if name != "ours")
    return f"{fold.name}: AUC {auc(y, found['ours']):.3f} by {learner.chosen_:<9}  beside {told}"
