"""Cases for people at a terminal, and the same as data."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime

from crm_rules.cases.case import OUTCOMES, Case, State
from crm_rules.cases.opening import CaseKind
from crm_rules.cases.terms import DUE

HEAD = f"{'CASE':<40} {'KIND':<9} {'STATE':<11} {'DUE':<11} {'AMOUNT':>12}  {'HOLDER':<10} OUTCOME"
NEXT = {
    State.WAITING: "bank cases claim {id}",
    State.IN_WORK: "bank cases decide {id} OUTCOME --reason CODE --text WHY",
    State.DECIDED: "bank cases letter {id}",
}


def table(cases: Sequence[Case], now: datetime) -> Iterator[str]:
    """One line for each case, then what they add up to, then the next step."""
    if cases:
        yield HEAD
    for case in cases:
        due = f"{case.terms.due_at:%Y-%m-%d}{'!' if case.overdue(now) else ''}"
        yield (
            f"{case.id:<40} {case.kind:<9} {case.state:<11} {due:<11} {_amount(case):>12}  "
            f"{case.holder or '-':<10} {case.outcome or '-'}"
        )
    waiting = [case for case in cases if not case.closed]
    late = [case for case in waiting if case.overdue(now)]
    yield f"{len(waiting)} open, {len(late)} overdue (!)."
    if waiting:
        yield f"Next: {next_step((late or waiting)[0])}"


def lines(case: Case, now: datetime, whole: bool = True) -> Iterator[str]:
    """One case with its next step; not `whole`, without what it is about."""
    overdue = ", OVERDUE" if case.overdue(now) else ""
    yield f"Case {case.id}"
    yield f"  kind       {case.kind}, opened {_time(case.opening.at.isoformat())}"
    yield f"  state      {case.state}, due {_time(case.terms.due_at.isoformat())}{overdue}"
    yield f"  customer   {case.opening.customer_id or 'new to the bank'}"
    if whole:
        yield from _about(case)
    yield f"  holder     {case.holder or '-'}"
    for each in case.evidence:
        file = f" [{each.file['name']}, sha256 {str(each.file['sha256'])[:16]}]" if each.file else ""
        yield f"  evidence   {_time(each.at)} {each.by}: {each.note}{file}"
    yield from _ruling(case)
    for why in case.ignored:
        yield f"  NO EFFECT  {why}"
    if not case.closed:
        yield f"Next: {next_step(case)}"


def _about(case: Case) -> Iterator[str]:
    for name, value in sorted(case.opening.about.items()):
        said = ", ".join(map(str, value)) if isinstance(value, list) else value
        if name != DUE:
            yield f"    {name:<14} {'-' if said in ('', None) else said}"


def _ruling(case: Case) -> Iterator[str]:
    if case.ruling is not None:
        found = case.ruling
        yield f"  decided    {found.outcome} by {found.by} ({found.role}), {_time(found.at)}: {found.text}"
        yield f"  reasons    {', '.join(each['code'] for each in found.reasons)}"
        if found.overrides:
            yield "  override   it goes against the rules"
        if found.needs_second:
            yield f"  second     {case.confirmed_by or 'waits: it is above what they decide alone'}"
    if case.letter is not None:
        told = f", delivered by {case.channel} {_time(case.told_at)}" if case.told_at else ""
        yield f"  letter     {case.letter.language}, {_time(case.letter.at)}{told}"
        yield from (
            f"    {line}" for line in str(case.letter.texts[case.letter.language]["text"]).splitlines()
        )


def next_step(case: Case) -> str:
    """What somebody does next with a case that is open, as a command.

    A letter that is made is to be delivered.
    """
    if case.letter is not None:
        return f"`bank cases deliver {case.id} --channel app`."
    if case.state is State.TO_CONFIRM:
        return f"another person: `bank cases confirm {case.id}`, or `bank cases return {case.id} --text WHY`."
    told = f"`{NEXT[case.state].format(id=case.id)}`."
    outcomes = " or ".join(OUTCOMES[case.kind])
    return f"{told} OUTCOME: {outcomes}; CODE: `bank cases reasons`." if case.state is State.IN_WORK else told


def as_data(case: Case, now: datetime) -> dict[str, object]:
    """One case as JSON."""
    letter = asdict(case.letter) if case.letter else None
    return {
        "id": case.id,
        "kind": case.kind,
        "state": case.state,
        "opened_at": case.opening.at.isoformat(),
        "due_at": case.terms.due_at.isoformat(),
        "overdue": case.overdue(now),
        "customer_id": case.opening.customer_id,
        "about": dict(case.opening.about),
        "holder": case.holder or None,
        "evidence": [asdict(each) for each in case.evidence],
        "ruling": asdict(case.ruling) if case.ruling else None,
        "confirmed_by": case.confirmed_by or None,
        "outcome": case.outcome,
        "decided_at": case.decided_at or None,
        "letter": letter,
        "delivered": {"channel": case.channel, "at": case.told_at} if case.told_at else None,
        "ignored": list(case.ignored),
    }


def _amount(case: Case) -> str:
    return "-" if case.kind is CaseKind.CONDUCT else f"{case.amount:,.2f}"


def _time(at: str) -> str:
    return at[:16].replace("T", " ")
