"""Training the segmentation: from customers at a quarter's start to named segments with lasting ids."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
from threadpoolctl import threadpool_limits

from training.dataset import load
from training.export import reference
from training.gates import Gate, at_least
from training.labels import CHURN, PURCHASE, History, churn, purchases
from training.learning.trees import F32
from training.proof import Array, MemberProof, Proof
from training.release.segmentation import KIND, Segmentation
from training.run import Run
from training.segmentation import leakage
from training.segmentation.account import ACCOUNT
from training.segmentation.clustering import Label
from training.segmentation.evidence import LEAST_JACCARD, LEAST_SHARE
from training.segmentation.exhibits import drawn
from training.segmentation.explaining import drivers
from training.segmentation.fitting import Fitted, fit
from training.segmentation.rows import SERVICE, Rows, observed
from training.segmentation.segmenter import Segmenter
from training.set_aside import set_aside
from training.spec import ModelSpec
from training.trained import Trained, Trial

LEAST_FIDELITY, LEAST_SILHOUETTE, LEAST_EVENTS = 0.90, 0.05, 60


def train(run: Run) -> Trained:
    """Fit on the last quarter start but one, check on the last."""
    history = History(run.settings.raw, run.source, run.settings.threads)
    rows, left_out = observed(run, history)
    run.tell("contract", f"{SERVICE} (marketing): {len(rows.columns)} of {len(rows.data.columns)} columns "
                         f"may make segments; {rows.first.sum():,} active customers")  # fmt: skip
    with threadpool_limits(limits=1):
        fitted, why = fit(rows, run, Segmenter(random_state=run.seed))
        behaviour, unexplained = _drivers(history, rows)
        return _assembled(run, rows, fitted, behaviour, left_out | unexplained | why)


def _drivers(history: History, rows: Rows) -> tuple[dict[str, object], dict[str, str]]:
    """Trees over what drives leaving, and the purchase most often made, as far as both are known."""
    part = rows.data.rows(rows.first)
    earlier, matrix, found = part.spine, part.only(rows.columns), dict[str, object]()
    left = churn(history, earlier)
    if (left == 1).sum() >= LEAST_EVENTS:
        found["churn"] = drivers(matrix, left, rows.columns, CHURN.meaning)
    if history.source.has("holdings") and history.source.has("products"):
        bought = purchases(history, earlier)
        family = max(bought, key=lambda name: int((bought[name] == 1).sum()))
        if (bought[family] == 1).sum() >= LEAST_EVENTS:
            meaning = f"buys {family} within {PURCHASE.horizon_days} days"
            found["purchase"] = drivers(matrix, bought[family], rows.columns, meaning)
    if found:
        return found, {}
    return {}, {
        "drivers": f"fewer than {LEAST_EVENTS} customers leave or buy after the date, "
        "so no behaviour can be explained"
    }


def _assembled(
    run: Run, rows: Rows, fitted: Fitted, behaviour: Mapping[str, object], left_out: Mapping[str, str]
) -> Trained:
    model, chosen = fitted.model, fitted.segmenter.chosen_
    tested = rows.part(rows.later, model.columns)
    label = model.assign(tested)
    shares = np.bincount(label, minlength=len(model.segments)) / len(label)
    fidelity = fitted.explained.fidelity(tested, label)
    leaks = _leaks(run, rows, label, len(model.segments))
    run.tell("evaluate", f"a tree of depth 4 repeats {fidelity:.1%} (limit {LEAST_FIDELITY:.0%}, "
                         f"the largest alone {shares.max():.1%}); " + _said(leaks))  # fmt: skip
    metrics = chosen.as_json() | {
        "fidelity": round(fidelity, 4), "baseline_fidelity": round(float(shares.max()), 4),
        "n_test": len(label), "evidence": [each.as_json() for each in fitted.segmenter.evidence_],
        "drivers": behaviour, "shares_test": [round(float(share), 4) for share in shares],
        "weights": dict(zip(model.columns, model.weights.tolist(), strict=True)),
        "kept_ids": dict(fitted.identity.matched),
        "leakage": {leak.attribute: leak.as_json() for leak in leaks},
        "segments": [asdict(segment) for segment in model.segments],
    }  # fmt: skip
    numbers = np.array([segment.number - 1 for segment in model.segments], np.float64)
    frozen = reference(
        rows.part(rows.later, model.reads), model.reads, {"segment": numbers[label]}, rows.window
    )
    return Trained(
        name="segmentation", service=SERVICE, model=as_model(model), files={},
        reference={"segmentation": frozen}, metrics=metrics,
        gates=_gates(chosen.silhouette, min(chosen.jaccard), fidelity, float(shares.min())),
        parameters={"k": chosen.k, "strictness": fitted.segmenter.strictness,
                    "starts": fitted.segmenter.starts},
        window=rows.window, chosen=f"sparse k-means with {chosen.k} segments", left_out=left_out,
        warnings=_warnings(fitted, leaks), exhibits=drawn(rows, fitted, leaks, behaviour, run.seed),
        trials=_trials(fitted.segmenter), account=ACCOUNT,
        proof=Proof({"segment": _proof(rows, fitted, run.seed)}),
    )  # fmt: skip


def _proof(rows: Rows, fitted: Fitted, seed: int) -> MemberProof:
    """Where the segmenter itself puts the customers of the test quarter."""
    data = rows.data.rows(rows.later)
    places = [data.columns.index(name) for name in rows.columns]

    def says(matrix: F32, given: Mapping[str, Array]) -> Label:
        return fitted.segmenter.predict(matrix[:, places].astype(np.float64))

    return set_aside(data.columns, fitted.model.columns, data.matrix, None, says, rows.window, seed)


def as_model(model: Segmentation) -> dict[str, object]:
    """model.json."""
    logged = [column for column, is_logged in zip(model.columns, model.logged, strict=True) if is_logged]
    return {
        "kind": KIND, "columns": list(model.columns), "log_columns": logged, "fill": model.fill.tolist(),
        "mean": model.mean.tolist(), "scale": model.scale.tolist(), "limit": model.limit,
        "weights": model.weights.tolist(), "centers": model.centers.tolist(),
        "segments": [asdict(segment) for segment in model.segments], "last_number": model.last_number,
        "value": model.value.as_json() if model.value else None,
    }  # fmt: skip


def _leaks(run: Run, rows: Rows, label: Label, k: int) -> list[leakage.Leak]:
    spine = rows.data.rows(rows.later).spine
    told = load(run.settings, "fairness_v1", ("age_years", "is_female"), spine).matrix.astype(np.float64)
    found = leakage.age(label, told[:, 0], k, run.seed), leakage.gender(label, told[:, 1], k, run.seed)
    return [leak for leak in found if leak is not None]


def _said(leaks: list[leakage.Leak]) -> str:
    return "; ".join(
        f"{leak.attribute} guessed from it: {leak.measure} {leak.found.value:.2f} (blind {leak.blind:.2f})"
        for leak in leaks
    ) or "no protected attribute is known"  # fmt: skip


def _warnings(fitted: Fitted, leaks: list[leakage.Leak]) -> tuple[str, ...]:
    unstable = [f"segment {s.id} ({s.name_en}) is unstable: Jaccard {s.stability:.2f}, limit {LEAST_JACCARD}"
                for s in fitted.model.segments if s.stability < LEAST_JACCARD]  # fmt: skip
    told = [f"the segment tells the {leak.attribute}: {leak.measure} {leak.found.value:.2f} "
            f"[{leak.found.low:.2f}, {leak.found.high:.2f}], limit {leak.limit}, blind {leak.blind:.2f}"
            for leak in leaks if leak.tells]  # fmt: skip
    return (*unstable, *told)


def _gates(silhouette: float, jaccard: float, fidelity: float, smallest: float) -> tuple[Gate, ...]:
    return (
        at_least("stability", "stability of the least stable segment (Jaccard)", jaccard, LEAST_JACCARD),
        at_least("stability", "share of the smallest segment", smallest, LEAST_SHARE),
        at_least("discrimination", "silhouette", silhouette, LEAST_SILHOUETTE),
        at_least("faithfulness", "fidelity of the explaining tree", fidelity, LEAST_FIDELITY),
    )


def _trials(segmenter: Segmenter) -> tuple[Trial, ...]:
    return tuple(
        Trial(f"k={e.k}", e.as_json(), "silhouette", round(e.silhouette, 4)) for e in segmenter.evidence_
    )


SPEC = ModelSpec("segmentation", SERVICE, "which customers behave alike", train, after=("segmentation",))
