"""What an app may show of a case: where it stands, then what was decided and why; never who decided it."""

from collections.abc import Mapping
from typing import Any

from crm_rules.cases.case import Case, State
from crm_rules.cases.opening import CaseKind
from crm_rules.cases.referral import referred

SHOWN = {State.TO_CONFIRM: State.IN_WORK}


def told(case: Case | None) -> dict[str, object] | None:
    """A case as GET /v1/decisions gives it; None for none; nobody is told of a conduct case."""
    if case is None or case.kind is CaseKind.CONDUCT:
        return None
    found: dict[str, object] = {
        "id": case.id,
        "kind": case.kind,
        "state": SHOWN.get(case.state, case.state),
        "due_at": case.terms.due_at.isoformat(),
    }
    return found if case.outcome is None else found | _decided(case)


def told_of_referral(record: Mapping[str, Any]) -> dict[str, object] | None:
    """The same of a decision whose case is still to be opened: it waits; None when it makes no case."""
    if not referred(record):
        return None
    return {"kind": CaseKind.REFERRAL, "state": State.WAITING, **record["case"]}


def _decided(case: Case) -> dict[str, object]:
    assert case.ruling is not None
    letter = case.letter
    return {
        "outcome": case.outcome,
        "decided_at": case.decided_at,
        "decided_by": {"person": True, "role": case.ruling.role, "second_person": bool(case.confirmed_by)},
        "reasons": [dict(each) for each in case.ruling.reasons],
        "letter": {name: each["text"] for name, each in letter.texts.items()} if letter else None,
        "language": letter.language if letter else None,
        "appeal_until": letter.appeal_until if letter else None,
        "told_at": case.told_at or None,
    }
