"""Approvals: two different people sign a part's digest and gate results; loading without them is refused.

Evidence is {"part", "part_digest", "gates", "run", "requested_by", "approvals"}. A signature covers all of it
but the approvals, and the person, the role and the time: nobody can rename the author of what was signed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.errors import NotApproved, NotHeld, UnknownPerson
from crm_rules.governance import keys
from crm_rules.governance.chain import canonical, digest
from crm_rules.governance.people import Person, Role, Trust, moment

NEEDED = (Role.VALIDATOR, Role.RISK_APPROVER)
COVERED = ("part", "part_digest", "gates", "run", "requested_by")


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
    """The digest of what a signature covers: part, part digest, gates in order, run and requester."""
    return digest(canonical({name: evidence[name] for name in COVERED}))


def _statement(evidence: Mapping[str, Any], person: str, role: str, at: str) -> bytes:
    return canonical(
        {"evidence": covered(evidence), "person": person, "role": role, "at": at, "verdict": "approve"}
    )


def approve(
    evidence: Mapping[str, Any], person: str, role: Role, at: datetime, key: Ed25519PrivateKey
) -> Approval:
    """Sign a part's evidence when every gate passed; NotApproved when one did not."""
    _require_gates(f"Part '{evidence['part']}'", evidence["gates"])
    when = at.isoformat()
    return Approval(person, role, when, keys.sign(key, _statement(evidence, person, str(role), when)))


def verify_evidence(evidence: Mapping[str, Any], part: str, part_digest: str, trust: Trust) -> None:
    """Raise NotApproved unless every gate passed, and a validator and a risk approver signed this evidence.

    Neither may be the author or the requester; each held the role, with a valid key, at the time signed.
    """
    thing = f"Part '{part}' {part_digest[:16]}"
    try:
        if (evidence["part"], evidence["part_digest"]) != (part, part_digest):
            raise NotApproved(thing, "its evidence names another part or another digest")
        gates = evidence["gates"]
        _require_gates(thing, gates)
        authors = {evidence["requested_by"], (evidence.get("run") or {}).get("author")} - {None}
        signers = [_verified(entry, thing, evidence, trust) for entry in evidence["approvals"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise NotApproved(thing, f"its evidence is not well formed ({error!r})") from error
    for person, _ in signers:
        if {person.id, person.name} & authors:
            raise NotApproved(thing, f"'{person.id}' wrote or requested it and cannot approve it")
    _require_two_people(thing, signers)


def _require_gates(thing: str, gates: Sequence[Mapping[str, object]]) -> None:
    failed = [str(gate.get("name")) for gate in gates if gate.get("passed") is not True]
    if failed:
        raise NotApproved(thing, f"these gates did not pass: {failed}")
    if not gates:
        raise NotApproved(thing, "no gate was run")


def _verified(
    entry: Mapping[str, str], thing: str, evidence: Mapping[str, Any], trust: Trust
) -> tuple[Person, Role]:
    person = _signer(thing, entry["person"], entry["role"], entry["at"], trust)
    statement = _statement(evidence, entry["person"], entry["role"], entry["at"])
    if not keys.verify_any(_keys(person), entry["signature"], statement):
        raise NotApproved(thing, f"the signature of '{person.id}' does not fit the part and its gates")
    return person, Role(entry["role"])


def _signer(thing: str, person_id: str, role: str, at: str, trust: Trust) -> Person:
    """The person as listed when they signed, with the keys that counted then."""
    try:
        return trust.signer(person_id, Role(role), moment(at))
    except (UnknownPerson, NotHeld, ValueError) as error:
        raise NotApproved(thing, f"'{person_id}' does not count as {role} at {at} ({error})") from error


def _keys(person: Person) -> tuple[str, ...]:
    return tuple(key.public_key for key in person.keys)


def _require_two_people(thing: str, signers: Sequence[tuple[Person, Role]]) -> None:
    by_role = {role: {person.id for person, has in signers if has is role} for role in NEEDED}
    missing = [str(role) for role, people in by_role.items() if not people]
    if missing:
        raise NotApproved(thing, f"nobody signed as {' or as '.join(missing)}")
    if len(set().union(*by_role.values())) < 2:
        raise NotApproved(thing, "one person signed in both roles; two different people are needed")


def sign_record(body: Mapping[str, object], key: Ed25519PrivateKey) -> dict[str, object]:
    """A signed record such as `releases/current.json`; the body names `by`, `at` (ISO 8601) and `number`."""
    return {"body": dict(body), "signature": keys.sign(key, canonical(dict(body)))}


def verify_record(record: Mapping[str, Any], trust: Trust, role: Role, least: int = 0) -> Mapping[str, Any]:
    """The body of a record signed by somebody who held the role; NotApproved otherwise.

    Numbers rise by one with each record: one below `least` is an old record played back, and is refused.
    """
    thing = "The signed record"
    try:
        body, signature = record["body"], record["signature"]
        by, at, number = body["by"], body["at"], body["number"]
    except (KeyError, TypeError) as error:
        raise NotApproved(thing, f"it is not well formed ({error!r})") from error
    person = _signer(thing, by, str(role), at, trust)
    if not keys.verify_any(_keys(person), signature, canonical(body)):
        raise NotApproved(thing, f"the signature of '{by}' does not fit its content")
    if not isinstance(number, int) or isinstance(number, bool) or number < least:
        raise NotApproved(
            thing, f"its number {number!r} is below {least}, so it is an old record played back"
        )
    return dict(body)
