"""What the propensity hands on: the members that passed their gates, their graphs, figures and evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from training.dataset import Dataset
from training.export import reference
from training.gates import Gate, admitted
from training.labels import PURCHASE, RESPONSE, History, LabelSpec, product_exposure
from training.learning.trees import margin_onnx, reasons_onnx
from training.proof import MemberProof, Proof
from training.propensity import member as one
from training.propensity import offer_uplift
from training.propensity.account import ACCOUNT
from training.propensity.bench import Bench
from training.propensity.exhibits import exhibits
from training.propensity.figures import bounds
from training.propensity.member import Member
from training.propensity.offer_uplift import Uplift
from training.propensity.uplift_exhibits import uplift_exhibits
from training.run import Run
from training.trained import Trained

SERVICE = "propensity_v1"
AVERAGED = ("auc_out_of_time", "baseline_auc", "ks", "brier", "ece", "lift_top_decile")


@dataclass
class Found:
    """What the run has found so far; what was left out says why."""

    members: dict[str, Member] = field(default_factory=dict)
    uplift: Uplift | None = None
    left_out: dict[str, str] = field(default_factory=dict)

    def gates(self) -> dict[str, list[Gate]]:
        """By member."""
        asked = {name: one.gates(name, member) for name, member in self.members.items()}
        return asked | ({offer_uplift.NAME: offer_uplift.gates(self.uplift)} if self.uplift else {})


def tell(run: Run, found: Found) -> None:
    """How the members were calibrated, and how they rank the test rows."""
    kinds = [str(member.metrics["calibrated_by"]) for member in found.members.values()]
    errors = [float(str(member.metrics["ece"])) for member in found.members.values()]
    run.tell("calibrate", f"{kinds.count('platt')} by Platt's line, {kinds.count('beta')} by a beta curve; "
             f"calibration error at most {max(errors):.4f}")  # fmt: skip
    for name, member in found.members.items():
        low, high = bounds(member.metrics, "auc_interval")
        run.tell("evaluate", f"{name}: AUC {member.metrics['auc_out_of_time']} [{low}, {high}], plain "
                 f"{member.metrics['baseline_auc']}; lift {member.metrics['lift_top_decile']}")  # fmt: skip
    if found.uplift:
        low, high = bounds(found.uplift.metrics, "qini_interval")
        run.tell("evaluate", f"uplift: Qini {found.uplift.metrics['qini']} [{low}, {high}] purchases by "
                 f"1,000 offers, propensity {found.uplift.metrics['qini_of_propensity']}")  # fmt: skip


def assembled(
    run: Run, history: History, rows: Dataset, benches: Mapping[LabelSpec, Bench | None], found: Found
) -> Trained:
    """The part: members that passed, or all of them where none did, so that the promotion refuses it."""
    gates = found.gates()
    names, refused = admitted(gates)
    members = {name: member for name, member in found.members.items() if name in names}
    moved = found.uplift if offer_uplift.NAME in names else None
    main = next(iter(members.values()))
    metrics: dict[str, object] = {"members": {name: dict(member.metrics) for name, member in members.items()}}
    for key in AVERAGED:
        values = [float(str(member.metrics[key])) for member in members.values()]
        metrics[key] = round(float(np.mean(values)), 4)
    model: dict[str, object] = {"members": {name: member.as_json() for name, member in members.items()}}
    bench = benches.get(PURCHASE)
    if bench is not None:
        model["evidence"] = product_exposure(history, bench.as_of[bench.split.train])
    if moved is not None:
        model |= {"offers": moved.as_json(), "offer_days": RESPONSE.horizon_days}
        metrics[offer_uplift.NAME] = dict(moved.metrics)
    trials = tuple(trial for member in members.values() for trial in member.tuning.trials)
    return Trained(
        name="propensity", service=SERVICE, model=model, files=_graphs(members),
        reference={"propensity": _reference(rows, main, members)}, metrics=metrics,
        gates=tuple(gate for name in names for gate in gates[name]),
        parameters={name: {"depth": m.model.shape.depth, "rounds": m.model.rounds}
                    for name, m in members.items()},
        window=main.window, chosen=f"boosting for {', '.join(members)}", left_out=found.left_out | refused,
        exhibits=exhibits(members, run.seed) | (uplift_exhibits(moved, run.seed) if moved else {}),
        trials=trials + (moved.trials if moved else ()), account=ACCOUNT, proof=_proof(members, moved),
    )  # fmt: skip


def _proof(members: Mapping[str, Member], moved: Uplift | None) -> Proof:
    found: dict[str, MemberProof | None] = {name: member.proof for name, member in members.items()}
    if moved is not None:
        found[offer_uplift.NAME] = moved.proof
    return Proof({name: rows for name, rows in found.items() if rows is not None})


def _reference(rows: Dataset, main: Member, members: Mapping[str, Member]) -> dict[str, object]:
    """Columns and scores of everybody on the main member's test snapshot: whom serving will score."""
    at = int(main.later.at[main.later.test].max())
    everybody = rows.rows(rows.as_of == at)
    tested = {
        name: member.curve.probability(member.model.margin(everybody.only(member.model.columns)))
        for name, member in members.items()
    }
    return reference(everybody.only(main.model.columns), main.model.columns, tested, main.window)


def _graphs(members: Mapping[str, Member]) -> dict[str, bytes]:
    """Each member's margin, and what each column adds to it."""
    files: dict[str, bytes] = {}
    for name, member in members.items():
        trees = member.model.ensemble(member.seen)
        files |= {f"{name}.onnx": margin_onnx(trees), f"{name}.reasons.onnx": reasons_onnx(trees)}
    return files
