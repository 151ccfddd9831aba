"""A release's files in memory, each checked against the digest the release is named by."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crm_rules.governance.chain import digest
from training.release.errors import AlteredRelease, AmbiguousRelease, UnknownRelease
from training.release.files import list_files, read_all, read_bytes
from training.release.manifest import FILE, MOST_BYTES, Manifest, read_manifest
from training.release.strict_json import parse_object

_DIGEST = re.compile(r"[0-9a-f]{64}")
_PREFIX = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True)
class ReleaseFiles:
    """A release in memory. Every file fits the manifest; `evidence` is not covered by the digest."""

    digest: str
    manifest: Manifest
    files: Mapping[str, bytes]
    evidence: Mapping[str, bytes]

    def part(self, name: str) -> dict[str, bytes]:
        """The files of one part, by file name."""
        names = self.manifest.parts[name].files
        return {file: self.files[f"parts/{name}/{file}"] for file in names}


def read_release(releases: Path, release: str) -> ReleaseFiles:
    """The release's bytes, checked against its digest; approvals are not looked at here."""
    folder = releases / release
    if not _DIGEST.fullmatch(release) or folder.is_symlink() or not folder.is_dir():
        raise UnknownRelease(release, releases)
    content = read_bytes(folder / FILE, MOST_BYTES) if (folder / FILE).exists() else b""
    if digest(content) != release:
        raise AlteredRelease(release, FILE, "does not have the digest the release is named by")
    manifest = read_manifest(content)
    wanted, evidence = manifest.files(), manifest.evidence()
    found = set(list_files(folder)) - {FILE}
    if extra := sorted(each for each in found - set(evidence) if each.startswith("evidence/")):
        raise AlteredRelease(release, extra[0], "belongs to no part of it")
    signed = {path: most for path, most in evidence.items() if path in found}
    for path in sorted((found - set(signed)) ^ set(wanted)):
        raise AlteredRelease(release, path, "is missing" if path in wanted else "is not in its manifest")
    files = read_all(folder, {path: manifest.most_bytes(path) for path in wanted} | signed)
    for path, sha in wanted.items():
        if digest(files[path]) != sha:
            raise AlteredRelease(release, path, "has other content than its manifest says")
    return ReleaseFiles(
        release, manifest, {path: files[path] for path in wanted}, {path: files[path] for path in signed}
    )


def named(releases: Path, prefix: str) -> str:
    """The digest of the one release whose digest starts so; at least 8 hexadecimal digits.

    UnknownRelease when there is none, AmbiguousRelease when there are several.
    """
    if not _PREFIX.fullmatch(prefix) or not releases.is_dir():
        raise UnknownRelease(prefix, releases)
    found = sorted(
        path.name
        for path in releases.iterdir()
        if path.name.startswith(prefix) and _DIGEST.fullmatch(path.name)
    )
    if len(found) > 1:
        raise AmbiguousRelease(prefix, found)
    if not found:
        raise UnknownRelease(prefix, releases)
    return found[0]


def read_record(path: str, content: bytes) -> dict[str, object]:
    """The JSON object of an evidence file or a signed record; BrokenRelease for anything else."""
    return parse_object(path, content)
