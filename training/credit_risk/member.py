"""One credit model, from arrays: two candidates, the choice between them, calibration, grades.

Every choice (ridge, shape and number of trees, which candidate decides) is made on out-of-fold
scores inside the training rows; the test rows are scored once, at the end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from training.credit_risk.signs import RISK_FALLS, RISK_RISES
from training.learning import boosting, logistic, scorecard
from training.learning.boosting import Boosting, Rows, Shape
from training.learning.scorecard import Scorecard
from training.learning.trees import F32, margin_onnx, reasons_onnx
from training.release.calibration import Calibration
from training.validation import F64, Interval, Labels, auc, auc_difference, auc_interval, scores

GRADES = (("A", 0.01), ("B", 0.02), ("C", 0.04), ("D", 0.08), ("E", 0.16), ("F", 0.32), ("G", 1.0))
RIDGES = (1.0, 5.0, 20.0, 80.0)
# The scorecard decides unless boosting is better by more than a standard error of the difference.
ONE_STANDARD_ERROR = 1 / 1.96
FOLDS, REPEATS, FEW = 5, 3, 100  # repeated where there are fewer defaults than that


@dataclass(frozen=True)
class Member:
    """A trained credit model with its figures on rows it has not seen."""

    decides: str
    scorecard: Scorecard
    scorecard_line: Calibration
    boosting: Boosting
    boosting_line: Calibration
    metrics: Mapping[str, object]
    parameters: Mapping[str, object]
    training_rows: F32
    boosted_test: F64
    scored_test: F64
    plain_test: F64

    @property
    def test_probability(self) -> F64:
        """The deciding model's probabilities on the test rows."""
        return self.scored_test if self.decides == "scorecard" else self.boosted_test

    def gain_on(self, y_test: Labels) -> Interval:
        """How much better it ranks the test rows than the plain baseline."""
        return auc_difference(y_test, self.test_probability, self.plain_test)

    def as_json(self) -> dict[str, object]:
        """As the release keeps it."""
        trees = self.boosting.ensemble(self.training_rows)
        return {
            "decides": self.decides,
            "columns": list(self.scorecard.columns if self.decides == "scorecard" else self.boosting.columns),
            "grades": [{"grade": grade, "pd_max": limit} for grade, limit in GRADES],
            "metrics": dict(self.metrics),
            "boosting": {
                "columns": list(self.boosting.columns),
                "calibration": _line(self.boosting_line),
                "reference_margin": trees.reference_margin,
            },
            "scorecard": self.scorecard.as_json() | {"calibration": _line(self.scorecard_line)},
        }

    def files(self, name: str) -> dict[str, bytes]:
        """The graphs of the boosting: its margin and its reasons."""
        trees = self.boosting.ensemble(self.training_rows)
        return {f"{name}.onnx": margin_onnx(trees), f"{name}.reasons.onnx": reasons_onnx(trees)}


def _line(line: Calibration) -> dict[str, float]:
    return {"a": line.a, "b": line.b}


@dataclass(frozen=True)
class Fold:
    """Rows to fit on and rows to score, inside the training rows."""

    fit: npt.NDArray[np.bool_]
    score: npt.NDArray[np.bool_]


def folds(y: Labels, groups: npt.NDArray[np.object_], repeats: int, seed: int) -> list[list[Fold]]:
    """Repeated stratified folds that keep all rows of a customer together.

    >>> cut = folds(np.array([1, 0, 1, 0], np.int8), np.array(["a", "b", "a", "c"], object), 1, 7)[0]
    >>> any(fold.score[0] != fold.score[2] for fold in cut)
    False
    """
    names, place = np.unique(groups.astype(str), return_inverse=True)
    bad = np.bincount(place, weights=y, minlength=len(names)) > 0
    generator, found = np.random.default_rng(seed), []
    for _ in range(repeats):
        order = np.lexsort((generator.random(len(names)), bad))
        of = np.empty(len(names), int)
        of[order] = np.arange(len(names)) % FOLDS
        found.append([Fold(of[place] != k, of[place] == k) for k in range(FOLDS)])
    return found


