"""One person of the bank: roles, and keys each with the time it counts."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from crm_rules.governance.chain import canonical

ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
TAKEN = frozenset({"token"})  # keys/token.pem belongs to the issuer of tokens
LONGEST = 200


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


def safe_id(text: str) -> bool:
    """Whether it may be a person's id: short, lower case, no twin in another script, safe as a file name.

    >>> safe_id("ada.l"), safe_id("Ada"), safe_id("../ada"), safe_id("token")
    (True, False, False, False)
    """
    return ID.fullmatch(text) is not None and text not in TAKEN


def moment(text: str) -> datetime:
    """An ISO 8601 time with its offset; ValueError without one."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"time '{text}' has no offset from UTC")
    return at


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else moment(text)


@dataclass(frozen=True)
class Key:
    """A public key (base64 of 32 bytes), trusted from `since` until just before `until`."""

    public_key: str
    since: datetime
    until: datetime | None = None

    def valid(self, at: datetime) -> bool:
        """Whether it counts at that time."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True)
class Person:
    """One person as one version of the trust file lists them; `left_at` is set for good."""

    id: str
    name: str
    roles: tuple[Role, ...]
    keys: tuple[Key, ...]
    demo: bool
    oidc_subject: str | None = None
    left_at: datetime | None = None

    def public_keys(self, at: datetime) -> tuple[str, ...]:
        """The keys that count at that time; none once the person left."""
        if self.left_at is not None and self.left_at <= at:
            return ()
        return tuple(key.public_key for key in self.keys if key.valid(at))

    def may(self, role: Role, at: datetime) -> bool:
        """Whether this record gives the role and a key that counts at that time."""
        return role in self.roles and bool(self.public_keys(at))

    def as_json(self) -> dict[str, object]:
        """The person as the trust file lists them."""
        return {
            "id": self.id,
            "name": self.name,
            "roles": [str(role) for role in self.roles],
            "keys": [
                {"public_key": key.public_key, "since": _text(key.since), "until": _text(key.until)}
                for key in self.keys
            ],
            "demo": self.demo,
            "oidc_subject": self.oidc_subject,
            "left_at": _text(self.left_at),
        }

    @staticmethod
    def from_json(entry: Mapping[str, Any]) -> "Person":
        """Read one person; KeyError, TypeError or ValueError when the entry is not well formed."""
        listed = tuple(
            Key(each["public_key"], moment(each["since"]), _moment(each["until"])) for each in entry["keys"]
        )
        person = Person(
            id=entry["id"],
            name=entry["name"],
            roles=tuple(Role(role) for role in entry["roles"]),
            keys=listed,
            demo=entry["demo"],
            oidc_subject=entry["oidc_subject"],
            left_at=_moment(entry["left_at"]),
        )
        if canonical(person.as_json()) != canonical(entry):
            raise ValueError(
                f"the record of {entry['id']!r} has other fields or another spelling than it may"
            )
        if problem := malformed(person):
            raise ValueError(f"the record of {entry['id']!r} {problem}")
        return person


def malformed(person: Person) -> str | None:
    """What is wrong with a record by itself; None when nothing is."""
    texts = [person.name] + ([] if person.oidc_subject is None else [person.oidc_subject])
    if not isinstance(person.id, str) or not safe_id(person.id):
        return "has an id that is not 1 to 64 of a-z, 0-9, '_', '.', '-', or that is taken"
    if not all(isinstance(text, str) and 0 < len(text) <= LONGEST and text.isprintable() for text in texts):
        return f"has a name or subject that is not 1 to {LONGEST} printable characters"
    if not isinstance(person.demo, bool) or len(set(person.roles)) != len(person.roles):
        return "names a role twice, or demo is not true or false"
    if not all(_is_key(key.public_key) for key in person.keys):
        return "has a public key that is not base64 of 32 bytes"
    if any(key.until is not None and key.until < key.since for key in person.keys):
        return "has a key that ends before it begins"
    return None


def _is_key(text: object) -> bool:
    try:
        raw = base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(raw) == 32 and base64.b64encode(raw).decode() == text
