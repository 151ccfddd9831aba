"""Credit risk in its two situations: somebody applies, and somebody already has a loan."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from feature_repo.features.services import SERVICES
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.credit_risk.member import Member, fit_member
from training.dataset import Dataset, TooLittleData, iso, load, quarters, spine_table, with_request
from training.evidence.exhibit import Exhibit
from training.evidence.plots import discrimination
from training.export import reference
from training.gates import Gate, admitted, at_least, at_most
from training.labels import (
    DEFAULT,
    I64,
    RUNNING,
    History,
    application_default,
    behaviour_default,
    micros,
    times,
)
from training.run import Run
from training.spec import ModelSpec
from training.trained import Trained
from training.validation import Labels, calibration_noise

SERVICE = "credit_risk_v1"
LEAST_BAD = 25  # defaults needed in the training rows, and in the test rows
LEAST_LOWER_BOUND, LEAST_KS = 0.60, 0.20


@dataclass(frozen=True)
class Situation:
    """Rows of one situation with their outcome and the time that parts training from test."""

    name: str
    rows: Dataset
    bad: Labels
    train: npt.NDArray[np.bool_]
    test: npt.NDArray[np.bool_]

    @property
    def window(self) -> dict[str, str]:
        """The span of the test rows."""
        at = self.rows.as_of[self.test]
        return {"from": iso(int(at.min())), "to": iso(int(at.max()))}


def train(run: Run) -> Trained:
    """Train both situations; one that lacks input is left out by name."""
    settings, source, seed = run.settings, run.source, run.seed
    members: dict[str, tuple[Situation, Member]] = {}
    left_out: dict[str, str] = {}
    for name, observe in (("application", applications), ("behaviour", running_loans)):
        try:
            situation = observe(settings, source)
            members[name] = (situation, fit(situation, seed))
        except TooLittleData as lack:
            left_out[name] = lack.reason
    if not members:
        raise TooLittleData("credit_risk", "; ".join(f"{name}: {why}" for name, why in left_out.items()))
    names, refused = admitted({name: _gates(name, *member) for name, member in members.items()})
    return _assembled({name: members[name] for name in names}, left_out | refused)


def applications(settings: Settings, source: Source) -> Situation:
    """Granted requests with what was known at the moment of asking.

    With a label horizon the test rows are the last quarter of the time in which outcomes are known,
    and training rows were judged before it; where a loan's latest status is the label, the last third
    of the source's time is the test.
    """
    if not source.has("loans"):
        raise TooLittleData("application", "there are no loans")
    history = History(settings.raw, source, settings.threads)
    requests = application_default(history)
    rows = with_request(settings, SERVICE, requests)
    bad, at = np.asarray(requests["bad"].to_numpy(), np.int8), times(requests)
    by_status = not (source.has("repayments") and source.has("applications"))
    start, horizon = micros(source.starts), 0 if by_status else DEFAULT.horizon
    usable = history.end - horizon
    border = next_month(usable - (usable - start) // (3 if by_status else 4))
    judged = np.asarray(requests["judged_us"].to_numpy(), np.int64)
    return Situation("application", rows, bad, *parted(at, judged, border))


def parted(at: I64, judged: I64, border: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Training rows, judged by the border at the latest, and test rows, asked from the border on.

    >>> asked, judged = np.array([0, 1, 5, 6]), np.array([4, 6, 9, 10])
    >>> [part.tolist() for part in parted(asked, judged, border=5)]
    [[True, False, False, False], [False, False, True, True]]
    """
    return (at < border) & (judged <= border), at >= border


def running_loans(settings: Settings, source: Source) -> Situation:
    """Customers with a running loan at the quarter starts; the last one whose year is known tests."""
    if not (source.has("loans") and source.has("repayments")):
        raise TooLittleData("behaviour", "the source has no repayments, so days past due are unknown")
    history = History(settings.raw, source, settings.threads)
    known = [at for at in quarters(source) if at + DEFAULT.horizon <= history.end]
    owners = history.ask("SELECT DISTINCT customer_id FROM loans ORDER BY 1")["customer_id"].to_pylist()
    everybody = spine_table(owners * len(known), np.repeat(np.array(known, np.int64), len(owners)))
    rows = load(settings, SERVICE, SERVICES[SERVICE], everybody.filter(history.marked(RUNNING, everybody)))
    bad = behaviour_default(history, rows.spine)
    moments = np.unique(rows.as_of[bad >= 0])
    if len(moments) < 2 or moments[0] + DEFAULT.horizon > moments[-1]:
        raise TooLittleData("behaviour", "the data is too short for two separate years of outcome")
    last = int(moments[-1])
    train = (bad >= 0) & (rows.as_of + DEFAULT.horizon <= last)
    return Situation("behaviour", rows, bad, train, (bad >= 0) & (rows.as_of == last))


