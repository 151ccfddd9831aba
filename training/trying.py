"""A release tried beside the current one: begun by the last signature, finished or ended by one person.

As with a switch the journal comes first and the signed record follows it; what was cut short in between
is finished by the next command.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from crm_rules.errors import NotAllowed
from crm_rules.governance import promoting
from crm_rules.governance.candidates import BEGIN, END, FINISH, SHARE, Named, Tryout
from crm_rules.governance.journal import Writing
from crm_rules.governance.person import Role
from crm_rules.governance.promotions import Promotions, Request, Status, Switch
from crm_rules.governance.session import Signer
from training.release.candidate_record import (
    HEAD,
    anchor_candidate,
    candidate_record_of,
    last_candidate_number,
    set_candidate,
)

if TYPE_CHECKING:
    from training.promotion import Office


def begin(office: "Office", request: Request, signer: Signer, at: datetime) -> Named:
    """Make the release of what is live and of an approved request, and try it as the request asks."""
    role = promoting.switcher(office.trust, signer, at)
    with office.journal.writing() as turn:
        state = promoting.begin(turn, office.trust, at)
        request, thing = state.request(request.id), f"Trying {request.id}"
        promoting.require_may_try(thing, state)
        if request.status is not Status.APPROVED or request.tryout is None:
            raise NotAllowed(thing, f"it is {request.status}, or does not ask to be tried")
        promoting.require_ready(thing, state, request, at)
        parts = {**state.live, **request.parts}
        release = office.made(state, parts, office.origin(state, request))
        told = {"release": release, "parts": parts, "subject": request.id, "reason": request.note}
        _record(office, turn, state, signer, role, at, request.tryout, {**told, "cause": BEGIN})
    return _followed(office)


def change_share(office: "Office", percent: int, signer: Signer, at: datetime) -> Named:
    """Try the candidate on another share of the customers; nobody new to it goes when the share rises."""
    role = promoting.switcher(office.trust, signer, at)
    with office.journal.writing() as turn:
        state = promoting.begin(turn, office.trust, at)
        tried = _tried("Changing the share", state)
        told = {"release": tried.release, "parts": dict(tried.parts), "subject": tried.subject, "reason": ""}
        tryout = Tryout(tried.tryout.mode, percent)
        _record(office, turn, state, signer, role, at, tryout, {**told, "cause": SHARE})
    return _followed(office)


def make_current(office: "Office", signer: Signer, at: datetime) -> Switch:
    """What the candidate brings becomes current, with the other parts as they are live now.

    NotAllowed when what it replaces is not live any more: its gates compared it with that.
    """
    role = promoting.switcher(office.trust, signer, at)
    with office.journal.writing() as turn:
        state = promoting.begin(turn, office.trust, at)
        tried = _tried("Finishing", state)
        request, thing = state.request(tried.subject), f"Switching to {tried.subject}"
        if request.status is not Status.APPROVED:
            raise NotAllowed(thing, f"it is {request.status}, not approved")
        promoting.require_ready(thing, state, request, at)
        parts = {**state.live, **request.parts}
        office.approved(turn, state, request, parts, signer, role, at)
        told = {"release": "", "parts": {}, "subject": request.id, "reason": "it becomes current"}
        _record(office, turn, state, signer, role, at, tried.tryout, {**told, "cause": FINISH})
    switch = office.finish()
    assert switch is not None
    return switch


def end(office: "Office", signer: Signer, at: datetime, reason: str) -> Named:
    """Drop the candidate, at once, by one person; its request is over."""
    role = promoting.switcher(office.trust, signer, at)
    promoting.require_reason("Ending a trial", reason)
    with office.journal.writing() as turn:
        state = promoting.begin(turn, office.trust, at)
        tried = _tried("Ending", state)
        told = {"release": "", "parts": {}, "subject": tried.subject, "reason": reason}
        _record(office, turn, state, signer, role, at, tried.tryout, {**told, "cause": END})
    return _followed(office)


def follow(office: "Office") -> None:
    """Let `candidate.json` follow the journal, where that was cut short."""
    with office.heads.turn(HEAD):
        made = office.state().candidates
        if not made:
            return
        last = made[-1]
        if last_candidate_number(office.releases) < last.number:
            set_candidate(office.releases, last.record, office.heads)
        anchor_candidate(office.heads, last.number, last.release)


def _record(
    office: "Office", turn: Writing, state: Promotions, signer: Signer, role: Role, at: datetime,
    tryout: Tryout, told: dict[str, object],
) -> None:  # fmt: skip
    before = state.candidates[-1].number if state.candidates else 0
    number = max(before, last_candidate_number(office.releases)) + 1
    record = candidate_record_of(str(told["release"]), tryout, number, signer, role, at, office.trust)
    body = {**told, **tryout.as_json(), "number": number, "record": record}
    promoting.named(turn, signer, role, at, body)


def _followed(office: "Office") -> Named:
    follow(office)
    return office.state().candidates[-1]


def _tried(thing: str, state: Promotions) -> Named:
    if state.candidate is None:
        raise NotAllowed(thing, "no release is tried; `bank promote request ... --canary 10` asks for it")
    return state.candidate
