"""Asking, approving, rejecting, switching, holding: each checked and recorded where the state changes.

Whoever calls this, the command line, an API or a console, meets the same rules. A call reads the journal,
decides and appends as the journal's only writer, so two people acting at once leave one decision.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from crm_rules.errors import NotAllowed
from crm_rules.governance.approvals import approve as sign_evidence
from crm_rules.governance.approvals import authors, unmet
from crm_rules.governance.candidates import CANDIDATE, Tryout
from crm_rules.governance.chain import digest
from crm_rules.governance.counting import promotions_of
from crm_rules.governance.journal import Journal, Writing, signed
from crm_rules.governance.materiality import Materiality, Tier
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Role, moment
from crm_rules.governance.plain import LONGEST, unreadable
from crm_rules.governance.promotions import (
    APPROVED,
    ASKED,
    REJECTED,
    SWITCHED,
    SWITCHERS,
    Evidence,
    Promotions,
    Request,
    Status,
)
from crm_rules.governance.session import Signer


def read(journal: Journal, trust: Trust) -> Promotions:
    """What the journal says now, by the events that count."""
    return promotions_of(journal.events(), trust)


def begin(turn: Writing, trust: Trust, at: datetime) -> Promotions:
    """The same for somebody who decides on it now, as the only writer.

    ClockSetBack, and BrokenChain when an event is not as it was written and signed.
    """
    turn.require_clock(at)
    turn.require_whole(trust)
    return promotions_of(turn.events(), trust)


def require_may_ask(
    state: Promotions, trust: Trust, rules: Materiality, parts: Sequence[str], signer: Signer, at: datetime
) -> None:
    """NotAllowed for somebody who may not ask for one of these parts, and while a hold blocks one."""
    for part in parts:
        role_of(f"Asking for '{part}'", trust, signer, rules.requesters(part), at)
        _require_no_hold(state, part, at)


def ask(
    journal: Journal, trust: Trust, rules: Materiality, parts: Sequence[Evidence], signer: Signer,
    at: datetime, note: str, tryout: Tryout | None = None,
) -> Request:  # fmt: skip
    """Put parts forward together; the request waits for signatures, or is refused by its gates.

    With `tryout` their release is tried so before it becomes current; NotAllowed while another is.

    NotAllowed for somebody who may not ask for this part, and while a hold blocks it. A request for a part
    that waits already is superseded.
    """
    _require_readable(parts, note)
    with journal.writing() as turn:
        state = begin(turn, trust, at)
        name = f"R{sum(event.kind == ASKED for event in turn.events()) + 1}"
        evidence = [{**each, "request": name, "requested_by": signer.person.id} for each in parts]
        role = Role.SCIENTIST
        for each in evidence:
            role = role_of(f"Asking for '{each['part']}'", trust, signer, rules.requesters(each["part"]), at)
            trust.person(str(each["run"]["author"]))
            _require_no_hold(state, str(each["part"]), at)
        body: dict[str, object] = {"parts": evidence, "note": note}
        if tryout is not None:
            require_may_try(f"A request for {tryout}", state)
            body["tryout"] = tryout.as_json()
        turn.append(signed(ASKED, name, signer.person.id, role, at, body, signer.key))
        return promotions_of(turn.events(), trust).request(name)


def approve(
    journal: Journal, trust: Trust, rules: Materiality, customers: int, request_id: str, signer: Signer,
    role: Role | None, at: datetime,
) -> Request:  # fmt: skip
    """Sign every part of a request in a role it still needs; `role` may be left out where one fits.

    NotAllowed unless the request waits, the person holds the role, wrote or requested none of it, has not
    signed it, and each part `require_ready`. What the request says of its tier is held to the rules here.
    """
    with journal.writing() as turn:
        state = begin(turn, trust, at)
        request = state.request(request_id)
        _require_waiting(request, f"Approving {request_id}")
        chosen = _open_role(request, trust, signer, role, at)
        person = signer.person.id
        for name, evidence in request.evidence.items():
            if person in authors(evidence):
                raise NotAllowed(
                    f"Approving {request_id}", f"'{person}' wrote or requested '{name}' and cannot approve it"
                )
            _require_tier(request, name, evidence, rules.tier_of(name, customers))
        require_ready(f"Approving {request_id}", state, request, at)
        approvals = {
            name: sign_evidence(evidence, person, chosen, at, signer.key).as_json()
            for name, evidence in request.evidence.items()
        }
        turn.append(signed(APPROVED, request_id, person, chosen, at, {"approvals": approvals}, signer.key))
        return promotions_of(turn.events(), trust).request(request_id)


def reject(
    journal: Journal, trust: Trust, request_id: str, signer: Signer, at: datetime, reason: str
) -> Request:
    """Turn a waiting request down, with a reason; anybody who could sign it may, and whoever asked."""
    with journal.writing() as turn:
        state = begin(turn, trust, at)
        request = state.request(request_id)
        _require_waiting(request, f"Rejecting {request_id}")
        may = request.needs if signer.person.id != request.by else tuple(Role)
        role = role_of(f"Rejecting {request_id}", trust, signer, may, at)
        require_reason(f"Rejecting {request_id}", reason)
        turn.append(signed(REJECTED, request_id, signer.person.id, role, at, {"reason": reason}, signer.key))
        return promotions_of(turn.events(), trust).request(request_id)


def switched(turn: Writing, signer: Signer, role: Role, at: datetime, body: Mapping[str, object]) -> None:
    """Record that a release becomes current; `body` is as `Switch` holds it. The caller has the turn."""
    subject = str(body["subject"])
    turn.append(signed(SWITCHED, subject, signer.person.id, role, at, body, signer.key))


def named(turn: Writing, signer: Signer, role: Role, at: datetime, body: Mapping[str, object]) -> None:
    """Record what becomes of a candidate; `body` is as `Named` holds it. The caller has the turn."""
    subject = str(body["subject"])
    told = {name: value for name, value in body.items() if name != "subject"}
    turn.append(signed(CANDIDATE, subject, signer.person.id, role, at, told, signer.key))


def require_may_try(thing: str, state: Promotions) -> None:
    """NotAllowed before the first release, and while another release is tried."""
    if not state.live:
        raise NotAllowed(thing, "no release is current yet that it could be tried beside")
    if (tried := state.candidate) is not None:
        raise NotAllowed(
            thing,
            f"the release of {tried.subject} is tried already; `bank promote candidate finish` or `end` it",
        )


def switcher(trust: Trust, signer: Signer, at: datetime, roles: Sequence[Role] = SWITCHERS) -> Role:
    """The role in which somebody may switch; NotAllowed when there is none."""
    return role_of("Switching the release", trust, signer, roles, at)


def role_of(thing: str, trust: Trust, signer: Signer, roles: Sequence[Role], at: datetime) -> Role:
    """The first of these roles that the person holds then."""
    person = trust.member(signer.person.id, at)
    for role in roles:
        if person.may(role, at):
            return role
    held_roles = ", ".join(person.roles) or "none"
    raise NotAllowed(
        thing, f"'{person.id}' has the roles {held_roles}; it takes {' or '.join(map(str, roles))}"
    )


def _require_readable(parts: Sequence[Evidence], note: str) -> None:
    names = [str(each["part"]) for each in parts]
    if not names or len(set(names)) != len(names):
        raise NotAllowed(f"A request for {names}", "it names each part once, and one at least")
    if (found := unreadable([*parts, note])) is not None:
        raise NotAllowed(
            f"A request for {', '.join(names)}",
            f"{found[:60]!r} in it is longer than {LONGEST:,} signs, or has signs that are not seen",
        )


def _require_waiting(request: Request, thing: str) -> None:
    if request.status is not Status.WAITS:
        because = f" ({request.why})" if request.why else ""
        raise NotAllowed(thing, f"it does not wait any more: {request.status}{because}")


def _open_role(request: Request, trust: Trust, signer: Signer, role: Role | None, at: datetime) -> Role:
    thing = f"Approving {request.id}"
    if role is not None and role not in request.needs:
        raise NotAllowed(thing, f"it needs {', '.join(request.needs)}, not {role}")
    if role is not None and role in request.signed:
        raise NotAllowed(thing, f"'{request.signed[role]}' has signed as {role} already")
    if signer.person.id in request.signed.values():
        raise NotAllowed(thing, f"'{signer.person.id}' has signed it; each role needs another person")
    return role_of(thing, trust, signer, request.open_roles if role is None else (role,), at)


def _require_tier(request: Request, part: str, evidence: Evidence, tier: Tier) -> None:
    """What somebody asked for may be stricter than the part's tier, never softer, nor good for longer."""
    day = moment(request.at).date()
    waived = (day + timedelta(days=tier.rules.waiver_days)).isoformat()
    softer = {
        "signatures": set(tier.needs) - set(request.needs),
        "gates to be waived": set(evidence["soft"]) - set(tier.rules.soft),
        "a validation": str(evidence["validate_by"]) > tier.due(day).isoformat(),
        "a waiver": any(str(each["until"]) > waived for each in evidence["waivers"]),
    }
    if found := [name for name, differs in softer.items() if differs]:
        raise NotAllowed(
            f"Approving {request.id}",
            f"'{part}' is of tier {tier.name}, and was asked for with less ({', '.join(found)}); ask again",
        )


