"""What the journal says of promotions: what was asked for, what waits, what is live, what was live when.

All of it follows from the events that count (`counting`); nothing here reads a clock or writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from crm_rules.errors import UnknownRequest
from crm_rules.governance.candidates import Named, Tryout
from crm_rules.governance.holds import Hold, Holds
from crm_rules.governance.person import Role, moment

ASKED, APPROVED, REJECTED, SWITCHED = "requested", "approved", "rejected", "switched"
APPROVAL, ROLLBACK = "approval", "rollback"  # why a release becomes current
SWITCHERS = (Role.OPERATOR, Role.RISK_APPROVER, Role.VALIDATOR, Role.COMPLIANCE)
Evidence = Mapping[str, Any]


class Status(StrEnum):
    """Where a request stands."""

    WAITS = "waits"  # for signatures
    REFUSED = "refused"  # a gate said no
    REJECTED = "rejected"  # by a person
    SUPERSEDED = "superseded"  # by a newer request for one of its parts
    APPROVED = "approved"  # and not live yet
    LIVE = "live"  # became live; it may have been replaced since
    ENDED = "ended"  # its release was tried, and dropped


@dataclass(frozen=True)
class Request:
    """Parts put forward together. `evidence` is by part; its approvals grow as people sign.

    With `tryout` the release is tried so before it becomes current.
    """

    id: str
    by: str
    at: str
    note: str
    evidence: Mapping[str, Evidence]
    status: Status
    signed: Mapping[Role, str] = field(default_factory=dict)
    why: str = ""
    tryout: Tryout | None = None

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
    """The state after some events; `ignored` says which of them do not count, and why."""

    requests: Mapping[str, Request]
    switches: tuple[Switch, ...]
    holds: Holds
    ignored: tuple[str, ...] = ()
    candidates: tuple[Named, ...] = ()

    @property
    def candidate(self) -> Named | None:
        """The release that is tried now; None when there is none."""
        return self.candidates[-1] if self.candidates and self.candidates[-1].running else None

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
        return next((each for each in reversed(self.were_live(part)) if each != now), None)

    def were_live(self, part: str) -> list[str]:
        """Every digest of that part that was live, the oldest first."""
        return [each.parts[part] for each in self.switches if part in each.parts]

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


def first_parts(state: Promotions) -> dict[str, str]:
    """Before the first release: everything that is approved, the newest of each part."""
    found: dict[str, str] = {}
    for request in state.requests.values():
        if request.status is Status.APPROVED:
            found |= request.parts
    return found
