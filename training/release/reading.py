"""A release's files in memory, each checked against the digest the release is named by."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crm_rules.governance.chain import digest
from training.release.errors import AlteredRelease, BrokenRelease, UnknownRelease
from training.release.files import list_files, read_bytes
from training.release.manifest import FILE, Manifest, read_manifest


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
    if len(release) != 64 or not release.isalnum() or folder.is_symlink() or not folder.is_dir():
        raise UnknownRelease(release, releases)
    content = read_bytes(folder / FILE) if (folder / FILE).exists() else b""
    if digest(content) != release:
        raise AlteredRelease(release, FILE, "does not have the digest the release is named by")
    manifest = read_manifest(content)
    wanted = manifest.files()
    found = set(list_files(folder)) - {FILE}
    evidence = {path for path in found if path.startswith("evidence/")}
    for path in sorted((found - evidence) ^ set(wanted)):
        raise AlteredRelease(release, path, "is missing" if path in wanted else "is not in its manifest")
    files = {path: read_bytes(folder / path) for path in wanted}
    for path, sha in wanted.items():
        if digest(files[path]) != sha:
            raise AlteredRelease(release, path, "has other content than its manifest says")
    return ReleaseFiles(release, manifest, files, {path: read_bytes(folder / path) for path in evidence})


def read_record(path: str, content: bytes) -> dict[str, object]:
    """The JSON object of an evidence file or a signed record; BrokenRelease for anything else."""
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BrokenRelease(path, "it is no JSON") from error
    if not isinstance(record, dict):
        raise BrokenRelease(path, "it should hold one object")
    return record
