"""Making a release: parts in, one content-addressed folder out, all or nothing."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crm_rules.governance.chain import canonical, digest
from feature_repo.errors import BankError
from training.release.ensemble import tree_node
from training.release.errors import BrokenRelease
from training.release.files import draft_folder, list_files, read_all, sync_folder, write_files
from training.release.graph import merge
from training.release.manifest import (
    FILE,
    GRAPH,
    KINDS,
    PARTS,
    REQUIRED,
    SBOM,
    Manifest,
    Origin,
    Part,
    evidence_name,
    most_bytes,
    safe_name,
)  # fmt: skip
from training.release.models import FILE as FILE_OF_MODEL
from training.release.models import Models, PartFiles
from training.release.reading import read_release
from training.release.sbom import LOCK, bill, read_lock
from training.release.strict_json import parse


def read_part(name: str, folder: Path) -> dict[str, bytes]:
    """A part's files, by name. A part is one flat folder of plain files."""
    if name not in PARTS:
        raise BrokenRelease(str(folder), f"no part is called {name!r}; parts are {list(PARTS)}")
    if not folder.is_dir():
        raise BrokenRelease(str(folder), f"the part '{name}' is not there")
    paths = list_files(folder)
    if not paths or not all(safe_name(path) for path in paths):
        raise BrokenRelease(str(folder), f"a part is a flat folder of files, found {list(paths)[:5]}")
    limits = {path: most_bytes(name, path) for path in paths}
    if foreign := [path for path, most in limits.items() if most is None]:
        raise BrokenRelease(str(folder / foreign[0]), f"the part '{name}' holds {sorted(KINDS[name])} files")
    return read_all(folder, {path: most for path, most in limits.items() if most is not None})


def part_of(name: str, files: PartFiles) -> Part:
    """The part's entry in a manifest; its `digest` is what people sign."""
    return Part(name, {path: digest(content) for path, content in sorted(files.items())})


def part_digest(name: str, folder: Path) -> str:
    """The digest of a part that lies in `folder`, before it is in any release."""
    return part_of(name, read_part(name, folder)).digest


def assemble(releases: Path, parts: Mapping[str, Path], origin: Origin, lock: Path = LOCK) -> str:
    """Make the release of these part folders and return its digest; NoLock where `lock` is not there.

    The same parts, origin and lock give the same digest, on any machine; a release that is already there
    is kept with its evidence, a damaged one is made anew. Nothing half-made stays behind.
    """
    read = {name: read_part(name, folder) for name, folder in parts.items()}
    return _write(releases, read, origin, read_lock(lock), {})


def replace(
    releases: Path, release: str, part: str, folder: Path, origin: Origin | None = None, lock: Path = LOCK
) -> str:
    """A new release with one part replaced; the others come along with their evidence.

    `release` is the digest of a release that was verified; `origin` stays the same unless given, the bill
    of materials is that of `lock`.
    """
    old = read_release(releases, release)
    parts = {name: old.part(name) for name in old.manifest.parts} | {part: read_part(part, folder)}
    kept = {
        path: content for path, content in old.evidence.items() if not path.startswith(f"evidence/{part}-")
    }
    return _write(releases, parts, origin or old.manifest.origin, read_lock(lock), kept)


def write_evidence(release: Path, evidence: Mapping[str, object]) -> Path:
    """Put a part's gate results and approvals beside the release, outside its digest; the path written."""
    name = evidence_name(str(evidence["part"]), str(evidence["part_digest"]))
    write_files(release, {name: canonical(dict(evidence))})
    return release / name


@dataclass(frozen=True)
class Derived:
    """What follows from the parts alone: files, global columns, names of the margins, parsed models."""

    files: Mapping[str, bytes]
    columns: tuple[str, ...]
    outputs: tuple[str, ...]
    models: Models


def derive(parts: Mapping[str, PartFiles]) -> Derived:
    """Parse and check every file of the parts, and merge their tree models; BrokenRelease says why not."""
    models = Models.read(parts)
    for part, files in parts.items():
        for name, content in files.items():
            if name.endswith(".json") and name != FILE_OF_MODEL:
                parse(f"parts/{part}/{name}", content)
    for reasons in models.reasons(parts).values():
        tree_node(reasons.content, reasons.path, len(reasons.columns), len(reasons.columns))
    margins = models.margins(parts)
    graph = {GRAPH: merge(margins, models.columns)} if margins else {}
    return Derived(graph, models.columns, tuple(margins), models)


def _write(
    releases: Path,
    parts: Mapping[str, PartFiles],
    origin: Origin,
    lock: bytes,
    evidence: Mapping[str, bytes],
) -> str:
    if missing := sorted(set(REQUIRED) - set(parts)):
        raise BrokenRelease(str(releases), f"a release needs the parts {missing} too")
    derived, enclosed = derive(parts), {SBOM: bill(lock)}
    manifest = Manifest(
        {name: part_of(name, parts[name]) for name in sorted(parts)},
        {path: digest(content) for path, content in derived.files.items()},
        {path: digest(content) for path, content in enclosed.items()},
        derived.columns,
        derived.outputs,
        origin,
        digest(lock),
    )
    files = {f"parts/{name}/{path}": content for name in parts for path, content in parts[name].items()}
    files |= {**derived.files, **enclosed, **evidence, FILE: manifest.to_bytes()}
    with draft_folder(releases) as draft:
        write_files(draft, files)
        _put(draft, releases / manifest.digest, evidence)
    return manifest.digest


def _put(draft: Path, final: Path, evidence: Mapping[str, bytes]) -> None:
    """Give the draft its final name; a release already there stays unless it was damaged."""
    if final.is_symlink():
        final.unlink()
    if final.exists():
        try:
            read_release(final.parent, final.name)
            write_files(final, evidence)
            return
        except BankError:
            shutil.rmtree(final)
    draft.rename(final)
    sync_folder(final.parent)
