"""Logging in with a password, and setting one; the same password locks the person's key on this machine."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.errors import InvalidKey, NotHeld, PasswordRefused, UnknownPerson
from crm_rules.governance import demo, keys
from crm_rules.governance.passwords import WRONG, Passwords, fit
from crm_rules.governance.people import Trust
from crm_rules.governance.session import Ask, Signer, unlocked

if TYPE_CHECKING:
    from pathlib import Path

    from feature_repo.settings import Settings


def by_password(
    settings: "Settings", trust: Trust, passwords: Passwords, person_id: str, ask: Ask, now: datetime
) -> Signer:
    """The person with their key, unlocked; a demo person is asked for nothing.

    PasswordRefused, in one sentence for a wrong person and a wrong password. Who may not act any more
    is told so (NotHeld) after the right password only.
    """
    try:
        person, reason = trust.member(person_id, now), None
    except (UnknownPerson, NotHeld) as error:
        person, reason = None, error
    if person is not None and person.demo:
        return unlocked(settings.keys, person, now, ask)
    password = ask(person_id)
    passwords.check(person_id, password, now)
    if person is None:
        raise reason or PasswordRefused(WRONG)
    return unlocked(settings.keys, person, now, lambda _: password)


def set_password(
    settings: "Settings",
    trust: Trust,
    passwords: Passwords,
    person_id: str,
    ask: Ask,
    ask_new: Callable[[], str],
    now: datetime,
) -> None:
    """Set the password and lock the key with it.

    The first time the key on this machine is the proof, later the old password. The key is written
    before the hash: stopped between the two, the same call with the same passwords ends the work.
    """
    person = trust.member(person_id, now)
    if person.demo:
        raise PasswordRefused(
            f"'{person_id}' is a demo person, whose key needs no password. Use it as it is."
        )
    path = demo.key_path(settings.keys, person_id)
    if not passwords.has(person_id):
        key, new = unlocked(settings.keys, person, now, ask).key, ask_new()
        fit(new)
    else:
        old = ask(person_id)
        passwords.check(person_id, old, now)
        new = ask_new()
        fit(new)
        key = _with_either(path, old, new)
    keys.keep(path, key, new)
    passwords.put(person_id, new)


def _with_either(path: "Path", old: str, new: str) -> Ed25519PrivateKey:
    try:
        return keys.load(path, old)
    except InvalidKey:
        return keys.load(path, new)
