"""The people of the bank, their roles and public keys, and the trust file that two administrators sign.

The trust file lies outside every database: {"body": {"version", "demo", "people"}, "signatures": [{"by",
"signature"}]}. It counts when two different, unrevoked administrators of that very list signed the canonical
body.

Limits of this form: the list vouches for itself, so whoever may replace the file may replace the whole list;
its folder must belong to the operating system's administrator. And a signature's time is the signer's word: a
stolen key can date a signature before its revocation.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.errors import DemoTrust, UnknownPerson, Untrusted
from crm_rules.governance import drafts, keys
from crm_rules.governance.chain import canonical

Profile = Literal["demo", "bank"]


class Role(StrEnum):
    """What a person may do."""

    SCIENTIST = "scientist"
    VALIDATOR = "validator"
    RISK_APPROVER = "risk_approver"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    UNDERWRITER = "underwriter"
    RELATIONSHIP_MANAGER = "relationship_manager"
    MARKETING = "marketing"
    COMPLIANCE = "compliance"


@dataclass(frozen=True)
class Person:
    """One person with roles and a public key, trusted from `since` until `revoked_at`."""

    id: str
    name: str
    roles: tuple[Role, ...]
    public_key: str
    demo: bool
    since: datetime
    revoked_at: datetime | None = None

    def may(self, role: Role, at: datetime) -> bool:
        """Whether the person held the role, with an unrevoked key, at that time."""
        return role in self.roles and self.since <= at and (self.revoked_at is None or at < self.revoked_at)

    def as_json(self) -> dict[str, object]:
        """The person as the trust file lists them."""
        return {
            "id": self.id,
            "name": self.name,
            "roles": [str(role) for role in self.roles],
            "public_key": self.public_key,
            "demo": self.demo,
            "since": self.since.isoformat(),
            "revoked_at": None if self.revoked_at is None else self.revoked_at.isoformat(),
        }

    @staticmethod
    def from_json(entry: Mapping[str, Any]) -> "Person":
        """Read one person; KeyError, TypeError or ValueError when the entry is not well formed."""
        since, revoked = moment(entry["since"]), entry["revoked_at"]
        if not isinstance(entry["demo"], bool):
            raise TypeError("demo must be true or false")
        return Person(
            id=entry["id"],
            name=entry["name"],
            roles=tuple(Role(role) for role in entry["roles"]),
            public_key=entry["public_key"],
            demo=entry["demo"],
            since=since,
            revoked_at=None if revoked is None else moment(revoked),
        )


def moment(text: str) -> datetime:
    """An ISO 8601 time with its offset; ValueError without one."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"time '{text}' has no offset from UTC")
    return at


@dataclass(frozen=True)
class Trust:
    """The people who count in one profile, from a trust file that verified."""

    version: int
    demo: bool
    profile: Profile
    everybody: tuple[Person, ...]

    @property
    def people(self) -> tuple[Person, ...]:
        """Those who count: demo people only in the demo profile."""
        return tuple(p for p in self.everybody if self.profile == "demo" or not p.demo)

    def person(self, person_id: str) -> Person:
        """The person of that id; UnknownPerson when nobody counts under it."""
        for person in self.people:
            if person.id == person_id:
                return person
        raise UnknownPerson(person_id, (p.id for p in self.people))

    def with_role(self, role: Role, at: datetime) -> tuple[Person, ...]:
        """Everybody who may act in the role at that time."""
        return tuple(p for p in self.people if p.may(role, at))

    @staticmethod
    def load(path: Path, profile: Profile) -> "Trust":
        """Read and verify; Untrusted when missing, altered or unsigned, DemoTrust in profile bank."""
        try:
            content = json.loads(path.read_bytes())
            body, signatures = content["body"], content["signatures"]
            people = tuple(Person.from_json(entry) for entry in body["people"])
            version, demo = int(body["version"]), bool(body["demo"])
        except OSError as error:
            raise Untrusted(path, f"cannot be read ({error.strerror})") from error
        except (ValueError, KeyError, TypeError) as error:
            raise Untrusted(path, f"is not well formed ({error!r})") from error
        if profile == "bank" and demo:
            raise DemoTrust(path)
        _refuse_twins(path, people)
        trust = Trust(version, demo, profile, people)
        _require_two_administrators(path, trust, canonical(body), signatures)
        return trust


def _refuse_twins(path: Path, people: Sequence[Person]) -> None:
    for what in ("id", "public_key"):
        values = [getattr(person, what) for person in people]
        if len(set(values)) != len(values):
            raise Untrusted(path, f"lists one {what} twice, so one person could sign as two")


def _require_two_administrators(path: Path, trust: Trust, body: bytes, signatures: object) -> None:
    administrators = {p.id: p for p in trust.people if Role.ADMINISTRATOR in p.roles and p.revoked_at is None}
    signed: set[str] = set()
    for entry in signatures if isinstance(signatures, list) else ():
        by = entry.get("by") if isinstance(entry, dict) else None
        person = administrators.get(by) if isinstance(by, str) else None
        if person and keys.verify(person.public_key, entry.get("signature", ""), body):
            signed.add(person.id)
    if len(signed) < 2:
        raise Untrusted(
            path, f"carries {len(signed)} valid signature(s) of its administrators, two different are needed"
        )


def write_trust(
    path: Path,
    version: int,
    people: Sequence[Person],
    administrators: Iterable[tuple[str, Ed25519PrivateKey]],
) -> None:
    """Write the list, signed by each (id, key) given; `Trust.load` judges whether they suffice."""
    body = {
        "version": version,
        "demo": any(p.demo for p in people),
        "people": [p.as_json() for p in people],
    }
    data = canonical(body)
    signatures = [{"by": by, "signature": keys.sign(key, data)} for by, key in administrators]
    drafts.replace(path, canonical({"body": body, "signatures": signatures}) + b"\n")
