"""The gates a version passes before people are asked, from its exported bytes and the rows set aside."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from crm_rules.policy import STANDARD, Policy
from training.checks import costs, documents, limits, ranking, signature
from training.checks.calibrated import calibration
from training.checks.exported import Files
from training.checks.fairness import fairness
from training.checks.leaks import leak
from training.checks.limits import Budget
from training.checks.parity import parity
from training.checks.reasons import faithfulness
from training.checks.steady import stability
from training.checks.subject import Candidate, Clock, Subject
from training.gates import Gate, Kind, held_to
from training.version import Version

Whole = Callable[[Candidate], Iterable[Gate]]
WHOLE: Mapping[Kind, Whole] = {
    "size": costs.size, "signature": signature.signature, "card": documents.card, "pack": documents.pack,
    "reproducibility": documents.reproducibility, "pia": documents.pia,
}  # fmt: skip


def check(
    version: Version, champion: Version | None, *, budget: Budget | None = None, pia: str = "",
    policy: Policy | None = None, clock: Clock = time.process_time, part: Files | None = None,
) -> tuple[Gate, ...]:  # fmt: skip
    """Every gate of the kinds that the model has, in a fixed order.

    `champion` is the version in service, None before the first; `budget` what scoring may cost; `pia` the
    reference of the impact assessment; `policy` gives credit's cut-offs, the standard one unless given;
    `clock` counts CPU seconds. `part` stands in for the bytes of the version's own part. A figure that
    cannot be computed is a gate that did not pass and says why. Raises BrokenProof.
    """
    candidate = Candidate(version, champion, budget or Budget(), pia, clock, part)
    held = policy or Policy.load(STANDARD)
    kinds = limits.KINDS_OF.get(version.name, limits.ELSEWHERE)
    return tuple(gate for kind in kinds for gate in _of_kind(kind, candidate, held))


def _of_kind(kind: Kind, candidate: Candidate, policy: Policy) -> Iterator[Gate]:
    if kind in WHOLE:
        yield from WHOLE[kind](candidate)
        return
    for name, why in candidate.why.items():
        if kind in _kinds(candidate.model, name):
            title = f"{name}: {kind}" if name else f"{kind} of the part"
            yield held_to(kind, title, float("nan"), 0.0, False, note=why)
    if kind == "champion":
        yield from ranking.lost(candidate)
    if kind in limits.RECORDED.get(candidate.model, ()):
        yield from _recorded(kind, candidate, "")
        return
    for name, subject in candidate.subjects.items():
        if kind not in _kinds(candidate.model, name):
            continue
        if kind in limits.RECORDED.get(f"{candidate.model}/{name}", ()):
            yield from _recorded(kind, candidate, f"{name}: ")
        else:
            yield from _of_member(kind, candidate, subject, policy)


def _kinds(model: str, member: str) -> tuple[Kind, ...]:
    usual = limits.KINDS_OF.get(model, limits.ELSEWHERE)
    return limits.MEMBER_KINDS.get(f"{model}/{member}", usual)


def _of_member(kind: Kind, candidate: Candidate, subject: Subject, policy: Policy) -> Iterable[Gate]:
    if kind == "fairness":
        return fairness(subject, policy.lending.situation(subject.name).approve_below_pd)
    alone: Mapping[Kind, Callable[[Subject], Iterable[Gate]]] = {
        "parity": parity, "leak": leak, "faithfulness": faithfulness,
    }  # fmt: skip
    if kind in alone:
        return alone[kind](subject)
    beside: Mapping[Kind, Callable[[Candidate, Subject], Iterable[Gate]]] = {
        "discrimination": ranking.discrimination, "champion": ranking.champion, "calibration": calibration,
        "stability": stability, "latency": costs.latency,
    }  # fmt: skip
    return beside[kind](candidate, subject)


def _recorded(kind: Kind, candidate: Candidate, begins: str) -> Iterator[Gate]:
    """What training itself found, where repeating it would take the training library."""
    recorded = candidate.version.record.gates if candidate.version.documented else ()
    found = [gate for gate in recorded if gate.kind == kind and gate.name.startswith(begins)]
    for gate in found:
        yield held_to(kind, gate.name, gate.value, gate.limit, gate.passed, gate.low, gate.high,
                      gate.champion, "as the training run recorded it")  # fmt: skip
    if not found:
        yield held_to(kind, f"{begins}{kind}", float("nan"), 0.0, False, note="its training recorded none")
