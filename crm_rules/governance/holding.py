"""Placing and lifting holds, and validating again what runs: by people, recorded where the state changes."""

from datetime import datetime, timedelta

from crm_rules.errors import NotAllowed
from crm_rules.governance.approvals import authors
from crm_rules.governance.holds import EVERY, HELD, LIFTED, LIFTS, VALIDATED, Hold
from crm_rules.governance.journal import Journal, Writing, signed
from crm_rules.governance.materiality import Materiality
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Role
from crm_rules.governance.promoting import begin, require_reason, role_of
from crm_rules.governance.promotions import Promotions
from crm_rules.governance.session import Signer

LONGEST_DAYS = 730


def hold(turn: Writing, signer: Signer, role: Role, part: str, reason: str, at: datetime, days: int) -> str:
    """Place a hold that blocks the part's promotion from `days` on; its id. The caller has the turn."""
    number = len(turn.events()) + 1
    name, due = f"H{number}", (at + timedelta(days=days)).date().isoformat()
    body = {"part": part, "reason": reason, "due": due}
    turn.append(signed(HELD, name, signer.person.id, role, at, body, signer.key))
    return name


def place_hold(
    journal: Journal, trust: Trust, rules: Materiality, signer: Signer, part: str, reason: str, at: datetime,
    days: int = 0,
) -> str:  # fmt: skip
    """Place a hold as a person: validator, risk approver, compliance or auditor."""
    if part not in (*rules.purpose, EVERY):
        raise NotAllowed(f"A hold on '{part}'", f"there are the parts {', '.join(rules.purpose)} and *")
    if not 0 <= days <= LONGEST_DAYS:
        raise NotAllowed(f"A hold on '{part}'", f"it blocks from 0 to {LONGEST_DAYS} days on, not {days}")
    require_reason(f"A hold on '{part}'", reason)
    role = role_of(f"A hold on '{part}'", trust, signer, (*LIFTS, Role.AUDITOR), at)
    with journal.writing() as turn:
        return hold(turn, signer, role, part, reason, at, days)


def lift(
    journal: Journal, trust: Trust, rules: Materiality, hold_id: str, signer: Signer, at: datetime,
    reason: str, customers: int,
) -> Hold:  # fmt: skip
    """Lift a hold, or validate again what an expired validation holds (`validation-PART`).

    Never by whoever placed it, nor, for a validation, by the part's author.
    """
    require_reason(f"Lifting {hold_id}", reason)
    with journal.writing() as turn:
        state = begin(turn, trust, at)
        part = hold_id.removeprefix("validation-")
        if hold_id.startswith("validation-") and part in state.live:
            return _validate(turn, state, trust, rules, part, signer, at, reason, customers)
        if hold_id not in state.holds.open:
            known = ", ".join(state.holds.open) or "none"
            raise NotAllowed(f"Lifting {hold_id}", f"there is no such hold; there are: {known}")
        found = state.holds.open[hold_id]
        role = role_of(f"Lifting {hold_id}", trust, signer, LIFTS, at)
        if found.by == signer.person.id:
            raise NotAllowed(f"Lifting {hold_id}", f"'{found.by}' caused it; another person lifts it")
        turn.append(signed(LIFTED, hold_id, signer.person.id, role, at, {"reason": reason}, signer.key))
        return found


def _validate(
    turn: Writing, state: Promotions, trust: Trust, rules: Materiality, part: str, signer: Signer,
    at: datetime, reason: str, customers: int,
) -> Hold:  # fmt: skip
    thing = f"Validating '{part}' again"
    role = role_of(thing, trust, signer, (Role.VALIDATOR,), at)
    live = state.live[part]
    request = state.approved(part, live)
    if request is not None and signer.person.id in authors(request.evidence[part]):
        raise NotAllowed(thing, f"'{signer.person.id}' wrote or requested it; another validator does it")
    until = rules.tier_of(part, customers).due(at.date()).isoformat()
    body = {"part": part, "digest": live, "until": until, "reason": reason}
    turn.append(signed(VALIDATED, part, signer.person.id, role, at, body, signer.key))
    return Hold(f"validation-{part}", part, reason, signer.person.id, at.isoformat(), until)