def require_ready(thing: str, state: Promotions, request: Request, at: datetime) -> None:
    """NotAllowed unless gates passed or are waived then, no hold blocks, and the champion is live still."""
    for part, evidence in request.evidence.items():
        if failed := unmet(evidence, at.date()):
            raise NotAllowed(thing, f"gates of '{part}' did not pass and are not waived today: {failed}")
        if state.live.get(part, "") != evidence["based_on"]:
            found = f"'{part}' was compared with another version than is live now; ask again for new gates"
            raise NotAllowed(thing, found)
        _require_no_hold(state, part, at)


def _require_no_hold(state: Promotions, part: str, at: datetime) -> None:
    if found := state.holds_on(part, at):
        told = "; ".join(f"{each.id} since {each.due}: {each.reason}" for each in found)
        raise NotAllowed(
            f"The next promotion of '{part}'",
            f"a hold blocks it: {told}; `bank promote lift {found[0].id}` after the review",
        )


def require_reason(thing: str, reason: str) -> None:
    """NotAllowed without a reason somebody can read."""
    if not reason.strip() or unreadable(reason) is not None:
        raise NotAllowed(thing, "it takes a reason of 1 to 2,000 signs that are seen, in one line")


def waiver(gate: str, reason: str, until: datetime) -> dict[str, str]:
    """A written waiver of a soft gate, good through that day; the approvers sign it with the evidence."""
    return {
        "gate": gate,
        "reason": reason,
        "until": until.date().isoformat(),
        "id": digest(reason.encode())[:8],
    }
