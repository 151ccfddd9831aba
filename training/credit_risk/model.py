"""Credit risk in its two situations: somebody applies, and somebody already has a loan."""

from collections.abc import Callable, Mapping

from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.credit_risk.account import account
from training.credit_risk.champion import PART, champions
from training.credit_risk.member import TRIALS, Member, fit_member
from training.credit_risk.proving import proof_of
from training.credit_risk.situations import SERVICE, Situation, applications, running_loans
from training.credit_risk.validated import Validated, exhibits, validated
from training.dataset import TooLittleData
from training.export import reference
from training.gates import Gate, admitted, at_least, at_most
from training.proof import Proof
from training.release.credit import CreditRuntime
from training.run import Run
from training.spec import ModelSpec
from training.trained import Trained
from training.validation import calibration_noise

LEAST_BAD = 25  # defaults needed in the training rows, and in the test rows
LEAST_LOWER_BOUND, LEAST_KS, LEAST_FAITHFUL = 0.60, 0.20, 0.99
OBSERVED: Mapping[str, Callable[[Settings, Source], Situation]] = {
    "application": applications, "behaviour": running_loans,
}  # fmt: skip


def train(run: Run) -> Trained:
    """Train both situations; one that lacks input is left out by name."""
    run.tell("contract", f"{SERVICE}: 90 days past due within 12 months, members {', '.join(OBSERVED)}")
    champion, found, left_out = champions(run), dict[str, Validated](), dict[str, str]()
    for name, observe in OBSERVED.items():
        try:
            situation = observe(run.settings, run.source)
            found[name] = _member(run, name, situation, champion.get(name))
        except TooLittleData as lack:
            left_out[name] = lack.reason
    if not found:
        raise TooLittleData("credit_risk", "; ".join(f"{name}: {why}" for name, why in left_out.items()))
    names, refused = admitted({name: _gates(each) for name, each in found.items()})
    return _assembled({name: found[name] for name in names}, left_out | refused, run.seed)


def _member(run: Run, name: str, situation: Situation, champion: CreditRuntime | None) -> Validated:
    y, y_test = situation.y, situation.y_test
    run.tell(
        "features",
        f"{name}: {len(situation.rows.columns)} columns, {len(y):,} rows to train ({int(y.sum()):,} bad), "
        f"{len(y_test):,} to test ({int(y_test.sum()):,} bad)",
    )
    member = fit(run, situation)
    measured = validated(run, name, situation, member, champion)
    run.tell("evaluate", _line(measured))
    return measured


def fit(run: Run, situation: Situation) -> Member:
    """Train one situation's candidates and measure the chosen one out of time."""
    for part, labels in (("train", situation.y), ("test", situation.y_test)):
        if labels.sum() < LEAST_BAD or (labels == 0).sum() < LEAST_BAD:
            lack = f"{int(labels.sum())} defaults among {len(labels)} {part} rows"
            raise TooLittleData(situation.name, f"{lack}, {LEAST_BAD} are needed")
    columns = situation.rows.informative(situation.train)
    matrix = situation.rows.only(columns)
    member = fit_member(
        matrix[situation.train], situation.y, situation.rows.customer_ids[situation.train],
        matrix[situation.test], situation.y_test, columns, run.seed, TRIALS,
        run.study(f"credit_risk-{situation.name}"),
        lambda step, line: run.tell(step, f"{situation.name}: {line}"), situation.young(columns),
    )  # fmt: skip
    if member is None:
        raise TooLittleData(situation.name, "no column carries evidence of default")
    return member


def _line(found: Validated) -> str:
    metrics = found.member.metrics
    faithful = found.faithful[found.member.decides].share
    return (
        f"{found.name}: {found.member.decides} decides, AUC {metrics['auc_out_of_time']} "
        f"{metrics['auc_interval']}, plain baseline {metrics['baseline_auc']}; reasons faithful "
        f"{faithful:.2%}; {found.swaps.fewer_defaults:+d} defaults avoided against {found.champion}"
    )


def _assembled(members: Mapping[str, Validated], left_out: Mapping[str, str], seed: int) -> Trained:
    main = next(iter(members.values()))
    metrics = {name: each.metrics for name, each in members.items()}
    headline = {key: metrics[main.name][key] for key in ("auc_out_of_time", "auc_interval", "ks", "brier",
                                                         "ece", "baseline_auc")}  # fmt: skip
    shown = {key: plot for each in members.values() for key, plot in exhibits(each).items()}
    return Trained(
        name="credit_risk", service=SERVICE,
        model={"members": {name: each.json for name, each in members.items()}},
        files={path: content for each in members.values() for path, content in each.files.items()},
        reference=_reference(members), metrics=headline | {"members": metrics},
        gates=tuple(gate for each in members.values() for gate in _gates(each)),
        parameters={name: dict(each.member.parameters) for name, each in members.items()},
        window=main.situation.window,
        chosen=", ".join(f"{name}: {each.member.decides}" for name, each in members.items()),
        left_out=left_out, exhibits=shown,
        warnings=tuple(warning for each in members.values() for warning in each.warnings),
        trials=tuple(trial for each in members.values() for trial in each.member.trials),
        account=account(tuple(note for each in members.values() for note in each.note)),
        proof=Proof({name: proof_of(each, seed) for name, each in members.items()}),
    )  # fmt: skip


def _gates(found: Validated) -> list[Gate]:
    name, member = found.name, found.member
    p, interval = member.test_probability, member.metrics["auc_interval"]
    assert isinstance(interval, list)
    gain = member.gain_on(found.situation.y_test)
    return [
        at_least("discrimination", f"{name}: lower bound of AUC out of time", interval[0],
                 LEAST_LOWER_BOUND),
        at_least("discrimination", f"{name}: KS", float(str(member.metrics["ks"])), LEAST_KS),
        at_least("discrimination", f"{name}: upper bound of AUC gain over the plain baseline", gain.high,
                 0.0),
        at_most(
            "calibration", f"{name}: calibration error", float(str(member.metrics["ece"])),
            0.02 + 1.5 * calibration_noise(p),
        ),
        at_least("faithfulness", f"{name}: cases whose reasons are true",
                 found.faithful[member.decides].share, LEAST_FAITHFUL),
    ]  # fmt: skip


def _reference(members: Mapping[str, Validated]) -> dict[str, object]:
    """Frozen bins of each situation by itself: applicants and borrowers are two populations."""
    frozen = {}
    for name, each in members.items():
        used, situation = each.runtime.member.columns, each.situation
        tested = situation.rows.rows(situation.test).only(used)
        frozen[name] = reference(tested, used, {name: each.p}, situation.window)
    return dict(frozen)


SPEC = ModelSpec(
    "credit_risk", SERVICE, "who is 90 days past due within 12 months", train, after=(PART,)
)  # fmt: skip
