"""Which product next: chosen on one half-year of additions, tested on the next one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from training.dataset import iso, usable
from training.export import reference
from training.gates import Gate, at_least, at_most
from training.labels import History
from training.learning.trees import F32
from training.proof import Array, MemberProof, Proof
from training.recommendation.account import ACCOUNT
from training.recommendation.choosing import Choice, Inputs, choose, learned, said
from training.recommendation.export import as_files, as_json
from training.recommendation.judging import COLD, CONTENT, LAST, MODEL, POPULARITY, Verdict, judged
from training.recommendation.moments import (
    HORIZON,
    SEGMENTATION,
    SERVICE,
    Moment,
    Segmented,
    moments,
    products_of,
)
from training.recommendation.showing import exhibits
from training.release.recommendation import Recommender
from training.run import Run
from training.set_aside import set_aside
from training.spec import ModelSpec
from training.trained import Trained
from training.validation import F64


def train(run: Run) -> Trained:
    """Choose on one half-year of additions, learn up to the last one, test on that."""
    history = History(run.settings.raw, run.source, run.settings.threads)
    products = products_of(history)
    run.tell("contract", f"{len(products)} products in {len({p.family for p in products})} families")
    columns, left_out = usable(SERVICE, run.source)
    segmented = Segmented.of(run.parts.get(SEGMENTATION))
    half_years = moments(run, history, products, columns, segmented)
    digest = segmented.digest if segmented else None
    inputs = Inputs(columns, products, run.seed, digest)
    run.tell("features", _told_of(half_years, columns, segmented))
    choice = choose(run, inputs, half_years[:-2], half_years[-2])
    run.tell(
        "tune",
        f"{len(choice.trials)} trials; {choice.name}, MAP@5 {choice.value:.3f} on the choosing half-year",
    )
    model = learned(choice, inputs, half_years[:-1])
    model = replace(model, segmentation=digest)
    run.tell(
        "calibrate",
        "Platt's line a family" if choice.recalibrated else "as fitted: a line a family foretold no better",
    )
    verdict = judged(choice, model, inputs, half_years)
    run.tell("evaluate", _told_verdict(verdict, run.seed))
    return _assembled(run, choice, model, verdict, half_years[-1], left_out)


def _told_of(half_years: Sequence[Moment], columns: Sequence[str], segmented: Segmented | None) -> str:
    dates = ", ".join(f"{iso(each.at)[:10]} ({int(each.added.sum()):,} additions)" for each in half_years)
    beside = "and the segment" if segmented else "no segmentation is registered"
    return f"{dates}; {len(columns)} columns, {beside}"


def _told_verdict(verdict: Verdict, seed: int) -> str:
    model, plain = verdict.ranked[MODEL], verdict.ranked[POPULARITY]
    gain = model.over(plain, seed)
    return (f"MAP@5 {model.mean['map_at_5']:.3f}, popularity {plain.mean['map_at_5']:.3f}, "
            f"gain {gain.value:.3f} [{gain.low:.3f}, {gain.high:.3f}]")  # fmt: skip


def _assembled(
    run: Run, choice: Choice, model: Recommender, verdict: Verdict, test: Moment, left_out: dict[str, str]
) -> Trained:
    window = {"from": iso(test.at), "to": iso(test.at + HORIZON)}
    metrics = _metrics(choice, verdict, run.seed)
    top = np.nan_to_num(np.where(test.held, 0.0, said(model, test))).max(axis=1)
    return Trained(
        name="recommendation", service=SERVICE, model=as_json(model) | {"metrics": metrics},
        files=as_files(model),
        reference={"recommendation": reference(test.matrix, model.columns, {"recommendation": top}, window)},
        metrics=metrics, gates=_gates(verdict, run.seed),
        parameters={"chosen": choice.name, **choice.shape, "recalibrated": choice.recalibrated,
                    "segmentation": model.segmentation or "none"},
        window=window, chosen=choice.name, left_out=left_out,
        warnings=() if model.segmentation else ("No segmentation is registered: the segment is no input.",),
        exhibits=exhibits(verdict, choice.name, window, run.seed), trials=choice.trials, account=ACCOUNT,
        proof=Proof({"recommendation": _proof(model, test, window, run.seed)}),
    )  # fmt: skip


def _proof(model: Recommender, test: Moment, window: Mapping[str, str], seed: int) -> MemberProof:
    """The test half-year: what was added of what was not held, and the chance said of it."""

    def says(matrix: F32, given: Mapping[str, Array]) -> F64:
        held, segments = given["held"].astype(bool), given.get("segment")
        known = None if segments is None else segments.astype(np.intp)
        return model.probabilities(model.shelf, held, matrix, known)

    given: dict[str, Array] = {"held": test.held}
    if test.segments is not None:
        given["segment"] = test.segments
    labels = np.where(test.held, np.nan, test.added)
    return set_aside(model.columns, model.columns, test.matrix, labels, says, window, seed,
                     outcomes=[each.product_id for each in model.products], given=given)  # fmt: skip


def _metrics(choice: Choice, verdict: Verdict, seed: int) -> dict[str, object]:
    model, ranked = verdict.ranked[MODEL], verdict.ranked
    gain, over_last = model.over(ranked[POPULARITY], seed), model.over(ranked[LAST], seed)
    return model.mean | {
        "map_interval": model.interval(seed).as_list(),
        "baseline_map": ranked[POPULARITY].mean["map_at_5"],
        "popularity": ranked[POPULARITY].mean, "last_purchase": ranked[LAST].mean,
        "content_alone": ranked[CONTENT].mean, "nothing_held": ranked[COLD].mean,
        "gain_over_popularity": [round(gain.value, 4), *gain.as_list()],
        "gain_over_last_purchase": [round(over_last.value, 4), *over_last.as_list()],
        "ece": {fit.family: round(fit.error, 5) for fit in verdict.families},
        "ece_shares": round(verdict.shares.error, 4) if verdict.shares else None,
        "n_test": len(model), "chosen": choice.name,
        "tried": {trial.name: round(trial.value, 4) for trial in choice.trials},
    }  # fmt: skip


def _gates(verdict: Verdict, seed: int) -> tuple[Gate, ...]:
    gain = verdict.ranked[MODEL].over(verdict.ranked[POPULARITY], seed).low
    shares = verdict.shares
    return (
        at_least("discrimination", "lower bound of MAP@5 gain over popularity", gain, 0.0),
        *(
            at_most("calibration", f"{fit.family}: calibration error", fit.error, fit.limit)
            for fit in verdict.families
        ),
        *(
            (at_most("calibration", "shares within a family: calibration error", shares.error, 0.05),)
            if shares
            else ()
        ),
    )


SPEC = ModelSpec(
    "recommendation", SERVICE, "which product is added within 180 days", train, after=(SEGMENTATION,)
)
