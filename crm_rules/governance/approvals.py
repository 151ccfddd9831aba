"""Approvals: different people sign a part's digest and gate results; loading without them is refused.

Evidence is a JSON object: part, part_digest, request, requested_by, run (with its author), gates, tier, needs
(the roles that sign), soft (kinds of gates that may be waived), waivers, pia, based_on, validate_by, origin
and approvals. A signature covers all of it but the approvals, and the person, the role and the time: nobody
can rename the author of what was signed, or soften a gate after it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.errors import NotApproved, NotHeld, UnknownPerson
from crm_rules.governance import keys
from crm_rules.governance.chain import canonical, digest
from crm_rules.governance.materiality import LEAST_NEEDED
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Person, Role, moment

COVERED = (
    "part", "part_digest", "request", "requested_by", "run", "gates", "tier", "needs", "soft", "waivers",
    "pia", "based_on", "validate_by", "origin",
)  # fmt: skip


@dataclass(frozen=True)
class Approval:
    """One person's signature under a part and its gate results; `at` is ISO 8601 with its offset."""

    person: str
    role: Role
    at: str
    signature: str

    def as_json(self) -> dict[str, str]:
        """The approval as the evidence file holds it."""
        return {"person": self.person, "role": str(self.role), "at": self.at, "signature": self.signature}


def covered(evidence: Mapping[str, Any]) -> str:
    """The digest of what a signature covers: all but the approvals; KeyError where a field is missing."""
    return digest(canonical({name: evidence[name] for name in COVERED}))


def _statement(evidence: Mapping[str, Any], person: str, role: str, at: str) -> bytes:
    return canonical(
        {"evidence": covered(evidence), "person": person, "role": role, "at": at, "verdict": "approve"}
    )


def approve(
    evidence: Mapping[str, Any], person: str, role: Role, at: datetime, key: Ed25519PrivateKey
) -> Approval:
    """Sign a part's evidence when its gates passed or were waived; NotApproved when one was not."""
    _require_gates(f"Part '{evidence['part']}'", evidence, at.date())
    when = at.isoformat()
    return Approval(person, role, when, keys.sign(key, _statement(evidence, person, str(role), when)))


def authors(evidence: Mapping[str, Any]) -> frozenset[str]:
    """Who wrote or requested the part and therefore cannot approve it."""
    return frozenset({str(evidence["requested_by"]), str((evidence["run"] or {}).get("author", ""))} - {""})


def unmet(evidence: Mapping[str, Any], on: date) -> list[str]:
    """The gates that said no and are not waived on that day; only a soft kind can be waived at all."""
    waived = {
        waiver["gate"]
        for waiver in evidence["waivers"]
        if str(waiver["reason"]).strip() and on <= date.fromisoformat(waiver["until"])
    }
    return [
        str(gate["name"])
        for gate in evidence["gates"]
        if gate["passed"] is not True
        and not (gate.get("kind") in evidence["soft"] and gate["name"] in waived)
    ]


def verify_evidence(evidence: Mapping[str, Any], part: str, part_digest: str, trust: Trust) -> None:
    """Raise NotApproved unless every gate passed or was waived, and everybody who must sign has signed this.

    None may be the author or the requester; each held the role, with a valid key, at the time signed.
    """
    thing = f"Part '{part}' {part_digest[:16]}"
    try:
        if (evidence["part"], evidence["part_digest"]) != (part, part_digest):
            raise NotApproved(thing, "its evidence names another part or another digest")
        signers = []
        for entry in evidence["approvals"]:
            _require_gates(thing, evidence, moment(entry["at"]).date())
            signers.append(_verified(entry, thing, evidence, trust))
        wrote = authors(evidence)
        needed = {*LEAST_NEEDED, *(Role(role) for role in evidence["needs"])}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise NotApproved(thing, f"its evidence is not well formed ({error!r})") from error
    for person, _ in signers:
        if {person.id, person.name} & wrote:
            raise NotApproved(thing, f"'{person.id}' wrote or requested it and cannot approve it")
    _require_everybody(thing, signers, needed)


def _require_gates(thing: str, evidence: Mapping[str, Any], on: date) -> None:
    if not evidence["gates"]:
        raise NotApproved(thing, "no gate was run")
    if failed := unmet(evidence, on):
        raise NotApproved(thing, f"these gates did not pass: {failed}")


def _verified(
    entry: Mapping[str, str], thing: str, evidence: Mapping[str, Any], trust: Trust
) -> tuple[Person, Role]:
    person = signer_of(thing, entry["person"], entry["role"], entry["at"], trust)
    statement = _statement(evidence, entry["person"], entry["role"], entry["at"])
    if not keys.verify_any(person.public_keys(moment(entry["at"])), entry["signature"], statement):
        raise NotApproved(thing, f"the signature of '{person.id}' does not fit the part and its gates")
    return person, Role(entry["role"])


def signer_of(thing: str, person_id: str, role: str, at: str, trust: Trust) -> Person:
    """The person as listed when they signed, with the keys that counted then; NotApproved otherwise."""
    try:
        return trust.signer(person_id, Role(role), moment(at))
    except (UnknownPerson, NotHeld, ValueError) as error:
        raise NotApproved(thing, f"'{person_id}' does not count as {role} at {at} ({error})") from error


def _require_everybody(thing: str, signers: Sequence[tuple[Person, Role]], needed: set[Role]) -> None:
    by_role = {role: {person.id for person, has in signers if has is role} for role in sorted(needed)}
    missing = [str(role) for role, people in by_role.items() if not people]
    if missing:
        raise NotApproved(thing, f"nobody signed as {' or as '.join(missing)}")
    if len(set().union(*by_role.values())) < len(needed):
        raise NotApproved(thing, "one person signed in two roles; each needs another person")


def sign_record(body: Mapping[str, object], key: Ed25519PrivateKey) -> dict[str, object]:
    """A signed record such as `releases/current.json`; the body names `by`, `role`, `at` and `number`."""
    return {"body": dict(body), "signature": keys.sign(key, canonical(dict(body)))}


def verify_record(
    record: Mapping[str, Any], trust: Trust, roles: Sequence[Role], least: int = 0
) -> Mapping[str, Any]:
    """The body of a record signed by somebody who held one of the roles; NotApproved otherwise.

    Numbers rise by one with each record: one below `least` is an old record played back, and is refused.
    """
    thing = "The signed record"
    try:
        body, signature = record["body"], record["signature"]
        by, role, at, number = body["by"], body["role"], body["at"], body["number"]
        if role not in [str(each) for each in roles]:
            raise NotApproved(thing, f"nobody may sign it as {role}")
    except (KeyError, TypeError) as error:
        raise NotApproved(thing, f"it is not well formed ({error!r})") from error
    person = signer_of(thing, by, role, at, trust)
    if not keys.verify_any(person.public_keys(moment(at)), signature, canonical(body)):
        raise NotApproved(thing, f"the signature of '{by}' does not fit its content")
    if not isinstance(number, int) or isinstance(number, bool) or number < least:
        raise NotApproved(
            thing, f"its number {number!r} is below {least}, so it is an old record played back"
        )
    return dict(body)