def fit_member(
    train: F32, y: Labels, groups: npt.NDArray[np.object_], test: F32, y_test: Labels,
    columns: Sequence[str], seed: int,
) -> Member | None:  # fmt: skip
    """Train both candidates, let the training rows decide, measure once on the test rows.

    None when no column carries evidence.
    """
    repeats = REPEATS if y.sum() < FEW else 1
    cut = folds(y, groups, repeats, seed)
    signs = boosting.signs(columns, RISK_RISES, RISK_FALLS)
    ridge, card_margin = _choose_ridge(train, y, columns, signs, cut)
    shape, tree_margin = _choose_shape(train, y, signs, cut, seed)
    card = scorecard.fit(train, y, columns, dict(zip(columns, signs, strict=True)), ridge)
    if card is None:
        return None
    trees = boosting.fit(shape, Rows.of(train), y, columns, shape.rounds, seed, signs)
    gain = auc_difference(y, tree_margin, card_margin)
    card_line, tree_line = logistic.platt(card_margin, y), logistic.platt(tree_margin, y)
    place = [list(columns).index(c) for c in card.columns]
    scored = card_line.probability(card.margin(test[:, place]))
    boosted = tree_line.probability(trees.margin(test))
    decides = "boosting" if gain.value > ONE_STANDARD_ERROR * (gain.high - gain.value) else "scorecard"
    plain = logistic.baseline(train, y, test, ridge=10.0)
    inside = {
        "scorecard_auc_cv": round(auc(y, card_margin), 4), "boosting_auc_cv": round(auc(y, tree_margin), 4),
        "boosting_gain_cv": [round(gain.value, 4), *gain.as_list()],
    }  # fmt: skip
    metrics = scores(y_test, boosted if decides == "boosting" else scored) | {
        "baseline_auc": round(auc(y_test, plain), 4),
        "baseline_interval": auc_interval(y_test, plain).as_list(),
        "decides": decides, "chosen_inside_training": inside,
        "scorecard": scores(y_test, scored), "boosting": scores(y_test, boosted),
        "n_train": len(y), "positives_train": int(y.sum()),
    }  # fmt: skip
    parameters = {
        "ridge": ridge,
        "shape": shape.name,
        "rounds": shape.rounds,
        "folds": FOLDS,
        "repeats": repeats,
    }
    return Member(
        decides, card, card_line, trees, tree_line, metrics, parameters, train, boosted, scored, plain
    )


def _choose_ridge(
    train: F32, y: Labels, columns: Sequence[str], signs: Sequence[int], cut: list[list[Fold]]
) -> tuple[float, F64]:
    """The ridge with the best out-of-fold AUC, and its out-of-fold margins averaged over repeats."""
    sums = {ridge: np.zeros(len(y)) for ridge in RIDGES}
    wanted = dict(zip(columns, signs, strict=True))
    for repeat in cut:
        for fold in repeat:
            binned = scorecard.bin_columns(train[fold.fit], y[fold.fit], columns, wanted)
            for ridge, total in sums.items():
                card = scorecard.weigh(binned, train[fold.fit], y[fold.fit], columns, ridge)
                if card is not None:
                    place = [list(columns).index(c) for c in card.columns]
                    total[fold.score] += card.margin(train[fold.score][:, place]) / len(cut)
    best = max(RIDGES, key=lambda ridge: auc(y, sums[ridge]))
    return best, sums[best]


def shapes(y: Labels) -> tuple[Shape, ...]:
    """The candidates, each at its largest number of rounds; a leaf needs about 1 % of the evidence.

    Few defaults make single trees erratic, so there each round averages four, grown on other rows
    and columns; an average of trees is still one ensemble to export.
    """
    rate, averaged = float(y.mean()), 4 if y.sum() < FEW else 1
    smallest = float(np.clip(len(y) * rate * (1 - rate) * 0.01, 0.5, 20.0))
    return (
        Shape("pairs", 2, 0.1, 240, smallest, 1.0, 0.6, 0.25, forest=averaged),
        Shape("threes", 3, 0.1, 160, smallest, 1.0, 0.6, 0.25, forest=averaged),
        Shape("forests", 4, 0.5, 8, smallest, 1.0, 0.6, 0.25, forest=50),
    )


def _choose_shape(
    train: F32, y: Labels, signs: Sequence[int], cut: list[list[Fold]], seed: int
) -> tuple[Shape, F64]:
    """The shape and number of rounds with the best out-of-fold AUC, and its averaged margins."""
    sums: dict[Shape, F64] = {}
    for fold in (fold for repeat in cut for fold in repeat):
        rows = Rows.of(train[fold.fit]).labelled(y[fold.fit])
        later = xgb.DMatrix(train[fold.score])
        for shape in shapes(y):
            grown = xgb.train(shape.parameters(signs, seed), rows, shape.rounds)
            for rounds in _steps(shape):
                margin = grown.predict(later, output_margin=True, iteration_range=(0, rounds))
                total = sums.setdefault(replace(shape, rounds=rounds), np.zeros(len(y)))
                total[fold.score] += margin / len(cut)
    best = max(sums, key=lambda shape: auc(y, sums[shape]))
    return best, sums[best]


def _steps(shape: Shape) -> list[int]:
    return [max(1, shape.rounds // part) for part in (4, 2, 1)]
