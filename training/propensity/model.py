"""Propensity: one calibrated boosting for each product family with enough purchases, and for churn."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.dataset import (
    QUARTERS,
    Dataset,
    Split,
    TooLittleData,
    everybody_at,
    iso,
    load,
    quarters,
    split_by_snapshot,
    usable,
)
from training.evidence.exhibit import Exhibit
from training.evidence.plots import bars, discrimination
from training.export import reference
from training.gates import Gate, admitted, at_least, at_most
from training.labels import CHURN, I64, PURCHASE, History, LabelSpec, churn, purchases
from training.learning import boosting
from training.learning.boosting import Boosting, Rows, Shape, rounds_for
from training.learning.logistic import Scaling, newton, platt
from training.learning.trees import F32, margin_onnx, reasons_onnx
from training.propensity.reach import Reach
from training.release.calibration import Calibration
from training.run import Run
from training.spec import ModelSpec
from training.trained import Trained
from training.validation import F64, Labels, auc, auc_difference, auc_interval, calibration_noise, scores

SERVICE = "propensity_v1"
LEAST_POSITIVES = 80
LEAST_TESTED = 15
SEEN = 10  # every tenth training row is average enough
AVERAGED = ("auc_out_of_time", "baseline_auc", "ks", "brier", "ece", "lift_top_decile")
LEAST_LOWER_BOUND = 0.52  # below it a propensity is worth nothing (Pega's health limit)
SHAPES = (
    Shape("shallow", 3, 0.15, 100, rows=0.6, columns=0.4),
    Shape("deeper", 5, 0.1, 100, smallest=40.0, rows=0.6, columns=0.4),
)


@dataclass(frozen=True)
class Member:
    """One family's model, or churn's, with its figures on the test snapshot."""

    name: str
    family: str | None
    model: Boosting
    line: Calibration
    base_rate: float
    metrics: Mapping[str, object]
    seen: F32  # training rows whose average the reasons refer to
    test: F32
    y_test: Labels
    p_test: F64
    plain_test: F64
    window: Mapping[str, str]

    def as_json(self) -> dict[str, object]:
        """As the release keeps it."""
        return {
            "family": self.family, "columns": list(self.model.columns), "base_rate": self.base_rate,
            "calibration": {"a": self.line.a, "b": self.line.b}, "metrics": dict(self.metrics),
        }  # fmt: skip


def train(run: Run) -> Trained:
    """Train every member the data allows; the others are left out by name with the reason."""
    settings, source, seed = run.settings, run.source, run.seed
    history = History(settings.raw, source, settings.threads)
    columns, left_out = usable(SERVICE, source)
    rows = load(settings, SERVICE, columns, everybody_at(history, quarters(source)[-QUARTERS:]))
    members: dict[str, Member] = {}
    for spec, labels in _wanted(history, rows, left_out):
        bench = Bench.prepare(rows, next(iter(labels.values())), spec)
        for name, label in labels.items():
            try:
                members[name] = fit(name, bench, label, seed)
            except TooLittleData as lack:
                left_out[name] = lack.reason
    if not members:
        raise TooLittleData("propensity", "; ".join(f"{name}: {why}" for name, why in left_out.items()))
    names, refused = admitted({name: _gates(name, member) for name, member in members.items()})
    return _assembled(rows, {name: members[name] for name in names}, left_out | refused)


def _wanted(
    history: History, rows: Dataset, left_out: dict[str, str]
) -> list[tuple[LabelSpec, Mapping[str, Labels]]]:
    found: list[tuple[LabelSpec, Mapping[str, Labels]]] = []
    if history.source.has("holdings") and history.source.has("products"):
        found.append((PURCHASE, purchases(history, rows.spine)))
    else:
        left_out["families"] = "the source has no holdings, so purchases are unknown"
    return [*found, (CHURN, {"churn": churn(history, rows.spine)})]


@dataclass(frozen=True)
class Bench:
    """Rows cut by time and binned once, for all the labels of one horizon."""

    spec: LabelSpec
    columns: tuple[str, ...]
    split: Split
    matrix: F32
    as_of: I64
    earlier: npt.NDArray[np.bool_]
    later: npt.NDArray[np.bool_]
    binned: tuple[Rows, Rows, Rows]  # earlier, later (both inside training), training
    plain: tuple[F64, F64]  # scaled training and test rows of the baseline
    reach: Reach  # which test rows could buy at all

    @staticmethod
    def prepare(rows: Dataset, label: Labels, spec: LabelSpec) -> "Bench | None":
        """Cut and bin; None when time or columns are too few."""
        split = split_by_snapshot(rows.as_of, label >= 0, spec.horizon)
        if split is None:
            return None
        columns = rows.informative(split.train)
        if not columns:
            return None
        matrix, scaling = rows.only(columns), Scaling.of(rows.only(columns)[split.train])
        last = rows.as_of[split.train].max()
        later = split.train & (rows.as_of == last)
        earlier = split.train & (rows.as_of + spec.horizon <= last)
        if not earlier.any():  # too short to hold a snapshot back: the same one, other customers
            half = np.arange(len(later)) % 2 == 0
            earlier, later = later & half, later & ~half
        first = Rows.of(matrix[earlier])
        binned = first, Rows.of(matrix[later], first), Rows.of(matrix[split.train])
        plain = scaling.apply(matrix[split.train]), scaling.apply(matrix[split.test])
        reach = Reach.of(matrix[split.train], matrix[split.test])
        return Bench(spec, columns, split, matrix, rows.as_of, earlier, later, binned, plain, reach)

    def choose(self, label: Labels, seed: int) -> tuple[Shape, int]:
        """The shape and number of rounds that serve the last training snapshot best."""
        tried = {
            shape: rounds_for(shape, self.binned[0], label[self.earlier], self.binned[1], label[self.later],
                              seed)
            for shape in SHAPES
        }  # fmt: skip
        best = min(SHAPES, key=lambda shape: tried[shape][1])
        return best, tried[best][0]


def fit(name: str, bench: Bench | None, label: Labels, seed: int) -> Member:
    """Choose inside the training rows, fit on all of them, calibrate later, test last."""
    if bench is None:
        raise TooLittleData(name, "time or columns are too few for separate training, calibration and test")
    split = bench.split
    y, y_line, y_test = label[split.train], label[split.calibrate], label[split.test]
    if y.sum() < LEAST_POSITIVES or min(y_line.sum(), y_test.sum()) < LEAST_TESTED:
        found = f"{y.sum()} cases to train on, {y_line.sum()} to calibrate, {y_test.sum()} to test"
        raise TooLittleData(name, f"{found}; {LEAST_POSITIVES}, {LEAST_TESTED}, {LEAST_TESTED} are needed")
    shape, rounds = bench.choose(label, seed)
    model = boosting.fit(shape, bench.binned[2], y, bench.columns, rounds, seed)
    line = platt(model.margin(bench.matrix[split.calibrate]), y_line)
    p = line.probability(model.margin(bench.matrix[split.test]))
    plain = newton(bench.plain[0], y, ridge=1.0).margin(bench.plain[1])
    metrics = scores(y_test, p) | {
        "baseline_auc": round(auc(y_test, plain), 4),
        "baseline_interval": auc_interval(y_test, plain).as_list(),
        "gain_over_baseline": auc_difference(y_test, p, plain).as_list(),
        "ece_by_chance": round(calibration_noise(p), 5), "shape": shape.name, "rounds": rounds,
        "n_train": len(y), "positives_train": int(y.sum()),
        "most_used": [column for column, _ in model.gains()[:3]],
    } | _reached(y_test, p, bench.reach.within(y))  # fmt: skip
    at = bench.as_of[split.test]
    window = {"from": iso(int(at.min())), "to": iso(int(at.max()) + bench.spec.horizon)}
    family = None if bench.spec is CHURN else name
    return Member(name, family, model, line, float(y.mean()), metrics, bench.matrix[split.train][::SEEN],
                  bench.matrix[split.test], y_test, p, plain, window)  # fmt: skip


def _reached(y: Labels, p: F64, reached: npt.NDArray[np.bool_]) -> dict[str, object]:
    """The AUC among test rows that could buy at all, and what knowing who could not is worth by itself."""
    found = auc_interval(y[reached], p[reached])
    return {
        "auc_in_reach": round(found.value, 4), "auc_in_reach_interval": found.as_list(),
        "n_in_reach": int(reached.sum()), "positives_in_reach": int(y[reached].sum()),
        "auc_of_reach_alone": round(auc(y, reached.astype(np.float64)), 4),
    }  # fmt: skip


def _assembled(rows: Dataset, members: Mapping[str, Member], left_out: Mapping[str, str]) -> Trained:
    main = next(iter(members.values()))
    metrics = {name: dict(member.metrics) for name, member in members.items()}
    means = {
        key: round(float(np.mean([float(str(each[key])) for each in metrics.values()])), 4)
        for key in AVERAGED
    }
    tested = {name: member.p_test for name, member in members.items()}
    return Trained(
        name="propensity", service=SERVICE,
        model={"members": {name: member.as_json() for name, member in members.items()}},
        files=_graphs(members),
        reference={"propensity": reference(main.test, main.model.columns, tested, main.window)},
        metrics=means | {"members": metrics},
        gates=tuple(gate for name, member in members.items() for gate in _gates(name, member)),
        parameters={n: {"shape": m.model.shape.name, "rounds": m.model.rounds} for n, m in members.items()},
        window=main.window, chosen=f"boosting for {', '.join(members)}", left_out=left_out,
        exhibits=_plots(members),
    )  # fmt: skip


def _graphs(members: Mapping[str, Member]) -> dict[str, bytes]:
    """Each member's margin, and what each column adds to it."""
    files: dict[str, bytes] = {}
    for name, member in members.items():
        trees = member.model.ensemble(member.seen)
        files |= {f"{name}.onnx": margin_onnx(trees), f"{name}.reasons.onnx": reasons_onnx(trees)}
    return files


