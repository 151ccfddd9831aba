"""Checking a release before anything in it is parsed: every byte, every signature, every approval.

Files are read once and checked in memory; what is parsed later is exactly what was checked, so
that swapping a file in between changes nothing.
"""

from dataclasses import dataclass
from pathlib import Path

from crm_rules.errors import NotApproved
from crm_rules.governance.approvals import verify_evidence
from crm_rules.governance.people import Trust
from training.release.assemble import derive
from training.release.errors import AlteredRelease
from training.release.manifest import FILE, evidence_name
from training.release.models import Models
from training.release.reading import ReleaseFiles, read_record, read_release


@dataclass(frozen=True)
class VerifiedRelease(ReleaseFiles):
    """A release whose bytes and derived files were checked; `verify` looked at the approvals as well.

    `models` are its descriptions, parsed from the bytes that were checked.
    """

    models: Models


def verify(releases: Path, release: str, trust: Trust) -> VerifiedRelease:
    """The release in memory, or the reason it must not be served.

    AlteredRelease when a byte differs, a file is missing or one too many; NotApproved when a part
    lacks its signatures, or none was approved for the release's origin; AlteredRelease too when a
    derived file is not what the approved parts make. Models are parsed after all of that, never before.
    """
    found = read_release(releases, release)
    origins = []
    for name, part in found.manifest.parts.items():
        path = evidence_name(name, part.digest)
        if path not in found.evidence:
            raise NotApproved(f"Part '{name}' {part.digest[:16]}", f"the release has no {path}")
        evidence = read_record(path, found.evidence[path])
        verify_evidence(evidence, name, part.digest, trust)
        origins.append(evidence["origin"])
    if found.manifest.origin.as_json() not in origins:
        raise NotApproved(
            f"Release {release[:16]}", "no part of it was approved for its feature views and data"
        )
    return _derived(found)


def rehearse(releases: Path, release: str) -> VerifiedRelease:
    """The release as `verify` would give it once people have signed: to be tried before they are asked.

    Never serve it: no approval was looked at.
    """
    return _derived(read_release(releases, release))


def _derived(found: ReleaseFiles) -> VerifiedRelease:
    """Whether the derived files are what the parts make; AlteredRelease otherwise."""
    release = found.digest
    derived = derive({name: found.part(name) for name in found.manifest.parts})
    for path in sorted({*derived.files, *found.manifest.derived}):
        if found.files.get(path) != derived.files.get(path):
            raise AlteredRelease(release, path, "is not what the approved parts make")
    if (derived.columns, derived.outputs) != (found.manifest.columns, found.manifest.outputs):
        raise AlteredRelease(release, FILE, "names other columns than the approved parts use")
    return VerifiedRelease(found.digest, found.manifest, found.files, found.evidence, derived.models)
