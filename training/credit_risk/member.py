"""One credit model, from arrays: the binary learner with credit's signs, a calibration, grades.

Every choice is made on out-of-fold scores inside the training rows; the test rows are scored once, at
the end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.credit_risk.level import Young
from training.credit_risk.signs import RISK_FALLS, RISK_RISES
from training.learning import boosting, logistic
from training.learning.binary import BinaryClassifier
from training.learning.boosted import Boosted
from training.learning.inputs import Inputs
from training.learning.scorecard import Scorecard
from training.learning.trees import F32
from training.release.calibration import Calibration, sigmoid
from training.run import Tell, nobody
from training.trained import Trial
from training.validation import F64, Interval, Labels, auc, auc_difference, auc_interval, log_odds, scores

GRADES = (("A", 0.01), ("B", 0.02), ("C", 0.04), ("D", 0.08), ("E", 0.16), ("F", 0.32), ("G", 1.0))
# Points that a person can add up are worth half a point of AUC. A standard error would be no measure of
# that: with few defaults it lets the scorecard decide for want of evidence, with many it never does.
ALLOWANCE = 0.005
TRIALS = 12


@dataclass(frozen=True)
class Member:
    """A trained credit model with its figures on rows it has not seen."""

    model: BinaryClassifier
    metrics: Mapping[str, object]
    parameters: Mapping[str, object]
    tested: Mapping[str, F64]
    plain_test: F64
    shifts: Mapping[str, float]

    @property
    def decides(self) -> str:
        """Whose probability counts: scorecard, boosting or blend."""
        return self.model.chosen_

    @property
    def scorecard(self) -> Scorecard:
        """The points, fitted on every training row."""
        return self.model.scorecard_

    @property
    def boosting(self) -> Boosted:
        """The trees, fitted on every training row."""
        return self.model.boosting_

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the deciding model, in its order."""
        return self.scorecard.columns if self.decides == "scorecard" else self.boosting.columns

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every candidate that was tried."""
        return self.model.trials_

    def line(self, name: str) -> Calibration:
        """The calibration of a candidate, at the level that young loans tell."""
        line, shift = self.model.candidates_[name].line, self.shifts[name]
        if name == "blend":  # it starts from the mean of the other two, which are shifted already
            shift -= line.a * (self.shifts["scorecard"] + self.shifts["boosting"]) / 2
        return Calibration(line.a, line.b + shift)

    @property
    def test_probability(self) -> F64:
        """The deciding model's probabilities on the test rows."""
        return self.tested[self.decides]

    def gain_on(self, y_test: Labels) -> Interval:
        """How much better it ranks the test rows than the plain baseline."""
        return auc_difference(y_test, self.test_probability, self.plain_test)

    def as_json(self) -> dict[str, object]:
        """As the release keeps it."""
        return {
            "decides": self.decides,
            "columns": list(self.columns),
            "grades": [{"grade": grade, "pd_max": limit} for grade, limit in GRADES],
            "metrics": dict(self.metrics),
            "boosting": {
                "columns": list(self.boosting.columns),
                "calibration": _line(self.line("boosting")),
                "reference_margin": self.boosting.ensemble.reference_margin,
            },
            "scorecard": self.scorecard.as_json() | {"calibration": _line(self.line("scorecard"))},
            "blend": {"calibration": _line(self.line("blend"))},
        }

    def files(self, name: str) -> dict[str, bytes]:
        """The graphs of the boosting: its margin and its reasons."""
        trees = self.boosting
        return {f"{name}.onnx": trees.margin_onnx(), f"{name}.reasons.onnx": trees.reasons_onnx()}


def _line(line: Calibration) -> dict[str, float]:
    return {"a": line.a, "b": line.b}


def fit_member(
    train: F32, y: Labels, groups: npt.NDArray[np.object_], test: F32, y_test: Labels,
    columns: Sequence[str], seed: int, trials: int = TRIALS, study: Path | None = None, tell: Tell = nobody,
    young: Young | None = None,
) -> Member | None:  # fmt: skip
    """Train the candidates, let the training rows decide, measure once on the test rows.

    `young` are loans without a year's outcome yet, whose defaults so far set the level. None when no
    column carries evidence.
    """
    signs = dict(zip(columns, boosting.signs(columns, RISK_RISES, RISK_FALLS), strict=True))
    model = BinaryClassifier(signs, None, trials, seed, study, tell, ALLOWANCE)
    model.fit(Inputs.of(train, columns), y, groups)
    if not model.scorecard_.characteristics:
        return None
    shifts = _shifts(model, columns, young, tell)
    tested = {
        name: sigmoid(log_odds(p) + shifts[name])
        for name, p in model.candidate_probability(Inputs.of(test, columns)).items()
    }
    plain = logistic.baseline(train, y, test, ridge=10.0)
    return Member(
        model, _metrics(model, y, tested, y_test, plain, shifts), model.parameters_, tested, plain, shifts
    )


def _shifts(
    model: BinaryClassifier, columns: Sequence[str], young: Young | None, tell: Tell
) -> dict[str, float]:
    if young is None:
        return dict.fromkeys(model.candidates_, 0.0)
    said = model.candidate_probability(Inputs.of(young.matrix, columns))
    found = {name: young.shift(log_odds(p)) for name, p in said.items()}
    expected = float(said[model.chosen_] @ young.shown)
    tell("calibrate", f"{len(young.matrix):,} loans younger than a year: {young.seen} defaults seen, "
         f"{expected:.0f} expected; log odds moved by {found[model.chosen_]:+.3f}")  # fmt: skip
    return found


def _metrics(
    model: BinaryClassifier,
    y: Labels,
    tested: Mapping[str, F64],
    y_test: Labels,
    plain: F64,
    shifts: Mapping[str, float],
) -> dict[str, object]:
    gain = model.gain_over_scorecard_
    inside: dict[str, object] = {
        f"{name}_auc_cv": round(each.value, 4) for name, each in model.candidates_.items()
    }
    return scores(y_test, tested[model.chosen_]) | {
        "baseline_auc": round(auc(y_test, plain), 4),
        "baseline_interval": auc_interval(y_test, plain).as_list(),
        "decides": model.chosen_,
        "chosen_inside_training": inside | {"gain_over_scorecard": [round(gain.value, 4), *gain.as_list()]},
        **{name: scores(y_test, p) for name, p in tested.items()},
        "level_shift": shifts[model.chosen_],
        "n_train": len(y), "positives_train": int(y.sum()),
    }  # fmt: skip
