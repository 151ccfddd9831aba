"""Which events of the journal count: truly signed, in a role held then, and allowed by what was before.

Whoever may write the database can add events there, with a chain that fits and their own key. What its
signer could not have done by the rules has no effect here, and the audit names it (`Promotions.ignored`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from crm_rules.errors import NotApproved
from crm_rules.governance.append_only import CLOCKS_DIFFER
from crm_rules.governance.approvals import authors, unmet, verify_record
from crm_rules.governance.candidates import BEGIN, CANDIDATE, END, FINISH, Named, Tryout, named_in
from crm_rules.governance.holds import HELD, LIFTED, LIFTS, PLACES, VALIDATED, Holds
from crm_rules.governance.journal import Event, doubt
from crm_rules.governance.materiality import LONGEST_MONTHS, add_months
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Role, moment
from crm_rules.governance.plain import unreadable
from crm_rules.governance.promotions import (
    APPROVAL,
    APPROVED,
    ASKED,
    REJECTED,
    ROLLBACK,
    SWITCHED,
    SWITCHERS,
    Evidence,
    Promotions,
    Request,
    Status,
    Switch,
    first_parts,
)
from crm_rules.governance.switches import ORDERS


class _DoesNotCountError(Exception):
    """Why an event has no effect."""


def promotions_of(events: Iterable[Event], trust: Trust) -> Promotions:
    """The state after the events that count, read in order."""
    reader = _Reader(trust)
    for event in events:
        reader.take(event)
    return reader.state()


def _require(holds: bool, why: str) -> None:
    if not holds:
        raise _DoesNotCountError(why)


class _Reader:
    def __init__(self, trust: Trust) -> None:
        self._trust, self._before, self._asked = trust, "", 0
        self.requests: dict[str, Request] = {}
        self._open: dict[str, Request] = {}  # those that wait or are approved
        self.switches: list[Switch] = []
        self.candidates: list[Named] = []
        self.holds = Holds()
        self.ignored: list[str] = []
        self._review: Switch | None = None

    def state(self) -> Promotions:
        self._reviewed(None)
        now = self.state_now()
        return replace(now, ignored=tuple(self.ignored))

    def take(self, event: Event) -> None:
        """The next event; those about stop switches are read elsewhere (`switches`)."""
        self._reviewed(event)
        self._asked += event.kind == ASKED
        try:
            _require(not (why := doubt(event, self._trust)), why)
            self._in_time(event.at)
            _require(unreadable([event.subject, event.body]) is None, "a text in it is long or hides signs")
            if event.kind not in ORDERS:
                self._follow(event)
        except (KeyError, TypeError, ValueError, AttributeError, NotApproved) as error:
            self._ignore(event, f"it is not well formed ({error!r})")
        except _DoesNotCountError as error:
            self._ignore(event, str(error))
        else:
            self._before = event.at

    def _ignore(self, event: Event, why: str) -> None:
        self.ignored.append(f"entry {event.seq} ({event.kind} {event.subject}) does not count: {why}")

    def _in_time(self, at: str) -> None:
        """What was signed before is no new event: an old one written again does not count twice."""
        late = self._before and moment(at) < moment(self._before) - CLOCKS_DIFFER
        _require(not late, f"it is of {at}, before the one before it")

    def _reviewed(self, event: Event | None) -> None:
        """A rollback is followed by the hold that waits for its review; without it the audit says so."""
        if self._review is not None:
            held = event is not None and event.kind == HELD and event.by == self._review.by
            if not held or event is None or event.body.get("part") != self._review.subject:
                self.ignored.append(f"switch {self._review.number} is a rollback without its review")
            self._review = None

    def _follow(self, event: Event) -> None:
        follow: dict[str, Callable[[Event], None]] = {
            ASKED: self._ask, APPROVED: self._approve, REJECTED: self._reject, SWITCHED: self._switch,
            CANDIDATE: self._candidate, HELD: self._hold, LIFTED: self._lift, VALIDATED: self._validate,
        }  # fmt: skip
        _require(event.kind in follow, "there is no such event")
        follow[event.kind](event)

    def _ask(self, event: Event) -> None:
        body: Mapping[str, Any] = event.body
        evidence: dict[str, Evidence] = {str(each["part"]): dict(each) for each in body["parts"]}
        _require(0 < len(evidence) == len(body["parts"]), "it names no part, or one twice")
        note, on = str(body["note"]), moment(event.at).date()
        _require(event.subject == f"R{self._asked}", f"it would be request R{self._asked}")
        for part, each in evidence.items():
            fits = (each["requested_by"], each["request"]) == (event.by, event.subject)
            _require(fits, f"the evidence of '{part}' is of another request or requester")
            _require("approvals" not in each, f"the evidence of '{part}' comes with approvals")
        failed = [f"{name}: {gate}" for name, each in evidence.items() for gate in unmet(each, on)]
        status = Status.REFUSED if failed else Status.WAITS
        tryout = Tryout.of(body["tryout"]) if "tryout" in body else None
        why = "; ".join(failed)
        made = Request(event.subject, event.by, event.at, note, evidence, status, {}, why, tryout)
        made.needs, made.parts  # noqa: B018  # a field that lacks shows now
        tried = self.state_now().candidate
        for older in list(self._open.values()) if not failed else ():
            if set(older.parts) & set(evidence) and (tried is None or tried.subject != older.id):
                self._move(older.id, Status.SUPERSEDED, f"by {event.subject}")
        self._put(made)

    def _approve(self, event: Event) -> None:
        request, given = self._waiting(event), dict(event.body["approvals"])  # type: ignore[call-overload]  # by part, as `approve` writes it
        _require(event.role in request.needs, f"the request needs no {event.role}")
        _require(event.role not in request.signed, f"somebody signed as {event.role} already")
        _require(event.by not in request.signed.values(), f"'{event.by}' has signed it already")
        wrote = {person for each in request.evidence.values() for person in authors(each)}
        _require(event.by not in wrote, f"'{event.by}' wrote or requested it")
        fits = all((each["person"], each["role"]) == (event.by, event.role) for each in given.values())
        _require(fits and set(given) == set(request.parts), "its approvals are of others, or of other parts")
        signed = {**request.signed, event.role: event.by}
        evidence = {
            name: {**each, "approvals": [*each.get("approvals", ()), given[name]]}
            for name, each in request.evidence.items()
        }
        status = Status.WAITS if set(request.needs) - set(signed) else Status.APPROVED
        self._put(replace(request, signed=signed, evidence=evidence, status=status))

    def _reject(self, event: Event) -> None:
        request = self._waiting(event)
        _require(event.role in request.needs or event.by == request.by, f"no {event.role} rejects it")
        self._move(request.id, Status.REJECTED, f"{event.by}: {event.body['reason']}")

    def _waiting(self, event: Event) -> Request:
        request = self.requests.get(event.subject)
        if request is None or request.status is not Status.WAITS:
            raise _DoesNotCountError(f"request {event.subject} is {request.status if request else 'unknown'}")
        return request

    def _switch(self, event: Event) -> None:
        body: Mapping[str, Any] = event.body
        made = Switch(
            int(body["number"]), str(body["release"]), {**body["parts"]}, str(body["cause"]), event.subject,
            event.by, event.role, event.at, str(body["reason"]), body["record"],
        )  # fmt: skip
        now = self.state_now()
        _require(event.role in SWITCHERS, f"no {event.role} switches")
        _require(made.number > now.number, f"its number {made.number} is not above {now.number}")
        told = verify_record(made.record, self._trust, SWITCHERS)
        said = (told["release"], told["number"], told["by"], told["role"])
        _require(said == (made.release, made.number, made.by, made.role), "its record is of another switch")
        _require(told["trust"] <= self._trust.number, "its record is of a trust file yet to come")
        wanted = self._wanted(now, made)
        _require(dict(made.parts) == wanted, f"{made.cause} {made.subject} gives other parts")
        self.switches.append(made)
        self._review = made if made.cause == ROLLBACK else None
        for request in list(self._open.values()):
            if request.status is Status.APPROVED and request.parts.items() <= made.parts.items():
                self._move(request.id, Status.LIVE, "")

    def _wanted(self, now: Promotions, made: Switch) -> dict[str, str]:
        """The parts that a switch for that cause gives."""
        if made.cause == APPROVAL:
            request = self.requests.get(made.subject)
            approved = request is not None and request.status is Status.APPROVED
            _require(approved, f"request {made.subject} is not approved, or was live already")
            assert request is not None
            return {**(now.live or first_parts(now)), **request.parts}
        part = made.subject
        _require(made.cause == ROLLBACK and made.role is Role.OPERATOR, "an operator alone rolls back")
        _require(made.parts.get(part) in now.were_live(part), f"'{part}' was never live so")
        return {**now.live, part: made.parts[part]}

    def _candidate(self, event: Event) -> None:
        body: Mapping[str, Any] = event.body
        made = named_in(event.subject, event.by, event.role, event.at, body)
        now, request = self.state_now(), self.requests.get(event.subject)
        _require(event.role in SWITCHERS, f"no {event.role} names a candidate")
        last = now.candidates[-1].number if now.candidates else 0
        _require(made.number > last, f"its number {made.number} is not above {last}")
        told = verify_record(made.record, self._trust, SWITCHERS)
        said = (told["release"], told["number"], told["by"], told["role"], Tryout.of(told))
        fits = said == (made.release, made.number, made.by, made.role, made.tryout)
        _require(fits, "its record is of another candidate")
        _require(told["trust"] <= self._trust.number, "its record is of a trust file yet to come")
        _require(request is not None, f"request {event.subject} is unknown")
        assert request is not None
        wrong = made.follows(now.candidate, {**now.live, **request.parts})
        _require(not wrong, wrong)
        if made.cause == BEGIN:
            begins = request.status is Status.APPROVED and request.tryout == made.tryout and bool(now.live)
            _require(begins, f"request {request.id} is {request.status}, and asks for {request.tryout}")
        if made.cause == FINISH:
            _require(request.status is Status.LIVE, f"request {request.id} is {request.status}, not live")
        self.candidates.append(made)
        if made.cause == END and request.status is Status.APPROVED:
            self._move(request.id, Status.ENDED, f"{made.by}: {made.reason}")

    def state_now(self) -> Promotions:
        made = tuple(self.candidates)
        return Promotions(self.requests, tuple(self.switches), self.holds, candidates=made)

    def _hold(self, event: Event) -> None:
        _require(event.role in PLACES, f"no {event.role} places a hold")
        _require(event.subject not in self.holds.open, "a hold of that id is open")
        date.fromisoformat(str(event.body["due"]))
        self.holds = self.holds.after(event)

    def _lift(self, event: Event) -> None:
        found = self.holds.open.get(event.subject)
        if found is None:
            raise _DoesNotCountError("no such hold is open")
        _require(event.role in LIFTS, f"no {event.role} lifts a hold")
        _require(found.by != event.by, f"'{event.by}' caused it; another person lifts it")
        self.holds = self.holds.after(event)

    def _validate(self, event: Event) -> None:
        body, now = event.body, self.state_now()
        part, digest = str(body["part"]), str(body["digest"])
        _require(event.role is Role.VALIDATOR, f"no {event.role} validates")
        _require(now.live.get(part) == digest, f"'{part}' {digest[:16]} was not live")
        request = now.approved(part, digest)
        wrote = authors(request.evidence[part]) if request else ()
        _require(event.by not in wrote, f"'{event.by}' wrote or requested it")
        longest = add_months(moment(event.at).date(), LONGEST_MONTHS)
        _require(date.fromisoformat(str(body["until"])) <= longest, "it would be good for too long")
        self.holds = self.holds.after(event)

    def _move(self, request_id: str, status: Status, why: str) -> None:
        self._put(replace(self.requests[request_id], status=status, why=why))

    def _put(self, request: Request) -> None:
        self.requests[request.id] = request
        self._open.pop(request.id, None)
        if request.status in (Status.WAITS, Status.APPROVED):
            self._open[request.id] = request
