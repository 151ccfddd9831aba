"""The signed record that names the release to serve, and the switch from one to the next."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from crm_rules.errors import NotApproved
from crm_rules.governance.approvals import sign_record, verify_record
from crm_rules.governance.chain import canonical
from crm_rules.governance.heads import Head, Heads
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Role
from crm_rules.governance.promotions import SWITCHERS
from crm_rules.governance.session import Signer
from training.release.errors import BrokenRelease, ForgedRecord, NoRelease, StaleNumber, UnknownRelease
from training.release.files import read_bytes, replace_file
from training.release.manifest import FILE as MANIFEST
from training.release.reading import read_record

FILE = "current.json"
FIELDS = {"release", "number", "by", "role", "at", "trust"}
HEAD = "current"  # the number of the last switch, kept with the heads of the chains


@dataclass(frozen=True)
class Current:
    """The signed record that names the release to serve. `number` rises with every switch."""

    release: str
    number: int
    by: str
    at: str
    trust: int


def current(releases: Path, trust: Trust, least: int = 0) -> Current:
    """The record that names the release to serve; ForgedRecord unless somebody who may switch signed it.

    `least` is the number last seen: a record below it is an old one played back. So is a trust file older
    than the one the record was signed under.
    """
    path = releases / FILE
    if not path.exists():
        raise NoRelease(releases)
    body = signed_body(path, trust, FIELDS, least)
    try:
        return Current(
            str(body["release"]), int(body["number"]), str(body["by"]), str(body["at"]), int(body["trust"])
        )
    except (ValueError, TypeError) as error:
        raise ForgedRecord(path, f"it is not well formed ({error!r})") from error


def signed_body(path: Path, trust: Trust, fields: Collection[str], least: int) -> Mapping[str, Any]:
    """What the signed record at `path` says, which has exactly these fields: no other record passes for it.

    ForgedRecord unless somebody who may switch signed it, under a trust file that is not newer than this.
    """
    try:
        body = verify_record(read_record(str(path), read_bytes(path)), trust, SWITCHERS, least)
    except NotApproved as error:
        raise ForgedRecord(path, error.reason) from error
    except BrokenRelease as error:
        raise ForgedRecord(path, error.found) from error
    except (KeyError, ValueError, TypeError) as error:
        raise ForgedRecord(path, f"it is not well formed ({error!r})") from error
    if set(body) != set(fields):
        raise ForgedRecord(path, f"it is another record: it tells of {', '.join(sorted(body))}")
    signed_under = body["trust"]
    if type(signed_under) is not int:
        raise ForgedRecord(path, "it is not well formed (it names no trust file)")
    if trust.number < signed_under:
        raise ForgedRecord(
            path, f"the trust file is version {trust.number}, it was signed under {signed_under}"
        )
    return body


def last_seen(heads: Heads) -> int:
    """The number of the last switch that was anchored: an older record is refused."""
    return heads.read(HEAD).seq


def record_of(
    release: str, number: int, signer: Signer, role: Role, at: datetime, trust: Trust
) -> dict[str, object]:
    """The signed record of a switch; `at` carries its offset."""
    body = {
        "release": release, "number": number, "by": signer.person.id, "role": str(role), "at": at.isoformat(),
        "trust": trust.number,
    }  # fmt: skip
    return sign_record(body, signer.key)


def set_current(releases: Path, record: Mapping[str, object], heads: Heads) -> None:
    """Switch, in one step for every reader, and anchor the number. The number must rise."""
    body = record["body"]
    assert isinstance(body, dict)
    release, number = str(body["release"]), int(body["number"])
    if not (releases / release / MANIFEST).exists():
        raise UnknownRelease(release, releases)
    last = last_number(releases)
    if number <= last:
        raise StaleNumber(number, last)
    replace_file(releases / FILE, canonical(dict(record)))
    heads.write(HEAD, Head(number, release))


def last_number(releases: Path) -> int:
    """The number of the record that is there, signed by whomever; 0 when there is none."""
    return number_in(releases / FILE)


def number_in(path: Path) -> int:
    """The number of a record, signed by whomever; 0 when there is none."""
    if not path.exists():
        return 0
    body = read_record(str(path), read_bytes(path)).get("body")
    number = body.get("number") if isinstance(body, dict) else None
    return number if isinstance(number, int) else 0
