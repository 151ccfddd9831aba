"""A change of the trust file waits as a draft with one signature until a second administrator signs it.

It takes effect from the time it was proposed, and waits seven days at most.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.errors import DraftRefused, NotCanonical, RuleBroken
from crm_rules.governance import drafts, keys
from crm_rules.governance.chain import GENESIS, canonical
from crm_rules.governance.changes import Change, in_words, next_record
from crm_rules.governance.people import Profile, Trust, read_json, write_trust
from crm_rules.governance.person import Key, Person, Role, malformed
from crm_rules.governance.roll import Roll, Signature, Version
from crm_rules.governance.turns import alone

if TYPE_CHECKING:
    from feature_repo.settings import Settings

WAITS = timedelta(days=7)
AGAIN = "Withdraw it (`bank people withdraw`) and propose the change again."


@dataclass(frozen=True)
class Desk:
    """Where the trust file and its draft lie, and how the file is verified."""

    trust_file: Path
    draft: Path
    profile: Profile
    root: str | None = None

    @staticmethod
    def of(settings: "Settings") -> "Desk":
        """As these settings name them."""
        root = settings.trust_root or None
        return Desk(settings.trust_file, settings.trust_draft, settings.profile, root)

    def trust(self) -> Trust | None:
        """The verified list; None before there is one."""
        return Trust.load(self.trust_file, self.profile, self.root) if self.trust_file.exists() else None


def found(desk: Desk, founders: Mapping[str, str], by: str, key: Ed25519PrivateKey, at: datetime) -> Version:
    """Draft the first list: administrators by id with their public keys; `by` is one and signs first."""
    if desk.trust_file.exists():
        raise RuleBroken(f"founds a list, and {desk.trust_file} is one already")
    people = [
        Person(person, person, (Role.ADMINISTRATOR,), (Key(public, at),), False)
        for person, public in founders.items()
    ]
    for person in people:
        if problem := malformed(person):
            raise RuleBroken(f"{problem} ('{person.id}')")
    return _keep(desk, None, _signed(Version(1, at, GENESIS, False, tuple(people)), by, key))


def propose(desk: Desk, change: Change, by: str, key: Ed25519PrivateKey, at: datetime) -> Version:
    """Draft the next version with the first signature; RuleBroken or DraftRefused, and nothing is kept."""
    trust = desk.trust()
    if trust is None:
        raise RuleBroken("changes a list that is not there; found one first (`bank people found`)")
    _not_for_oneself(trust, record := next_record(change, trust, at), by)
    version = Version(trust.number + 1, at, trust.digest, trust.demo, (record,))
    return _keep(desk, trust, _signed(version, by, key))


def countersign(desk: Desk, version: Version, by: str, key: Ed25519PrivateKey, at: datetime) -> Trust:
    """Sign the draft that `waiting` showed, as the second administrator; the list as it is then.

    It is this draft that is signed and put in force, whatever lies in its place meanwhile.
    """
    if at < version.at or at - version.at > WAITS:
        problem = f"is of {version.at.isoformat()}, and now is {at.isoformat()}: not within 7 days after it"
        raise DraftRefused(desk.draft, problem, f"Check the clock. {AGAIN}")
    if by in (signed.by for signed in version.signatures):
        raise RuleBroken(f"has the signature of '{by}' already, and two different administrators are needed")
    with alone(desk.trust_file):
        trust, complete = desk.trust(), _signed(version, by, key)
        before = trust.versions if trust else ()
        for record in version.changes if trust else ():
            _not_for_oneself(trust, record, by)
        Roll.of(before).add(complete)
        write_trust(desk.trust_file, (*before, complete))
        desk.draft.unlink(missing_ok=True)
    return Trust((*before, complete), desk.profile)


def waiting(desk: Desk) -> Version:
    """The draft that waits, on the list as it is; DraftRefused when there is none or it is no good."""
    version = _draft(desk)
    try:
        Roll.of(_versions(desk)).add(version, needed=1)
    except RuleBroken as error:
        raise DraftRefused(desk.draft, error.problem, AGAIN) from error
    return version


def explain(desk: Desk, version: Version) -> list[str]:
    """What a draft changes, in sentences."""
    trust = desk.trust()
    known = {person.id: person for person in trust.people} if trust else {}
    return [words for after in version.changes for words in in_words(known.get(after.id), after)]


def withdraw(desk: Desk, by: str, key: Ed25519PrivateKey, at: datetime) -> None:
    """Take the draft away, whatever its state; an administrator in force may.

    The draft of a founding anybody may, since nobody is trusted yet.
    """
    if not desk.draft.exists():
        raise DraftRefused(desk.draft, "is not there", "There is nothing to withdraw.")
    trust = desk.trust()
    if trust is not None:
        person = trust.signer(by, Role.ADMINISTRATOR, at)
        if keys.public(key) not in person.public_keys(at):
            raise RuleBroken(f"is withdrawn with a key that is not one of '{by}'")
    desk.draft.unlink(missing_ok=True)


def _versions(desk: Desk) -> tuple[Version, ...]:
    trust = desk.trust()
    return trust.versions if trust else ()


def _signed(version: Version, by: str, key: Ed25519PrivateKey) -> Version:
    signature = Signature(by, keys.sign(key, version.body))
    return replace(version, signatures=(*version.signatures, signature))


def _keep(desk: Desk, trust: Trust | None, version: Version) -> Version:
    Roll.of(trust.versions if trust else ()).add(version, needed=1)
    if desk.draft.exists() and _is_over(desk, version.number):
        desk.draft.unlink(missing_ok=True)
    try:
        drafts.create(desk.draft, canonical(version.as_json()) + b"\n")
    except FileExistsError:
        way_out = "Sign it (`bank people sign`) or withdraw it (`bank people withdraw`) first."
        raise DraftRefused(desk.draft, "waits already, and one change waits at a time", way_out) from None
    return version


def _is_over(desk: Desk, number: int) -> bool:
    """Whether the draft is in force already: signed, and left behind when the machine stopped."""
    try:
        return _draft(desk).number < number
    except DraftRefused:
        return False


def _draft(desk: Desk) -> Version:
    try:
        return Version.from_json(read_json(desk.draft))
    except FileNotFoundError:
        raise DraftRefused(desk.draft, "is not there", "Propose a change first.") from None
    except OSError as error:
        raise DraftRefused(desk.draft, f"cannot be read ({error.strerror})", "Check its rights.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NotCanonical) as error:
        raise DraftRefused(desk.draft, f"is not well formed ({str(error)[:200]!r})", AGAIN) from error


def _not_for_oneself(trust: Trust | None, record: Person, by: str) -> None:
    if record.id != by or trust is None:
        return
    before = next((person for person in trust.people if person.id == by), None)
    if before is None or set(record.roles) - set(before.roles):
        raise RuleBroken(f"gives '{by}' a role, and nobody gives themself one")
