"""The binary model of any table: scorecard, boosting and their blend, chosen inside the training rows."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.learning import boosted, candidates, cards, folds
from training.learning.boosted import Boosted
from training.learning.candidates import Candidate, Task
from training.learning.estimator import NO_EVIDENCE, Monotone, Specials, TableClassifier
from training.learning.inputs import Inputs, missing
from training.learning.scorecard import Scorecard
from training.run import Tell, nobody
from training.trained import Trial
from training.validation import F64, Interval, Labels

FEW, REPEATS = range(20, 100), 3  # rows of the rarer class for which folds are repeated


class TooFewRows(ValueError):
    """A class has too few rows to hold some of them out."""


class BinaryClassifier(TableClassifier):
    """Scorecard, monotone boosting or their blend: what ranks best out of fold, calibrated by Platt's line.

    `monotone` says by column where the log odds of the second class may only rise (+1) or fall (-1),
    `specials` names codes that are no numbers. `trials` boosted shapes are tried; with `study` an
    interrupted search goes on. `allowance`: boosting or the blend decides only where its AUC out of fold
    is better than the scorecard's by more than that. `tell(step, found)` hears of
    the steps "tune" and "calibrate".

    Once fitted: `chosen_` (scorecard, boosting or blend), `scorecard_`, `boosting_`, `candidates_` (by
    name, with out-of-fold margins), `trials_`, `warnings_`, `classes_`.
    """

    def __init__(
        self, monotone: Monotone | None = None, specials: Specials | None = None, trials: int = 12,
        seed: int = 42, study: Path | None = None, tell: Tell = nobody, allowance: float = 0.0,
    ) -> None:  # fmt: skip
        self.monotone = monotone
        self.specials = specials
        self.trials = trials
        self.seed = seed
        self.study = study
        self.tell = tell
        self.allowance = allowance

    def fit(
        self, X: object, y: object, groups: npt.ArrayLike | None = None, order: npt.ArrayLike | None = None
    ) -> "BinaryClassifier":
        """Choose, calibrate, refit on every row.

        X (n, F): a DataFrame or floats with NaN. Rows of one of `groups` are never parted; where `order`
        (their time, any sortable values) is given, every choice is made forward in time instead.
        """
        rows = self._rows(X, reset=True)
        task = self._task(rows, self._labels(y, rows), groups, order)
        points = cards.scorecards(task)
        tuned = candidates.boostings(task, self.trials, self.study)
        shape, card = points[0]
        both = (card, tuned.candidate)
        offered = {each.name: each for each in (*both, candidates.blended(*both, task))}
        self.candidates_: Mapping[str, Candidate] = offered
        self.gain_over_scorecard_, self.chosen_ = self._choice(task)
        self.trials_: tuple[Trial, ...] = (
            *tuned.trials, *(each.trial for _, each in points), *(each.trial for each in offered.values()),
        )  # fmt: skip
        binned = shape.binned(task.rows, task.y, task)
        self.scorecard_: Scorecard = shape.make(binned, task.rows, task.y, task)
        self.boosting_: Boosted = boosted.grow(
            tuned.shapes, task.rows, task.y, task.monotone, task.specials, self.seed
        )
        if not self.scorecard_.characteristics:
            self.warnings_ += (NO_EVIDENCE.format(len(rows.names)),)
        self._told(task)
        return self

    def candidate_probability(self, X: object) -> dict[str, F64]:
        """Each candidate's calibrated probability of the second class, (n,) by name."""
        rows = self._rows(X, reset=False)
        return {name: _probability(odds) for name, odds in self._calibrated(rows).items()}

    def contributions(self, X: object) -> F64:
        """Log odds that each column adds to the chosen model's reference, (n, F); larger is likelier."""
        rows = self._rows(X, reset=False)
        line = {name: each.line.a for name, each in self.candidates_.items()}
        half = line["blend"] / 2
        share = {"scorecard": (1.0, 0.0), "boosting": (0.0, 1.0), "blend": (half, half)}[self.chosen_]
        out = np.zeros((len(rows), len(rows.names)))
        if share[0]:
            place = [rows.names.index(name) for name in self.scorecard_.columns]
            out[:, place] += (
                share[0] * self.candidates_["scorecard"].line.a * self.scorecard_.contributions(rows)
            )
        if share[1]:
            out += share[1] * self.candidates_["boosting"].line.a * self.boosting_.contributions(rows)
        return out

    def _margin(self, rows: Inputs) -> F64:
        return self._calibrated(rows)[self.chosen_]

    def _calibrated(self, rows: Inputs) -> dict[str, F64]:
        said = {"scorecard": self.scorecard_.margin(rows), "boosting": self.boosting_.margin(rows)}
        lines = {name: each.line for name, each in self.candidates_.items()}
        odds = {name: lines[name].a * margin + lines[name].b for name, margin in said.items()}
        mean = (odds["scorecard"] + odds["boosting"]) / 2
        return odds | {"blend": lines["blend"].a * mean + lines["blend"].b}

    def _task(
        self, rows: Inputs, y: Labels, groups: npt.ArrayLike | None, order: npt.ArrayLike | None
    ) -> Task:
        told = [
            f"Column '{name}' holds one value only and is not used."
            for name, values in zip(rows.names, rows.columns, strict=True)
            if _constant(values)
        ]
        self.warnings_: tuple[str, ...] = tuple(told)
        repeats = REPEATS if int(min(y.sum(), len(y) - y.sum())) in FEW else 1
        inside = folds.inside(y, groups, order, self.seed, repeats)
        if not inside:
            raise TooFewRows(
                f"{int(y.sum())} of {len(y)} rows are of the class {self.classes_[1]!r}: too few to hold "
                "some of each class out. At least 2 rows of each class are needed."
            )
        return Task(
            rows, y, tuple(inside), self.monotone or {}, self.specials or {}, self.seed, order is not None
        )

    def _choice(self, task: Task) -> tuple[Interval, str]:
        """How much better the best of the others ranks than the scorecard, and who decides."""
        card = self.candidates_["scorecard"]
        others = [each for each in self.candidates_.values() if each is not card]
        best = max(others, key=lambda each: each.value)
        gain = task.gain(best.margin, card.margin)
        # Few stretches of time, each a world of its own: within their noise the simplest model stays.
        noise = (gain.high - gain.value) / 1.96 if task.in_time else 0.0
        return gain, best.name if gain.value > max(self.allowance, noise) else card.name

    @property
    def parameters_(self) -> dict[str, object]:
        """What was chosen, as a run logs it."""
        card, trees = (self.candidates_[name].parameters for name in ("scorecard", "boosting"))
        return {
            **{f"scorecard_{key}": value for key, value in card.items()},
            **{f"boosting_{key}": value for key, value in trees.items()}, "trials": self.trials,
        }  # fmt: skip

    def _told(self, task: Task) -> None:
        values = ", ".join(f"{name} {each.value:.4f}" for name, each in self.candidates_.items())
        shape = self.boosting_.members[0].shape
        tried = f"{self.trials} trials, {shape.leaves} leaves, {shape.rounds} rounds"
        self.tell("tune", f"{tried}; AUC out of fold: {values}")
        line = self.candidates_[self.chosen_].line
        self.tell("calibrate", f"{self.chosen_}: slope {line.a:.3f}, intercept {line.b:.3f}")


def _constant(values: object) -> bool:
    column = np.asarray(values)
    known = column[~missing(column)]
    return not len(known) or bool((known == known[0]).all() and len(known) == len(column))


def _probability(odds: F64) -> F64:
    out: F64 = 1 / (1 + np.exp(-np.clip(odds, -500, 500)))
    return out
