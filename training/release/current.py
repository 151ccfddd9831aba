"""The signed record that names the release to serve, and the switch from one to the next."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.errors import NotApproved
from crm_rules.governance.approvals import sign_record, verify_record
from crm_rules.governance.chain import canonical
from crm_rules.governance.people import Role, Trust
from training.release.errors import BrokenRelease, ForgedRecord, NoRelease, StaleNumber, UnknownRelease
from training.release.files import read_bytes, replace_file
from training.release.manifest import FILE as MANIFEST
from training.release.reading import read_record

FILE = "current.json"


@dataclass(frozen=True)
class Current:
    """The signed record that names the release to serve. `number` rises with every switch."""

    release: str
    number: int
    by: str
    at: str


def current(releases: Path, trust: Trust, least: int = 0) -> Current:
    """The record that names the release to serve; ForgedRecord unless an operator signed it.

    `least` is the number last seen: a record below it is an old one played back.
    """
    path = releases / FILE
    if not path.exists():
        raise NoRelease(releases)
    try:
        body = verify_record(read_record(str(path), read_bytes(path)), trust, Role.OPERATOR, least)
        return Current(str(body["release"]), int(body["number"]), str(body["by"]), str(body["at"]))
    except NotApproved as error:
        raise ForgedRecord(path, error.reason) from error
    except BrokenRelease as error:
        raise ForgedRecord(path, error.found) from error
    except (KeyError, ValueError) as error:
        raise ForgedRecord(path, f"it is not well formed ({error!r})") from error


def set_current(
    releases: Path, release: str, number: int, by: str, at: datetime, key: Ed25519PrivateKey
) -> Current:
    """Sign and switch, in one step for every reader. `number` must rise; `at` carries its offset."""
    if not (releases / release / MANIFEST).exists():
        raise UnknownRelease(release, releases)
    last = last_number(releases)
    if number <= last:
        raise StaleNumber(number, last)
    body = {"release": release, "number": number, "by": by, "at": at.isoformat()}
    replace_file(releases / FILE, canonical(sign_record(body, key)))
    return Current(release, number, by, at.isoformat())


def last_number(releases: Path) -> int:
    """The number of the record that is there, signed by whomever; 0 when there is none."""
    path = releases / FILE
    if not path.exists():
        return 0
    body = read_record(str(path), read_bytes(path)).get("body")
    number = body.get("number") if isinstance(body, dict) else None
    return number if isinstance(number, int) else 0
