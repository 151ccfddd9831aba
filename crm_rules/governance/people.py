"""The people who count, from a trust file that verified: versions, each signed by two administrators.

The trust file lies outside every database: {"versions": [{"body", "signatures"}, ...]}. A body holds its
number, time, the digest of the body before it, whether it is a demo, and the records that are new or
replaced. Whoever may replace the whole file could found another list: pin the digest of its first
version (`BANK_TRUST_ROOT`), and it is refused. A cut tail is an older valid list: compare `Trust.number`.

A signature's time is the signer's word: a stolen key can date a signature before its revocation, so a
revocation may name an earlier time, from which on the key counts for nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from crm_rules.errors import DemoTrust, NotCanonical, NotHeld, NoTrust, RuleBroken, UnknownPerson, Untrusted
from crm_rules.governance import drafts
from crm_rules.governance.chain import canonical
from crm_rules.governance.heads import Head, Heads
from crm_rules.governance.person import Key, Person, Role, moment
from crm_rules.governance.roll import Roll, Version

if TYPE_CHECKING:
    from feature_repo.settings import Settings

__all__ = ["Key", "Person", "Profile", "Role", "Trust", "moment", "read_json", "write_trust"]

Profile = Literal["demo", "bank"]
MOST_BYTES = 16 * 2**20
MOST_VERSIONS = 10_000
HEAD = "trust"  # the newest version seen, kept with the heads of the chains


@dataclass(frozen=True)
class Trust:
    """The people who count in one profile; `versions` were verified, the oldest first."""

    versions: tuple[Version, ...]
    profile: Profile

    @property
    def number(self) -> int:
        """The number of the latest version."""
        return self.versions[-1].number

    @property
    def digest(self) -> str:
        """SHA-256 of the latest version's body, in hexadecimal."""
        return self.versions[-1].digest

    @property
    def root(self) -> str:
        """SHA-256 of the first version's body, to be pinned as BANK_TRUST_ROOT."""
        return self.versions[0].digest

    @property
    def demo(self) -> bool:
        """Whether its people are demo people, who count in the demo profile only."""
        return self.versions[-1].demo

    @cached_property
    def _records(self) -> dict[str, list[tuple[datetime, Person]]]:
        records: dict[str, list[tuple[datetime, Person]]] = {}
        for version in self.versions:
            for person in version.changes:
                if self.profile == "demo" or not person.demo:
                    records.setdefault(person.id, []).append((version.at, person))
        return records

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody's latest record, those who left included; demo people in the demo profile only."""
        return tuple(records[-1][1] for records in self._records.values())

    def person(self, person_id: str) -> Person:
        """The latest record of that id; UnknownPerson when nobody counts under it."""
        if person_id not in self._records:
            raise UnknownPerson(person_id, self._records)
        return self._records[person_id][-1][1]

    def member(self, person_id: str, at: datetime) -> Person:
        """The person as listed at that time, with the keys that counted then; UnknownPerson or NotHeld."""
        return self._as_of(person_id, at, "")

    def signer(self, person_id: str, role: Role, at: datetime) -> Person:
        """The person as listed at that time, who held the role; UnknownPerson or NotHeld.

        `keys` are those that counted then: what was signed before somebody left, lost a role or had a key
        revoked stays true, and afterwards nothing does.
        """
        person = self._as_of(person_id, at, str(role))
        if role not in person.roles:
            held = ", ".join(person.roles) or "none"
            raise NotHeld(person_id, str(role), at.isoformat(), f"the roles then were {held}")
        return person

    def with_role(self, role: Role, at: datetime) -> tuple[Person, ...]:
        """Everybody who may act in the role at that time, as listed then."""
        found = (self.as_of(person_id, at) for person_id in self._records)
        return tuple(person for person in found if person is not None and person.may(role, at))

    def _as_of(self, person_id: str, at: datetime, role: str) -> Person:
        latest, person = self.person(person_id), self.as_of(person_id, at)
        if person is None:
            raise NotHeld(person_id, role, at.isoformat(), "the person was not on the list yet")
        if person.left_at is not None:
            raise NotHeld(
                person_id, role, at.isoformat(), f"the person left on {latest.left_at:%Y-%m-%d %H:%M:%S} UTC"
            )
        if not person.keys:
            raise NotHeld(person_id, role, at.isoformat(), "no key counted then")
        return person

    def as_of(self, person_id: str, at: datetime) -> Person | None:
        """The record in force at that time, its keys those that counted; None before the first one."""
        listed = self.listed(person_id, at)
        if listed is None:
            return None
        today = {key.public_key for key in self._records[person_id][-1][1].keys if key.valid(at)}
        return replace(listed, keys=tuple(key for key in listed.keys if key.public_key in today))

    def listed(self, person_id: str, at: datetime) -> Person | None:
        """The same, with the keys that counted in the list of that time, whatever was revoked since."""
        records = self._records.get(person_id, [])
        found = next((person for since, person in reversed(records) if since <= at), None)
        if found is None:
            return None
        return replace(found, keys=tuple(key for key in found.keys if key.valid(at)))

    @staticmethod
    def of(settings: "Settings") -> "Trust":
        """The trust file that these settings name, verified; Untrusted when a later one was seen here."""
        trust = Trust.load(settings.trust_file, settings.profile, settings.trust_root or None)
        seen = Heads(settings.heads).read(HEAD)
        if trust.number < seen.seq or (trust.number == seen.seq and trust.digest != seen.link):
            raise Untrusted(
                settings.trust_file,
                f"is version {trust.number} ({trust.digest[:8]}), "
                f"but version {seen.seq} ({seen.link[:8]}) was anchored",
            )
        return trust

    def anchor(self, heads: Heads) -> None:
        """Keep number and digest outside, so that an older list played back shows."""
        heads.write(HEAD, Head(self.number, self.digest))

    @staticmethod
    def load(path: Path, profile: Profile, root: str | None = None) -> "Trust":
        """Read and verify; Untrusted when missing, altered, unsigned or not of that root.

        DemoTrust for a demo list in profile bank.
        """
        versions = _read(path, profile)
        roll = Roll()
        for version in versions:
            try:
                roll.add(version)
            except RuleBroken as error:
                raise Untrusted(path, f"has a version {version.number} that {error.problem}") from error
        if root is not None and versions[0].digest != root:
            raise Untrusted(path, f"begins with {versions[0].digest}, not with the pinned root {root}")
        if profile == "bank" and versions[-1].demo:
            raise DemoTrust(path)
        return Trust(versions, profile)


def _read(path: Path, profile: Profile) -> tuple[Version, ...]:
    try:
        content = read_json(path)
        if not isinstance(content, dict) or content.keys() != {"versions"} or not content["versions"]:
            raise ValueError("it needs 'versions', one at least, and nothing else")
        if len(content["versions"]) > MOST_VERSIONS:
            raise ValueError(f"it has more than {MOST_VERSIONS} versions")
        return tuple(Version.from_json(entry) for entry in content["versions"])
    except FileNotFoundError:
        raise NoTrust(path, profile) from None
    except OSError as error:
        raise Untrusted(path, f"cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NotCanonical) as error:
        raise Untrusted(path, f"is not well formed ({str(error)[:200]!r})") from error


def read_json(path: Path) -> Any:
    """A JSON file of at most 16 MB in which no key comes twice; OSError, ValueError or RecursionError."""
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES} bytes")
    return json.loads(data, object_pairs_hook=_once, parse_constant=_no_constant)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} comes twice")
    return found


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def write_trust(path: Path, versions: Sequence[Version]) -> None:
    """Write the history in one step; `Trust.load` judges whether it counts."""
    drafts.replace(path, canonical({"versions": [version.as_json() for version in versions]}) + b"\n")
