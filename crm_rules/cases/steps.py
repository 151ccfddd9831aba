"""What may follow in the life of a case: a step for each kind of event, for those who act and who read.

A step gives the case as it is afterwards, or CaseRefused says which rule forbids it. So an act that is
refused leaves nothing, and a row that somebody put past the rules has no effect.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from crm_rules.cases.case import (
    APPROVE,
    CHANGED,
    OUTCOMES,
    WITHDRAWN,
    Case,
    Exhibit,
    Letter,
    Ruling,
)
from crm_rules.cases.opening import CaseKind
from crm_rules.errors import CaseRefused
from crm_rules.governance.append_only import CLOCKS_DIFFER
from crm_rules.governance.journal import Event
from crm_rules.governance.person import Role, moment
from crm_rules.governance.plain import unreadable
from crm_rules.lending.limits import DELIVERIES

CLAIMED, RELEASED, EVIDENCE, DECIDED = "claimed", "released", "evidence", "decided"
CONFIRMED, RETURNED, LETTER, DELIVERED = "confirmed", "returned", "letter", "delivered"
MOST_EVIDENCE, MOST_REASONS, MOST_LETTER = 100, 4, 20_000
BEFORE_THE_LAST = "its time lies before what happened in the case already"


def follow(case: Case, event: Event) -> Case:
    """The case after an event; CaseRefused when the event may not follow.

    KeyError, TypeError, ValueError or AttributeError when its body is not well formed.
    """
    if moment(event.at) < moment(case.last) - CLOCKS_DIFFER:
        raise CaseRefused(case.id, BEFORE_THE_LAST)
    if event.kind not in STEPS:
        raise CaseRefused(case.id, f"nothing of the kind '{event.kind}' happens to a case")
    return replace(STEPS[event.kind](case, event), last=event.at)


def overrides(case: Case, outcome: str) -> bool:
    """Whether that outcome goes against the rules: an approval they declined, a decision that turns."""
    return outcome == CHANGED or (outcome == APPROVE and bool(case.rules("declined_by")))


def needs_second(case: Case, role: Role, outcome: str) -> bool:
    """Whether that outcome is above what the role decides alone; at the limit it is not."""
    if case.kind is CaseKind.CONDUCT or outcome == WITHDRAWN:
        return False
    may = case.terms.authority[role]
    return not case.amount <= (may.override if overrides(case, outcome) else may.alone)


def _claim(case: Case, event: Event) -> Case:
    _require_role(case, event, case.terms.roles(case.kind))
    _require_undecided(case)
    _require_impartial(case, event)
    if case.holder:
        raise CaseRefused(case.id, f"it is claimed by '{case.holder}'")
    return replace(case, holder=event.by, holders=(*case.holders, event.by))


def _release(case: Case, event: Event) -> Case:
    _require_undecided(case)
    if not case.holder:
        raise CaseRefused(case.id, "nobody has claimed it")
    if event.by == case.holder:
        _require_role(case, event, case.terms.roles(case.kind))
    elif event.role not in (seconds := case.terms.seconds(case.kind)):
        roles = " or ".join(seconds)
        raise CaseRefused(case.id, f"it is claimed by '{case.holder}'; only they, or {roles}, release it")
    return replace(case, holder="")


def _evidence(case: Case, event: Event) -> Case:
    _require_holder(case, event)
    if len(case.evidence) >= MOST_EVIDENCE:
        raise CaseRefused(case.id, f"it holds {MOST_EVIDENCE} pieces of evidence already")
    file = event.body["file"]
    if file is not None:
        _file(case, file)
    exhibit = Exhibit(event.by, event.at, _text(case, event.body["note"], "note"), file)  # type: ignore[arg-type]  # checked by _file
    return replace(case, evidence=(*case.evidence, exhibit))


def _decide(case: Case, event: Event) -> Case:
    _require_holder(case, event)
    outcome = str(event.body["outcome"])
    if outcome not in OUTCOMES[case.kind]:
        raise CaseRefused(
            case.id, f"'{outcome}' decides no {case.kind}; {' or '.join(OUTCOMES[case.kind])} does"
        )
    over = overrides(case, outcome)
    if over and (never := sorted(set(case.rules()) & set(case.terms.never_override))):
        raise CaseRefused(case.id, f"{', '.join(never)} is overridden by nobody")
    reasons, text = _reasons(case, event.body["reasons"]), _text(case, event.body["text"], "text")
    second = needs_second(case, event.role, outcome)
    ruling = Ruling(outcome, reasons, text, event.by, event.role, event.at, second, over)
    return replace(case, ruling=ruling, decided_at="" if second else event.at)


def _confirm(case: Case, event: Event) -> Case:
    _require_second(case, event)
    return replace(case, confirmed_by=event.by, decided_at=event.at)


def _return(case: Case, event: Event) -> Case:
    _require_second(case, event)
    note = _text(case, event.body["text"], "text")
    return replace(
        case, ruling=None, evidence=(*case.evidence, Exhibit(event.by, event.at, f"Sent back: {note}", None))
    )


def _letter(case: Case, event: Event) -> Case:
    _require_role(case, event, case.terms.roles(case.kind))
    _require_told_of(case)
    if case.letter is not None:
        raise CaseRefused(case.id, f"its letter was made already, at {case.letter.at}")
    texts: Any = event.body["texts"]
    language, until = str(event.body["language"]), event.body["appeal_until"]
    if language not in texts or not all(0 < len(each["text"]) <= MOST_LETTER for each in texts.values()):
        raise CaseRefused(case.id, "a letter has a text of up to 20,000 signs in the language it is sent in")
    return replace(
        case,
        letter=Letter(language, texts, None if until is None else moment(str(until)).isoformat(), event.at),
    )


def _deliver(case: Case, event: Event) -> Case:
    _require_role(case, event, case.terms.roles(case.kind))
    if case.letter is None:
        raise CaseRefused(case.id, "its letter is not made yet")
    if case.told_at:
        raise CaseRefused(case.id, f"its letter was delivered already, by {case.channel}")
    channel = str(event.body["channel"])
    if channel not in DELIVERIES:
        raise CaseRefused(case.id, f"'{channel}' delivers no letter; {' or '.join(DELIVERIES)} does")
    return replace(case, channel=channel, told_at=event.at)


STEPS: Mapping[str, Callable[[Case, Event], Case]] = {
    CLAIMED: _claim, RELEASED: _release, EVIDENCE: _evidence, DECIDED: _decide,
    CONFIRMED: _confirm, RETURNED: _return, LETTER: _letter, DELIVERED: _deliver,
}  # fmt: skip


def _require_role(case: Case, event: Event, roles: tuple[Role, ...]) -> None:
    if event.role not in roles:
        raise CaseRefused(case.id, f"it takes {' or '.join(roles)}, not {event.role}")


def _require_undecided(case: Case) -> None:
    if case.ruling is not None:
        how = "" if case.decided_at else ", and waits for a second person"
        raise CaseRefused(case.id, f"'{case.ruling.by}' decided it already ({case.ruling.outcome}){how}")


def _require_holder(case: Case, event: Event) -> None:
    _require_role(case, event, case.terms.roles(case.kind))
    _require_undecided(case)
    if case.holder != event.by:
        held = f"it is claimed by '{case.holder}'" if case.holder else "nobody has claimed it"
        raise CaseRefused(case.id, f"{held}, and '{event.by}' has to claim it first")


def _require_impartial(case: Case, event: Event) -> None:
    """Nobody looks again at what they decided or confirmed themselves."""
    if event.by in case.rules("decided_by"):
        raise CaseRefused(case.id, f"'{event.by}' took the decision that is contested")


def _require_second(case: Case, event: Event) -> None:
    if case.ruling is None or case.decided_at:
        found = "it is decided already" if case.decided_at else "nothing is decided in it yet"
        raise CaseRefused(case.id, f"{found}, so no second person is asked")
    _require_role(case, event, case.terms.seconds(case.kind))
    _require_impartial(case, event)
    if event.by in (case.ruling.by, *case.holders):
        raise CaseRefused(case.id, f"'{event.by}' decided or claimed it; a second person is another one")


def _require_told_of(case: Case) -> None:
    if case.kind is CaseKind.CONDUCT:
        raise CaseRefused(case.id, "the customer is not told of a conduct case")
    if not case.decided_at:
        raise CaseRefused(case.id, "it is not decided yet")


def _text(case: Case, value: object, name: str) -> str:
    if not isinstance(value, str) or not value.strip() or unreadable(value) is not None:
        raise CaseRefused(case.id, f"its {name} has to be 1 to 2,000 signs that are seen, in one line")
    return value


def _reasons(case: Case, told: Any) -> tuple[Mapping[str, str], ...]:
    if not 1 <= len(told) <= MOST_REASONS or len({each["code"] for each in told}) != len(told):
        raise CaseRefused(case.id, f"a decision takes 1 to {MOST_REASONS} different reasons")
    for each in told:
        if set(each) != {"code", "en", "zh"}:
            raise CaseRefused(case.id, "a reason is a code with its texts in English and Chinese")
        for name, value in each.items():
            _text(case, value, f"reason ({name})")
    return tuple(told)


def _file(case: Case, told: Any) -> None:
    if set(told) != {"name", "sha256", "bytes"} or unreadable(told) is not None:
        raise CaseRefused(case.id, "a file is told by its name, its SHA-256 and its size")
