"""What the journal says of promotions: what was asked for, what waits, what is live, what was live when.

All of it follows from the events, in order; nothing here reads a clock or writes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from crm_rules.errors import UnknownRequest
from crm_rules.governance.approvals import unmet
from crm_rules.governance.holds import Hold, Holds
from crm_rules.governance.journal import Event
from crm_rules.governance.person import Role, moment

ASKED, APPROVED, REJECTED, SWITCHED = "requested", "approved", "rejected", "switched"
Evidence = Mapping[str, Any]


class Status(StrEnum):
    """Where a request stands."""

    WAITS = "waits"  # for signatures
    REFUSED = "refused"  # a gate said no
    REJECTED = "rejected"  # by a person
    SUPERSEDED = "superseded"  # by a newer request for one of its parts
    APPROVED = "approved"  # and not live yet
    LIVE = "live"  # became live; it may have been replaced since


@dataclass(frozen=True)
class Request:
    """Parts put forward together. `evidence` is by part; its approvals grow as people sign."""

    id: str
    by: str
    at: str
    note: str
    evidence: Mapping[str, Evidence]
    status: Status
    signed: Mapping[Role, str] = field(default_factory=dict)
    why: str = ""

    @property
    def parts(self) -> dict[str, str]:
        """Part digests by part."""
        return {name: str(each["part_digest"]) for name, each in self.evidence.items()}

    @property
    def needs(self) -> tuple[Role, ...]:
        """Every role that signs, of the part that asks most."""
        found = {Role(role) for each in self.evidence.values() for role in each["needs"]}
        return tuple(role for role in Role if role in found)

    @property
    def open_roles(self) -> tuple[Role, ...]:
        """The roles nobody has signed in."""
        return tuple(role for role in self.needs if role not in self.signed)


@dataclass(frozen=True)
class Switch:
    """A release became current: `parts` are its part digests; `cause` is approval or rollback."""

    number: int
    release: str
    parts: Mapping[str, str]
    cause: str
    subject: str
    by: str
    role: Role
    at: str
    reason: str
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Promotions:
    """The state after some events."""

    requests: Mapping[str, Request]
    switches: tuple[Switch, ...]
    holds: Holds

    @staticmethod
    def of(events: Iterable[Event]) -> "Promotions":
        """Read every event in order."""
        reader = _Reader()
        for event in events:
            reader.take(event)
        return Promotions(reader.requests, tuple(reader.switches), reader.holds)

    def request(self, request_id: str) -> Request:
        """The request of that id; UnknownRequest names those that wait."""
        if request_id not in self.requests:
            waiting = [each.id for each in self.requests.values() if each.status is Status.WAITS]
            raise UnknownRequest(request_id, waiting)
        return self.requests[request_id]

    @property
    def live(self) -> Mapping[str, str]:
        """The part digests of the current release, by part; empty before the first."""
        return self.switches[-1].parts if self.switches else {}

    @property
    def number(self) -> int:
        """The number of the last switch."""
        return self.switches[-1].number if self.switches else 0

    def at(self, when: datetime) -> Switch | None:
        """The switch that was in force at that time; None before the first."""
        before = [each for each in self.switches if moment(each.at) <= when]
        return before[-1] if before else None

    def approvals(self, part: str, digest: str) -> list[Request]:
        """Every fully approved request for that very part, the oldest first."""
        return [
            each
            for each in self.requests.values()
            if each.parts.get(part) == digest and each.status in (Status.APPROVED, Status.LIVE)
        ]

    def approved(self, part: str, digest: str) -> Request | None:
        """The last fully approved request for that very part."""
        found = self.approvals(part, digest)
        return found[-1] if found else None

    @property
    def versions(self) -> dict[str, str]:
        """The registered version of each model that is live, by part."""
        found = {}
        for name, digest in self.live.items():
            request = self.approved(name, digest)
            version = request.evidence[name]["run"].get("version") if request else None
            if version is not None:
                found[name] = str(version)
        return found

    def before(self, part: str) -> str | None:
        """The digest of that part which was live before the present one; None when there was none."""
        now = self.live.get(part)
        earlier = [each.parts[part] for each in self.switches if part in each.parts]
        return next((each for each in reversed(earlier) if each != now), None)

    def holds_on(self, part: str, at: datetime) -> list[Hold]:
        """What blocks the next promotion of a part then: overdue holds, an expired validation."""
        found = self.holds.blocking(part, at)
        request = self.approved(part, self.live[part]) if part in self.live else None
        if request is not None and part in request.evidence:
            until = self.holds.validated.get(
                (part, self.live[part]), str(request.evidence[part]["validate_by"])
            )
            if at.date().isoformat() > until:
                reason = f"its validation expired on {until}"
                found.append(Hold(f"validation-{part}", part, reason, request.by, until, until))
        return found


class _Reader:
    def __init__(self) -> None:
        self.requests: dict[str, Request] = {}
        self.switches: list[Switch] = []
        self.holds = Holds()

    def take(self, event: Event) -> None:
        if event.kind == ASKED:
            self._asked(event)
        elif event.kind == APPROVED:
            self._approved(event)
        elif event.kind == REJECTED:
            self._move(event.subject, Status.REJECTED, f"{event.by}: {event.body['reason']}")
        elif event.kind == SWITCHED:
            self._switched(event)
        else:
            self.holds = self.holds.after(event)

    def _asked(self, event: Event) -> None:
        evidence: dict[str, Evidence] = {each["part"]: each for each in event.body["parts"]}  # type: ignore[attr-defined]  # a list, as `ask` writes it
        on = moment(event.at).date()
        failed = [f"{name}: {gate}" for name, each in evidence.items() for gate in unmet(each, on)]
        status = Status.REFUSED if failed else Status.WAITS
        for older in list(self.requests.values()) if not failed else ():
            if older.status in (Status.WAITS, Status.APPROVED) and set(older.parts) & set(evidence):
                self._move(older.id, Status.SUPERSEDED, f"by {event.subject}")
        note = str(event.body["note"])
        self.requests[event.subject] = Request(
            event.subject, event.by, event.at, note, evidence, status, {}, "; ".join(failed)
        )

    def _approved(self, event: Event) -> None:
        request = self.requests[event.subject]
        signed = {**request.signed, event.role: event.by}
        evidence = {
            name: {**each, "approvals": [*each.get("approvals", ()), event.body["approvals"][name]]}  # type: ignore[index]  # by part, as `approve` writes it
            for name, each in request.evidence.items()
        }
        status = Status.WAITS if set(request.needs) - set(signed) else Status.APPROVED
        self.requests[request.id] = replace(request, signed=signed, evidence=evidence, status=status)

    def _switched(self, event: Event) -> None:
        body: Mapping[str, Any] = event.body
        self.switches.append(
            Switch(
                int(body["number"]),
                body["release"],
                body["parts"],
                body["cause"],
                event.subject,
                event.by,
                event.role,
                event.at,
                body["reason"],
                body["record"],
            )
        )
        for request in list(self.requests.values()):
            if request.status is Status.APPROVED and request.parts.items() <= body["parts"].items():
                self._move(request.id, Status.LIVE, "")

    def _move(self, request_id: str, status: Status, why: str) -> None:
        self.requests[request_id] = replace(self.requests[request_id], status=status, why=why)
