"""Small trust files to be broken: two administrators, a validator, versions signed as a test says."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.governance import keys
from crm_rules.governance.chain import GENESIS
from crm_rules.governance.person import Key, Person, Role
from crm_rules.governance.roll import Signature, Version

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
Keys = Mapping[str, Ed25519PrivateKey]
SECRET: Keys = {
    name: Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    for number, name in enumerate(("ada", "amir", "victor", "nora", "eve", "ada2"), start=1)
}


def public(name: str) -> str:
    return keys.public(SECRET[name])


def person(name: str, *roles: Role, since: datetime = START) -> Person:
    return Person(name, name.capitalize(), roles, (Key(public(name), since),), False)


FIRST = (
    person("ada", Role.ADMINISTRATOR),
    person("amir", Role.ADMINISTRATOR),
    person("victor", Role.VALIDATOR),
)


def sign(version: Version, by: Sequence[tuple[str, str]]) -> Version:
    """The version signed by each (id, name of the key)."""
    made = tuple(Signature(who, keys.sign(SECRET[key], version.body)) for who, key in by)
    return replace(version, signatures=made)


BOTH = (("ada", "ada"), ("amir", "amir"))


def first(by: Sequence[tuple[str, str]] = BOTH, people: tuple[Person, ...] = FIRST) -> Version:
    return sign(Version(1, START, GENESIS, False, people), by)


def after(
    version: Version, *changes: Person, by: Sequence[tuple[str, str]] = BOTH, at: datetime | None = None
) -> Version:
    """The next version, a day later unless told."""
    following = Version(version.number + 1, at or version.at + DAY, version.digest, version.demo, changes)
    return sign(following, by)


def history(signing: Keys, people: tuple[Person, ...], at: datetime = START) -> list[Version]:
    """One version of these people, signed by Ada and Amir with the keys given."""
    version = Version(1, at, GENESIS, people[0].demo, people)
    made = tuple(Signature(by, keys.sign(signing[by], version.body)) for by in ("ada", "amir"))
    return [replace(version, signatures=made)]