def next_month(at: int) -> int:
    """The first instant of a month at or after a time in microseconds.

    >>> iso(next_month(micros("1996-12-31T16:00:00+00:00")))
    '1997-01-01T00:00:00+00:00'
    """
    moment = datetime.fromisoformat(iso(at))
    first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if first == moment:
        return at
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return int(following.timestamp()) * 1_000_000


def fit(situation: Situation, seed: int) -> Member:
    """Train one situation's candidates and measure the chosen one out of time."""
    y, y_test = situation.bad[situation.train], situation.bad[situation.test]
    for part, labels in (("train", y), ("test", y_test)):
        if labels.sum() < LEAST_BAD or (labels == 0).sum() < LEAST_BAD:
            found = f"{int(labels.sum())} defaults among {len(labels)} {part} rows"
            raise TooLittleData(situation.name, f"{found}, {LEAST_BAD} are needed")
    columns = situation.rows.informative(situation.train)
    matrix = situation.rows.only(columns)
    member = fit_member(
        matrix[situation.train], y, situation.rows.customer_ids[situation.train],
        matrix[situation.test], y_test, columns, seed,
    )  # fmt: skip
    if member is None:
        raise TooLittleData(situation.name, "no column carries evidence of default")
    return member


def _assembled(members: Mapping[str, tuple[Situation, Member]], left_out: Mapping[str, str]) -> Trained:
    main = next(iter(members))
    metrics = {name: dict(member.metrics) for name, (_, member) in members.items()}
    files: dict[str, bytes] = {}
    gates: list[Gate] = []
    for name, (situation, member) in members.items():
        files |= member.files(name)
        gates += _gates(name, situation, member)
    headline = {key: metrics[main][key] for key in ("auc_out_of_time", "auc_interval", "ks", "brier", "ece",
                                                     "baseline_auc")}  # fmt: skip
    return Trained(
        name="credit_risk", service=SERVICE,
        model={"members": {name: member.as_json() for name, (_, member) in members.items()}},
        files=files, reference=_reference(members), metrics=headline | {"members": metrics},
        gates=tuple(gates),
        parameters={name: dict(member.parameters) for name, (_, member) in members.items()},
        window=members[main][0].window,
        chosen=", ".join(f"{name}: {member.decides}" for name, (_, member) in members.items()),
        left_out=left_out,
        exhibits={name: _plot(name, situation, member) for name, (situation, member) in members.items()},
    )  # fmt: skip


def _gates(name: str, situation: Situation, member: Member) -> list[Gate]:
    p, interval = member.test_probability, member.metrics["auc_interval"]
    assert isinstance(interval, list)
    gain = member.gain_on(situation.bad[situation.test])
    return [
        at_least(f"{name}: lower bound of AUC out of time", interval[0], LEAST_LOWER_BOUND),
        at_least(f"{name}: KS", float(str(member.metrics["ks"])), LEAST_KS),
        at_least(f"{name}: upper bound of AUC gain over the plain baseline", gain.high, 0.0),
        at_most(
            f"{name}: calibration error", float(str(member.metrics["ece"])), 0.02 + 1.5 * calibration_noise(p)
        ),
    ]


def _reference(members: Mapping[str, tuple[Situation, Member]]) -> dict[str, object]:
    """Frozen bins of each situation by itself: applicants and borrowers are two populations."""
    frozen = {}
    for name, (situation, member) in members.items():
        used = sorted({*member.scorecard.columns, *member.boosting.columns})
        tested = situation.rows.rows(situation.test).only(used)
        frozen[name] = reference(tested, used, {name: member.test_probability}, situation.window)
    return dict(frozen)


def _plot(name: str, situation: Situation, member: Member) -> Exhibit:
    title = f"Credit {name}: the {member.decides} decides"
    title_zh = f"信用风险 {name}：由 {member.decides} 决定"
    y = situation.bad[situation.test]
    return discrimination(title, title_zh, y, member.test_probability, member.plain_test, situation.window)


SPEC = ModelSpec("credit_risk", SERVICE, "who is 90 days past due within 12 months", train)
