"""One member of the propensity: a family's model, churn's or the response's, from its rows to its figures."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.dataset import Dataset, TooLittleData, iso
from training.export import scored_before
from training.gates import Gate, at_least, at_most
from training.labels import I64
from training.learning.boosting import Boosting
from training.learning.trees import F32
from training.proof import Array, MemberProof
from training.propensity.bench import Bench
from training.propensity.calibrating import as_json, calibrated
from training.propensity.figures import bounds, measured, reached
from training.propensity.tuning import TRIALS, Tuned, grown, tuned
from training.release.calibration import Curve
from training.set_aside import set_aside
from training.validation import F64, Labels, calibration_noise

LEAST_POSITIVES = 80
LEAST_TESTED = 15
MOST_SEEN = 20_000  # so many training rows are average enough
LEAST_LOWER_BOUND = 0.52  # below it a propensity is worth nothing (Pega's health limit)


@dataclass(frozen=True)
class Later:
    """Rows after the training, with their outcome: what evidence is drawn from. `test` marks the test's."""

    matrix: F32
    y: Labels
    p: F64
    at: I64
    test: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Member:
    """A calibrated boosting with its figures on the test rows. `plain` is the baseline's margin there."""

    name: str
    family: str | None
    model: Boosting
    curve: Curve
    tuning: Tuned
    base_rate: float
    metrics: Mapping[str, object]
    seen: F32  # training rows whose average the reasons refer to
    later: Later
    plain: F64
    window: Mapping[str, str]
    within: npt.NDArray[np.bool_]  # which test rows could buy at all
    proof: MemberProof | None = None

    @property
    def y_test(self) -> Labels:
        """Outcomes of the test rows."""
        return self.later.y[self.later.test]

    @property
    def p_test(self) -> F64:
        """Probabilities of the test rows."""
        return self.later.p[self.later.test]

    @property
    def p_seen(self) -> F64:
        """Probabilities of the training rows that `seen` holds."""
        return self.curve.probability(self.model.margin(self.seen))

    def as_json(self) -> dict[str, object]:
        """As the release keeps it."""
        return {
            "family": self.family, "columns": list(self.model.columns), "base_rate": self.base_rate,
            "calibration": as_json(self.curve), "metrics": dict(self.metrics),
        }  # fmt: skip


def fit(
    name: str, bench: Bench | None, label: Labels, seed: int, *, family: str | None = None,
    study: Path | None = None, trials: int = TRIALS,
) -> Member:  # fmt: skip
    """Choose inside the training rows, fit on them, calibrate later, test last.

    `label` (n,) is 1, 0 or -1 where unknown. Raises TooLittleData.
    """
    if bench is None:
        raise TooLittleData(name, "time or columns are too few for separate training, calibration and test")
    split = bench.split
    y, y_line, y_test = label[split.train], label[split.calibrate], label[split.test]
    if y.sum() < LEAST_POSITIVES or min(y_line.sum(), y_test.sum()) < LEAST_TESTED:
        found = f"{y.sum()} cases to train on, {y_line.sum()} to calibrate, {y_test.sum()} to test"
        raise TooLittleData(name, f"{found}; {LEAST_POSITIVES}, {LEAST_TESTED}, {LEAST_TESTED} are needed")
    tuning = tuned(name, bench, label, seed, study, trials)
    model = grown(tuning, bench, label, seed)
    curve, losses = calibrated(model.margin(bench.matrix[split.calibrate]), y_line)
    later = _later(bench, label, model, curve)
    plain, p = bench.plain(label, seed), later.p[later.test]
    within = bench.reach.within(y)
    metrics = measured(y_test, p, plain) | reached(y_test, p, within) | {
        "calibrated_by": "beta" if "c" in as_json(curve) else "platt",
        "calibration_losses": {kind: round(loss, 6) for kind, loss in losses.items()},
        "rounds": tuning.rounds, "depth": tuning.shape.depth, "n_train": len(y),
        "positives_train": int(y.sum()), "most_used": [column for column, _ in model.gains()[:3]],
    }  # fmt: skip
    at = bench.as_of[split.test]
    window = {"from": iso(int(at.min())), "to": iso(int(at.max()) + bench.spec.horizon)}
    seen = bench.matrix[split.train]
    return Member(name, family, model, curve, tuning, float(y.mean()), metrics,
                  seen[:: -(-len(seen) // MOST_SEEN)], later, plain, window, within)  # fmt: skip


def with_proof(member: Member, bench: Bench, rows: Dataset, label: Labels, seed: int) -> Member:
    """The member with the rows its exported part is held to: the test rows over every column of `rows`."""
    test = bench.split.test
    places = [rows.columns.index(name) for name in member.model.columns]

    def says(matrix: F32, given: Mapping[str, Array]) -> F64:
        return member.curve.probability(member.model.margin(matrix[:, places]))

    return replace(member, proof=set_aside(
        rows.columns, member.model.columns, rows.matrix[test], label[test], says, member.window, seed,
        given={"in_reach": member.within}, before=scored_before(member.p_seen),
    ))  # fmt: skip


def gates(name: str, member: Member) -> list[Gate]:
    """What a member must pass to be put before people."""
    interval, gain = (
        bounds(member.metrics, "auc_in_reach_interval"),
        bounds(member.metrics, "gain_over_baseline"),
    )
    limit = 0.005 + 1.5 * calibration_noise(member.p_test)
    return [
        at_least(
            "discrimination",
            f"{name}: lower bound of AUC out of time, of those in reach",
            interval[0],
            LEAST_LOWER_BOUND,
        ),
        at_least("discrimination", f"{name}: upper bound of AUC gain over the plain baseline", gain[1], 0.0),
        at_most("calibration", f"{name}: calibration error", float(str(member.metrics["ece"])), limit),
    ]


def _later(bench: Bench, label: Labels, model: Boosting, curve: Curve) -> Later:
    split = bench.split
    chosen = (label >= 0) & (bench.as_of > bench.as_of[split.train].max())
    matrix = bench.matrix[chosen]
    p = curve.probability(model.margin(matrix))
    return Later(matrix, label[chosen], p, bench.as_of[chosen], split.test[chosen])
