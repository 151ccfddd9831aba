"""Propensity: a calibrated boosting for each family and for churn, the response to offers, their uplift."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from training.dataset import QUARTERS, Dataset, TooLittleData, everybody_at, load, quarters, usable
from training.labels import CHURN, PURCHASE, RESPONSE, History, LabelSpec, churn, purchases
from training.propensity import offer_uplift
from training.propensity.assembled import SERVICE, Found, assembled, tell
from training.propensity.bench import Bench
from training.propensity.member import Member, fit, with_proof
from training.propensity.offer_uplift import uplift
from training.propensity.offers import Offers, offers
from training.propensity.tuning import key
from training.run import Run
from training.spec import ModelSpec
from training.trained import Trained
from training.validation import Labels

Fit = Callable[[], Member]


def train(run: Run) -> Trained:
    """Train every member the data allows; the others are left out by name with the reason."""
    settings, source = run.settings, run.source
    history = History(settings.raw, source, settings.threads)
    columns, left_out = usable(SERVICE, source)
    found = Found(left_out=dict(left_out))
    rows = load(settings, SERVICE, columns, everybody_at(history, quarters(source)[-QUARTERS:]))
    run.tell("contract", f"{', '.join(spec.meaning for spec in (PURCHASE, CHURN, RESPONSE))}")
    labels = _labels(history, rows, found.left_out)
    benches = {spec: Bench.prepare(rows, next(iter(held.values())), spec) for spec, held in labels.items()}
    made = _offers(run, history, columns, rows, found.left_out)
    run.tell("features", f"{len(rows):,} customer rows of {len(np.unique(rows.as_of))} quarters, "
             f"{len(columns)} columns; {len(made.y) if made else 0:,} offers")  # fmt: skip
    tested_from = _tested_from(benches)
    _fitted(run, dict(_wanted(run, rows, benches, labels, made, tested_from)), found)
    if not found.members:
        said = "; ".join(f"{name}: {why}" for name, why in found.left_out.items())
        raise TooLittleData("propensity", said)
    if made is not None and tested_from is not None:
        _moved(run, made, tested_from, found)
    tell(run, found)
    return assembled(run, history, rows, benches, found)


def _labels(
    history: History, rows: Dataset, left_out: dict[str, str]
) -> dict[LabelSpec, Mapping[str, Labels]]:
    found: dict[LabelSpec, Mapping[str, Labels]] = {}
    if history.source.has("holdings") and history.source.has("products"):
        found[PURCHASE] = purchases(history, rows.spine)
    else:
        left_out["families"] = "the source has no holdings, so purchases are unknown"
    return found | {CHURN: {"churn": churn(history, rows.spine)}}


def _offers(
    run: Run, history: History, columns: tuple[str, ...], rows: Dataset, left_out: dict[str, str]
) -> Offers | None:
    if not len(rows):
        return None
    try:
        return offers(run.settings, history, SERVICE, columns, int(rows.as_of.min()))
    except TooLittleData as lack:
        left_out["response"] = lack.reason
        return None


def _tested_from(benches: Mapping[LabelSpec, Bench | None]) -> int | None:
    """Offers are tested after everything the families' models learned from had ended."""
    bench = benches.get(PURCHASE)
    return int(bench.as_of[bench.split.calibrate].min()) if bench else None


def _wanted(
    run: Run, rows: Dataset, benches: Mapping[LabelSpec, Bench | None],
    labels: Mapping[LabelSpec, Mapping[str, Labels]], made: Offers | None, tested_from: int | None,
) -> Iterator[tuple[str, Fit]]:  # fmt: skip
    """A fit for each member; they share no state, so that they can run beside each other."""
    for spec, held in labels.items():
        for name, label in held.items():
            family = None if spec is CHURN else name
            yield name, partial(_fit, run, name, rows, benches[spec], label, family)
    if made is not None and tested_from is not None:
        split = made.split(tested_from, made.treated)
        bench = Bench.of(made.rows, split, RESPONSE) if split else None
        yield "response", partial(_fit, run, "response", made.rows, bench, made.shown(), None)


def _fit(
    run: Run, name: str, rows: Dataset, bench: Bench | None, label: Labels, family: str | None
) -> Member:  # fmt: skip
    study = run.study(f"propensity-{key(bench)}") if bench else None
    member = fit(name, bench, label, run.seed, family=family, study=study)
    return with_proof(member, bench, rows, label, run.seed) if bench else member


def _fitted(run: Run, wanted: Mapping[str, Fit], found: Found) -> None:
    """Train beside each other, a thread each; the boosting lets go of the interpreter while it works."""
    with ThreadPoolExecutor(max(1, run.settings.threads)) as pool:
        waiting = {name: pool.submit(fitting) for name, fitting in wanted.items()}
    for name, done in waiting.items():
        try:
            member = found.members[name] = done.result()
        except TooLittleData as lack:
            found.left_out[name] = lack.reason
            continue
        tuned = member.tuning
        run.tell("tune", f"{name}: {len(tuned.trials)} trials, depth {tuned.shape.depth}, {tuned.rounds} "
                 f"rounds; log loss {tuned.loss:.5f} (default {tuned.default:.5f})")  # fmt: skip


def _moved(run: Run, made: Offers, tested_from: int, found: Found) -> None:
    try:
        found.uplift = uplift(found.members, made, tested_from, run.seed)
    except TooLittleData as lack:
        found.left_out[offer_uplift.NAME] = lack.reason
        return
    choice = found.uplift.choice
    said = ", ".join(f"{name} {1000 * each.value:.2f}" for name, each in choice.found.items())
    run.tell("tune", f"uplift: {choice.chosen} of {said} purchases by 1,000 later offers")
    if choice.chosen not in offer_uplift.EXPORTED:
        found.left_out[offer_uplift.NAME] = f"'{choice.chosen}' ranks clearly better and cannot be exported"
        found.uplift = None


SPEC = ModelSpec(
    "propensity", SERVICE, "who buys within 90 days, who leaves within 180, whom an offer moves", train
)
