"""Who is logged in on this machine, and with which key somebody acts.

A session is a file of mode 0600, signed with the person's own key and checked against the trust file
each time it is used: nobody forges one without the key, and who left is logged out by leaving.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.errors import KeyRefused, NotCanonical, NotHeld, SessionRefused, UnknownPerson
from crm_rules.governance import demo, drafts, keys
from crm_rules.governance.chain import canonical
from crm_rules.governance.people import Trust, read_json
from crm_rules.governance.person import Person, Role, moment

if TYPE_CHECKING:
    from feature_repo.settings import Settings

LASTS = timedelta(hours=8)
Ask = Callable[[str], str]


@dataclass(frozen=True)
class Signer:
    """A person in force, and one of the private keys that count for them."""

    person: Person
    key: Ed25519PrivateKey


def open_session(path: Path, signer: Signer, now: datetime) -> datetime:
    """Log the signer in for 8 hours; when it ends."""
    expires = now + LASTS
    body = {
        "kind": "session",
        "person": signer.person.id,
        "at": now.isoformat(),
        "expires": expires.isoformat(),
    }
    signed = {"body": body, "signature": keys.sign(signer.key, canonical(body))}
    drafts.replace(path, canonical(signed) + b"\n", mode=0o600)
    return expires


def close_session(path: Path) -> bool:
    """Log out; whether somebody was logged in."""
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


def logged_in(settings: "Settings", trust: Trust, now: datetime) -> Person | None:
    """Who is logged in, as the trust file lists them now; None for nobody.

    SessionRefused when the session is expired, forged, or of somebody who does not count any more.
    """
    path = settings.session
    try:
        session = read_json(path)
        body, signature = session["body"], str(session["signature"])
        begun, expires, person_id = moment(body["at"]), moment(body["expires"]), str(body["person"])
        data = canonical(body)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SessionRefused(f"The session {path} cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NotCanonical) as error:
        raise SessionRefused(f"The session {path} is not well formed") from error
    try:
        person = trust.member(person_id, now)
    except (UnknownPerson, NotHeld) as error:
        raise SessionRefused(f"The session is of somebody who may not act now. {error}") from error
    if body.get("kind") != "session" or not keys.verify_any(person.public_keys(now), signature, data):
        raise SessionRefused(f"The session {path} is not signed with a key of '{person_id}'")
    _in_time(person_id, begun, expires, now)
    return person


def _in_time(person_id: str, begun: datetime, expires: datetime, now: datetime) -> None:
    if not begun <= now or expires - begun > LASTS:
        raise SessionRefused(
            f"The session of '{person_id}' began at {begun.isoformat()}, after now or too long ago"
        )
    if now >= expires:
        raise SessionRefused(f"The session of '{person_id}' expired at {expires.isoformat()}")


def acting(settings: "Settings", trust: Trust, by: str | None, now: datetime, passphrase: Ask) -> Signer:
    """Who acts: `by`, or else who is logged in, with their key on this machine.

    `passphrase` is asked (with the person's id) only when the key is encrypted. Errors: UnknownPerson,
    NotHeld (left, or no key in force), SessionRefused, InvalidKey (lost, locked), KeyRefused (another's).
    """
    person = trust.member(by, now) if by is not None else logged_in(settings, trust, now)
    if person is None:
        raise SessionRefused("Nobody is logged in on this machine, and no `--by ID` says who acts")
    return unlocked(settings.keys, person, now, passphrase)


def unlocked(folder: Path, person: Person, now: datetime, passphrase: Ask) -> Signer:
    """The person with their key of that folder; KeyRefused when it is none of those that count now."""
    path = demo.key_path(folder, person.id)
    key = keys.load(path, passphrase(person.id) if keys.encrypted(path) else None)
    if keys.public(key) not in person.public_keys(now):
        raise KeyRefused(path, person.id)
    return Signer(person, key)


def author(settings: "Settings", trust: Trust | None, now: datetime) -> str:
    """The id of whom a training run is by: who is logged in, or in the demo its scientist."""
    person = None if trust is None else logged_in(settings, trust, now)
    if person is not None:
        return person.id
    if settings.profile != "demo":
        raise SessionRefused("A model needs an author, and nobody is logged in on this machine")
    return next(person_id for person_id, _, role in demo.CAST if role is Role.SCIENTIST)