def _gates(name: str, member: Member) -> list[Gate]:
    interval, gain = member.metrics["auc_in_reach_interval"], member.metrics["gain_over_baseline"]
    assert isinstance(interval, list)
    assert isinstance(gain, list)
    limit = 0.005 + 1.5 * calibration_noise(member.p_test)
    return [
        at_least(
            f"{name}: lower bound of AUC out of time, of those in reach", interval[0], LEAST_LOWER_BOUND
        ),
        at_least(f"{name}: upper bound of AUC gain over the plain baseline", gain[1], 0.0),
        at_most(f"{name}: calibration error", float(str(member.metrics["ece"])), limit),
    ]


def _plots(members: Mapping[str, Member]) -> dict[str, Exhibit]:
    drawn = {
        name: discrimination(
            f"Propensity {name}", f"购买倾向 {name}", m.y_test, m.p_test, m.plain_test, m.window
        )
        for name, m in members.items()
    }
    main = next(iter(members.values()))
    values = {name: _with_bounds(m) for name, m in members.items()}
    best = max(values, key=lambda name: values[name][0])
    drawn["members"] = bars(
        f"{best} is foreseen best",
        f"{best} 的预测最好",
        values,
        0.5,
        "AUC out of time",
        main.window,
        len(main.y_test),
    )
    return drawn


def _with_bounds(member: Member) -> tuple[float, float, float]:
    interval = auc_interval(member.y_test, member.p_test)
    return interval.value, interval.low, interval.high


SPEC = ModelSpec("propensity", SERVICE, "who buys within 90 days, who leaves within 180", train)
