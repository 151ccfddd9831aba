"""Scores of rows by models that never saw them: ours, its two candidates and the baselines, fold by fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

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
    learners: list[Learner] = []
    for number, fold in enumerate(folds):
        learner = learns(table, study and study / f"fold-{number + 1}", nobody)
        parts.append(_scores(learner, table, frame, fold))
        learners.append(learner)
        tell("tune", _line(fold, learner, table.y[fold.test], parts[-1]))
    everywhere = [name for name in parts[0] if all(name in part for part in parts)]
    return OutOfFold(
        rows=np.concatenate([fold.test for fold in folds]),
        probability={name: np.concatenate([part[name] for part in parts]) for name in everywhere},
        chosen=tuple(learner.chosen_ for learner in learners),
        trials=tuple(trial for learner in learners for trial in learner.trials_),
        warnings=tuple(dict.fromkeys(text for learner in learners for text in learner.warnings_)),
    )


def _scores(learner: Learner, table: Table, frame: pd.DataFrame, fold: Fold) -> dict[str, F64]:
    """The chance of the event on a fold's test rows, by each model."""
    train, test, y = frame.iloc[fold.train], frame.iloc[fold.test], table.y[fold.train]
    with threadpool_limits(1):
        learner.fit(train, y, **_kept_whole(table, fold))
    found = {"ours": learner.predict_proba(test)[:, 1], **learner.candidate_probability(test)}
    plain = {name: probabilities(name, train, y, test) for name in BASELINES}
    return {name: np.asarray(p, np.float64) for name, p in {**found, **plain}.items()}


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
