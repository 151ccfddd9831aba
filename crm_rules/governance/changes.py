"""What two administrators may change about the people: a change makes the next record of one person."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from crm_rules.errors import RuleBroken
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Key, Person, Role, malformed


@dataclass(frozen=True)
class Join:
    """Somebody new, with roles and a public key made on their own machine."""

    person: str
    name: str
    roles: tuple[Role, ...]
    public_key: str
    oidc_subject: str | None = None

    def record(self, trust: Trust, at: datetime) -> Person:
        """The first record; RuleBroken when the id was used before."""
        if any(person.id == self.person for person in trust.people):
            raise RuleBroken(f"lists '{self.person}' a second time, and ids are never used again")
        key = Key(self.public_key, at)
        return Person(self.person, self.name, self.roles, (key,), trust.demo, self.oidc_subject)


@dataclass(frozen=True)
class ChangeRoles:
    """All roles of a person from now on."""

    person: str
    roles: tuple[Role, ...]

    def record(self, trust: Trust, at: datetime) -> Person:
        """The next record."""
        return replace(trust.person(self.person), roles=self.roles)


@dataclass(frozen=True)
class Leave:
    """A person leaves for good; what they signed before stays true."""

    person: str

    def record(self, trust: Trust, at: datetime) -> Person:
        """The last record."""
        return replace(trust.person(self.person), left_at=at)


@dataclass(frozen=True)
class NewKey:
    """Another key; those before it end now."""

    person: str
    public_key: str

    def record(self, trust: Trust, at: datetime) -> Person:
        """The next record."""
        before = trust.person(self.person)
        ended = tuple(replace(key, until=at) if key.until is None else key for key in before.keys)
        return replace(before, keys=(*ended, Key(self.public_key, at)))


@dataclass(frozen=True)
class RevokeKey:
    """A key ends at `since`, now or earlier: what it signed from then on counts for nothing."""

    person: str
    public_key: str
    since: datetime | None = None

    def record(self, trust: Trust, at: datetime) -> Person:
        """The next record; RuleBroken when the person has no such key in force."""
        before = trust.person(self.person)
        if not any(key.public_key == self.public_key and key.until is None for key in before.keys):
            raise RuleBroken(f"revokes a key that '{self.person}' does not have, or that ended before")
        ended = tuple(
            replace(key, until=max(key.since, self.since or at)) if key.public_key == self.public_key else key
            for key in before.keys
        )
        return replace(before, keys=ended)


@dataclass(frozen=True)
class ChangeSubject:
    """Who the person is at the identity provider; None for nobody."""

    person: str
    oidc_subject: str | None

    def record(self, trust: Trust, at: datetime) -> Person:
        """The next record."""
        return replace(trust.person(self.person), oidc_subject=self.oidc_subject)


Change = Join | ChangeRoles | Leave | NewKey | RevokeKey | ChangeSubject


def next_record(change: Change, trust: Trust, at: datetime) -> Person:
    """What the change makes of its person; RuleBroken when it is malformed or changes nothing."""
    record = change.record(trust, at)
    if problem := malformed(record):
        raise RuleBroken(f"{problem} ('{record.id}')")
    if record in trust.people:
        raise RuleBroken(f"changes nothing about '{record.id}'")
    return record


def in_words(before: Person | None, after: Person) -> Iterator[str]:
    """What a record changes, a sentence for each thing, for whoever has to sign it."""
    who = f"{after.id} ({after.name})"
    if before is None:
        subject = f", '{after.oidc_subject}' at the identity provider" if after.oidc_subject else ""
        yield f"{who} joins as {_roles(after)} with key {after.keys[0].public_key}{subject}."
        return
    if after.left_at != before.left_at:
        yield f"{who} leaves for good."
    if after.roles != before.roles:
        yield f"{who} is {_roles(after)} from now on; it was {_roles(before)}."
    for key in after.keys:
        known = next((old for old in before.keys if old.public_key == key.public_key), None)
        if known is None:
            yield f"{who} signs with the new key {key.public_key}."
        elif key.until != known.until:
            yield f"{who}: key {key.public_key} counts for nothing from {key.until:%Y-%m-%d %H:%M:%S} UTC on."
    if after.oidc_subject != before.oidc_subject:
        yield f"{who} is '{after.oidc_subject or 'nobody'}' at the identity provider."
    if after.name != before.name:
        yield f"{before.id} ({before.name}) is named {after.name}."


def _roles(person: Person) -> str:
    return ", ".join(person.roles) or "nothing"
