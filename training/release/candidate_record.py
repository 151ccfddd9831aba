"""The signed record that names the release tried beside the current one, or says that none is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from crm_rules.governance.approvals import sign_record
from crm_rules.governance.candidates import Tryout
from crm_rules.governance.chain import canonical
from crm_rules.governance.heads import Head, Heads
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Role
from crm_rules.governance.session import Signer
from training.release.current import number_in, signed_body
from training.release.errors import ForgedRecord, StaleNumber, UnknownRelease
from training.release.files import replace_file
from training.release.manifest import FILE as MANIFEST

FILE = "candidate.json"
HEAD = "candidate"  # the number of the last record, kept with the heads of the chains
FIELDS = {"release", "mode", "percent", "number", "by", "role", "at", "trust"}


@dataclass(frozen=True)
class CandidateRecord:
    """The signed record of a candidate; `release` is empty where one has ended. `number` rises."""

    release: str
    tryout: Tryout
    number: int
    by: str
    at: str
    trust: int


def candidate_record(releases: Path, trust: Trust, least: int = 0) -> CandidateRecord | None:
    """The record of the candidate; None where there never was one.

    ForgedRecord unless somebody who may switch signed it, when it is older than number `least`, and when it
    is gone although one was seen.
    """
    path = releases / FILE
    if not path.exists():
        if least:
            raise ForgedRecord(path, f"it is gone, but number {least} was seen")
        return None
    body = signed_body(path, trust, FIELDS, least)
    try:
        return CandidateRecord(
            str(body["release"]), Tryout.of(body), int(body["number"]), str(body["by"]), str(body["at"]),
            int(body["trust"]),
        )  # fmt: skip
    except (ValueError, TypeError) as error:
        raise ForgedRecord(path, f"it is not well formed ({error!r})") from error


def last_candidate_seen(heads: Heads) -> int:
    """The number of the last record that was anchored: an older one is refused."""
    return heads.read(HEAD).seq


def candidate_record_of(
    release: str, tryout: Tryout, number: int, signer: Signer, role: Role, at: datetime, trust: Trust
) -> dict[str, object]:
    """The signed record of a candidate, or without a release of its end; `at` carries its offset."""
    body = {
        "release": release, **tryout.as_json(), "number": number, "by": signer.person.id, "role": str(role),
        "at": at.isoformat(), "trust": trust.number,
    }  # fmt: skip
    return sign_record(body, signer.key)


def set_candidate(releases: Path, record: Mapping[str, object], heads: Heads) -> None:
    """Put the record in its place, in one step for every reader, and anchor its number, which must rise."""
    body = record["body"]
    assert isinstance(body, dict)
    release, number = str(body["release"]), int(body["number"])
    if release and not (releases / release / MANIFEST).exists():
        raise UnknownRelease(release, releases)
    last = last_candidate_number(releases)
    if number <= last:
        raise StaleNumber(number, last)
    replace_file(releases / FILE, canonical(dict(record)))
    anchor_candidate(heads, number, release)


def anchor_candidate(heads: Heads, number: int, release: str) -> None:
    """Keep the number of the last record outside of it."""
    heads.write(HEAD, Head(number, release) if release else Head(number))


def last_candidate_number(releases: Path) -> int:
    """The number of the record that is there, signed by whomever; 0 when there is none."""
    return number_in(releases / FILE)
