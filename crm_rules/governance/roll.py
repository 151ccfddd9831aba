"""The list of people as it grows, version by version, and the rules each new version has to keep.

Version 1 counts when two different administrators of that very list signed it; every later one when
two different administrators in force of the version before signed it. So a list is changed only by
those it trusted already, and a replaced list shows by its first version (`Trust.root`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from crm_rules.errors import RuleBroken
from crm_rules.governance import keys
from crm_rules.governance.chain import GENESIS, canonical, digest
from crm_rules.governance.person import Key, Person, Role, moment

NEEDED = 2
MOST_SIGNATURES = 16


@dataclass(frozen=True)
class Signature:
    """An administrator's signature under the canonical body of a version."""

    by: str
    signature: str


@dataclass(frozen=True)
class Version:
    """One version of the list: what changed against the version before, and who signed that."""

    number: int
    at: datetime
    previous: str
    demo: bool
    changes: tuple[Person, ...]
    signatures: tuple[Signature, ...] = ()

    @cached_property
    def body(self) -> bytes:
        """What is signed, as canonical JSON."""
        return canonical(self._body())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the body, in hexadecimal."""
        return digest(self.body)

    def _body(self) -> dict[str, object]:
        return {
            "number": self.number,
            "at": self.at.isoformat(),
            "previous": self.previous,
            "demo": self.demo,
            "changes": [person.as_json() for person in self.changes],
        }

    def as_json(self) -> dict[str, object]:
        """The version as the trust file holds it."""
        signed = [{"by": each.by, "signature": each.signature} for each in self.signatures]
        return {"body": self._body(), "signatures": signed}

    @staticmethod
    def from_json(entry: Mapping[str, Any]) -> "Version":
        """Read one version; KeyError, TypeError or ValueError when it is not well formed."""
        body = entry["body"]
        version = Version(
            number=body["number"],
            at=moment(body["at"]),
            previous=body["previous"],
            demo=body["demo"],
            changes=tuple(Person.from_json(person) for person in body["changes"]),
            signatures=tuple(Signature(each["by"], each["signature"]) for each in entry["signatures"]),
        )
        if len(version.signatures) > MOST_SIGNATURES:
            raise ValueError(f"version {body['number']!r} has more than {MOST_SIGNATURES} signatures")
        if canonical(version.as_json()) != canonical(entry) or not isinstance(version.demo, bool):
            raise ValueError(f"version {body['number']!r} has other fields or another spelling than it may")
        return version


class Roll:
    """The people after some versions. `add` takes the next one, or refuses and stays as it was."""

    def __init__(self) -> None:
        self._last: Version | None = None
        self._people: dict[str, Person] = {}
        self._administrators: dict[str, Person] = {}
        self._owner: dict[str, str] = {}  # of each key and each subject there ever was

    @staticmethod
    def of(versions: Iterable[Version]) -> "Roll":
        """The people after versions that were verified before: their signatures are not looked at again."""
        roll = Roll()
        for version in versions:
            roll._take(version)
        return roll

    def add(self, version: Version, needed: int = NEEDED) -> None:
        """Take the next version; RuleBroken when it does not follow, or fewer than `needed` signed it."""
        self._follows(version)
        self._owners_stay(version)
        for person in version.changes:
            _record_follows(self._people.get(person.id), person, version)
        signed = len(self.signed(version))
        if signed < needed:
            whose = "of the version before" if self._last else "of that very list"
            raise RuleBroken(
                f"carries {signed} valid signature(s) of administrators {whose}, two different are needed"
            )
        if len(_in_force(self._administrators_after(version), version.at)) < NEEDED:
            raise RuleBroken("leaves fewer than two administrators, and nothing could be changed again")
        self._take(version)

    def signed(self, version: Version) -> frozenset[str]:
        """Which administrators validly signed the next version; nobody whom it gives a role counts."""
        listed = self._administrators if self._last else self._administrators_after(version)
        may = _in_force(listed, version.at)
        gaining = {
            after.id
            for after in version.changes
            if (before := self._people.get(after.id)) and set(after.roles) - set(before.roles)
        }
        return frozenset(
            each.by
            for each in version.signatures
            if each.by in may
            and each.by not in gaining
            and keys.verify_any(may[each.by].public_keys(version.at), each.signature, version.body)
        )

    def _follows(self, version: Version) -> None:
        last = self._last
        if type(version.number) is not int or version.number != (last.number + 1 if last else 1):
            raise RuleBroken("does not follow the version before by one")
        if version.previous != (last.digest if last else GENESIS):
            raise RuleBroken("was not made on the version before it")
        if last and version.at < last.at:
            raise RuleBroken(f"is dated before the version before it, which is of {last.at.isoformat()}")
        if last and version.demo != last.demo:
            raise RuleBroken("turns a demo list into a bank's, or a bank's into a demo")

    def _owners_stay(self, version: Version) -> None:
        ids = [person.id for person in version.changes]
        if not ids or len(set(ids)) != len(ids):
            raise RuleBroken("changes nobody, or lists one id twice")
        taken: dict[str, str] = {}
        for person in version.changes:
            for mark in _marks(person):
                owner = self._owner.get(mark, taken.get(mark, person.id))
                if owner != person.id:
                    raise RuleBroken(f"gives '{person.id}' a key or subject of '{owner}': one person as two")
                taken[mark] = person.id

    def _administrators_after(self, version: Version) -> dict[str, Person]:
        after = dict(self._administrators)
        for person in version.changes:
            after.pop(person.id, None)
            if Role.ADMINISTRATOR in person.roles:
                after[person.id] = person
        return after

    def _take(self, version: Version) -> None:
        self._administrators = self._administrators_after(version)
        self._last = version
        for person in version.changes:
            self._people[person.id] = person
            self._owner.update(dict.fromkeys(_marks(person), person.id))


def _marks(person: Person) -> list[str]:
    subject = [] if person.oidc_subject is None else [f"subject {person.oidc_subject}"]
    return [key.public_key for key in person.keys] + subject


def _in_force(administrators: Mapping[str, Person], at: datetime) -> dict[str, Person]:
    return {id_: person for id_, person in administrators.items() if person.may(Role.ADMINISTRATOR, at)}


def _record_follows(before: Person | None, after: Person, version: Version) -> None:
    """RuleBroken when a record makes unsaid what the one before it said."""
    if after.demo != version.demo:
        raise RuleBroken(f"lists '{after.id}' as demo in a bank's list, or the other way round")
    if len({key.public_key for key in after.keys}) != len(after.keys):
        raise RuleBroken(f"lists one key of '{after.id}' twice")
    if before is None:
        if after.left_at is not None:
            raise RuleBroken(f"lists '{after.id}', who left before joining")
        return
    if before.left_at is not None:
        raise RuleBroken(f"changes '{after.id}', who left for good")
    if after.left_at not in (None, version.at):
        raise RuleBroken(f"lets '{after.id}' leave at another time than its own")
    if not _keys_follow(before.keys, after.keys, version.at):
        raise RuleBroken(f"drops or renews a key of '{after.id}', or ends one in the future")


def _keys_follow(before: tuple[Key, ...], after: tuple[Key, ...], at: datetime) -> bool:
    """Whether old keys stay as they were, but for an end that is not in the future."""
    if len(after) < len(before):
        return False
    kept = all(
        (old.public_key, old.since) == (new.public_key, new.since)
        and (old.until == new.until or (old.until is None and new.until is not None and new.until <= at))
        for old, new in zip(before, after, strict=False)
    )
    return kept and all(key.until is None for key in after[len(before) :])
