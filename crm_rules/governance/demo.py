"""Eleven demo people in ten roles with keys on this machine, for a first run; they count in the demo only."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.errors import Untrusted
from crm_rules.governance import keys
from crm_rules.governance.chain import GENESIS
from crm_rules.governance.people import Trust, write_trust
from crm_rules.governance.person import Key, Person, Role
from crm_rules.governance.roll import Signature, Version

CAST: tuple[tuple[str, str, Role], ...] = (
    ("dana", "Dana", Role.SCIENTIST),
    ("victor", "Victor", Role.VALIDATOR),
    ("rita", "Rita", Role.RISK_APPROVER),
    ("otto", "Otto", Role.OPERATOR),
    ("ada", "Ada", Role.ADMINISTRATOR),
    ("amir", "Amir", Role.ADMINISTRATOR),
    ("aude", "Aude", Role.AUDITOR),
    ("una", "Una", Role.UNDERWRITER),
    ("rolf", "Rolf", Role.RELATIONSHIP_MANAGER),
    ("mia", "Mia", Role.MARKETING),
    ("carla", "Carla", Role.COMPLIANCE),
)


def key_path(keys_folder: Path, person_id: str) -> Path:
    """Where a person's private key lies on this machine."""
    return keys_folder / f"{person_id}.pem"


def make_demo(trust_path: Path, keys_folder: Path, at: datetime) -> Trust:
    """Create the demo people, their keys and their trust file; done again, it keeps what is there.

    A bank's own trust file is never replaced: Untrusted. Keys lost since also raise Untrusted.
    """
    if trust_path.exists():
        return _existing(trust_path, keys_folder)
    made = {person_id: _key(key_path(keys_folder, person_id)) for person_id, _, _ in CAST}
    people = tuple(
        Person(person_id, f"{name} (demo)", (role,), (Key(keys.public(made[person_id]), at),), True)
        for person_id, name, role in CAST
    )
    first = Version(1, at, GENESIS, True, people)
    signatures = tuple(Signature(by, keys.sign(made[by], first.body)) for by in ("ada", "amir"))
    write_trust(trust_path, [replace(first, signatures=signatures)])
    return Trust.load(trust_path, "demo")


def _existing(trust_path: Path, keys_folder: Path) -> Trust:
    trust = Trust.load(trust_path, "demo")
    if not trust.demo:
        raise Untrusted(trust_path, "is a bank's own and is not replaced by demo people")
    for person_id, _, _ in CAST:
        listed = {key.public_key for key in trust.person(person_id).keys}
        if keys.public(keys.load(key_path(keys_folder, person_id))) not in listed:
            raise Untrusted(
                trust_path, f"lists another key than the demo key of '{person_id}' on this machine"
            )
    return trust


def _key(path: Path) -> Ed25519PrivateKey:
    return keys.load(path) if path.exists() else keys.generate(path)
