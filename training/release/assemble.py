"""Making a release: parts in, one content-addressed folder out, all or nothing."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from crm_rules.governance.chain import canonical, digest
from feature_repo.errors import BankError
from training.release.credit import CreditRisk
from training.release.errors import BrokenRelease
from training.release.files import draft_folder, list_files, read_bytes, sync_folder, write_files
from training.release.graph import TreeFile, merge, tree_node
from training.release.manifest import FILE, GRAPH, PARTS, REQUIRED, Manifest, Origin, Part, safe_name
from training.release.propensity import Propensity
from training.release.reading import read_release
from training.release.recommendation import Recommender
from training.release.segmentation import Segmentation

PartFiles = Mapping[str, bytes]


def read_part(name: str, folder: Path) -> dict[str, bytes]:
    """A part's files, by name. A part is one flat folder of plain files."""
    if name not in PARTS:
        raise BrokenRelease(str(folder), f"no part is called {name!r}; parts are {list(PARTS)}")
    if not folder.is_dir():
        raise BrokenRelease(str(folder), f"the part '{name}' is not there")
    paths = list_files(folder)
    if not paths or not all(safe_name(path) for path in paths):
        raise BrokenRelease(str(folder), f"a part is a flat folder of files, found {list(paths)[:5]}")
    return {path: read_bytes(folder / path) for path in paths}


def part_of(name: str, files: PartFiles) -> Part:
    """The part's entry in a manifest; its `digest` is what people sign."""
    return Part(name, {path: digest(content) for path, content in sorted(files.items())})


def part_digest(name: str, folder: Path) -> str:
    """The digest of a part that lies in `folder`, before it is in any release."""
    return part_of(name, read_part(name, folder)).digest


def assemble(releases: Path, parts: Mapping[str, Path], origin: Origin) -> str:
    """Make the release of these part folders and return its digest.

    The same parts and origin give the same digest; a release that is already there is kept with
    its evidence, a damaged one is made anew. Nothing half-made stays behind.
    """
    return _write(releases, {name: read_part(name, folder) for name, folder in parts.items()}, origin, {})


def replace(releases: Path, release: str, part: str, folder: Path, origin: Origin | None = None) -> str:
    """A new release with one part replaced; the others come along with their evidence.

    `release` is the digest of a release that was verified; `origin` stays the same unless given.
    """
    old = read_release(releases, release)
    parts = {name: old.part(name) for name in old.manifest.parts} | {part: read_part(part, folder)}
    kept = {
        path: content for path, content in old.evidence.items() if not path.startswith(f"evidence/{part}-")
    }
    return _write(releases, parts, origin or old.manifest.origin, kept)


def write_evidence(release: Path, evidence: Mapping[str, object]) -> Path:
    """Put a part's gate results and approvals beside the release, outside its digest; the path written."""
    name = evidence_name(str(evidence["part"]), str(evidence["part_digest"]))
    write_files(release, {name: canonical(dict(evidence))})
    return release / name


def evidence_name(part: str, digest_of_part: str) -> str:
    """Where a part's evidence lies inside a release.

    >>> evidence_name("policy", "ab" * 32)
    'evidence/policy-abababababababab.json'
    """
    return f"evidence/{part}-{digest_of_part[:16]}.json"


def derive(parts: Mapping[str, PartFiles]) -> tuple[dict[str, bytes], tuple[str, ...], tuple[str, ...]]:
    """What follows from the parts alone: derived files, the global columns, the names of the margins."""
    trees = tree_files(parts)
    columns = global_columns(parts)
    if not trees:
        return {}, columns, ()
    _check_reasons(parts)
    return {GRAPH: merge(trees, columns)}, columns, tuple(trees)


def tree_files(parts: Mapping[str, PartFiles]) -> dict[str, TreeFile]:
    """Every tree model of the parts, by the name of its margin, sorted."""
    found: dict[str, TreeFile] = {}
    if "propensity" in parts:
        for member in Propensity.read(parts["propensity"]).members:
            path = f"parts/propensity/{member.graph_file}"
            found[f"propensity/{member.name}"] = TreeFile(
                path, parts["propensity"][member.graph_file], member.columns
            )
    if "credit_risk" in parts:
        for name, credit in CreditRisk.read(parts["credit_risk"]).members.items():
            if credit.boosting is not None:
                content = parts["credit_risk"][f"{name}.onnx"]
                path = f"parts/credit_risk/{name}.onnx"
                found[f"credit_risk/{name}"] = TreeFile(path, content, credit.boosting.columns)
    return dict(sorted(found.items()))


def global_columns(parts: Mapping[str, PartFiles]) -> tuple[str, ...]:
    """The columns of every model, sorted: the order of the one matrix that scoring fills."""
    columns = {column for file in tree_files(parts).values() for column in file.columns}
    if "segmentation" in parts:
        columns.update(Segmentation.read(parts["segmentation"]).reads)
    if "credit_risk" in parts:
        for member in CreditRisk.read(parts["credit_risk"]).members.values():
            columns.update(member.scorecard.columns if member.scorecard else ())
    if "recommendation" in parts:
        columns.update(Recommender.read(parts["recommendation"]).columns)
    return tuple(sorted(columns))


def _check_reasons(parts: Mapping[str, PartFiles]) -> None:
    for part in ("credit_risk", "propensity"):
        for path, content in parts.get(part, {}).items():
            if path.endswith(".reasons.onnx"):
                tree_node(content, f"parts/{part}/{path}")


def _write(
    releases: Path, parts: Mapping[str, PartFiles], origin: Origin, evidence: Mapping[str, bytes]
) -> str:
    if missing := sorted(set(REQUIRED) - set(parts)):
        raise BrokenRelease(str(releases), f"a release needs the parts {missing} too")
    derived, columns, outputs = derive(parts)
    manifest = Manifest(
        {name: part_of(name, parts[name]) for name in sorted(parts)},
        {path: digest(content) for path, content in derived.items()},
        columns,
        outputs,
        origin,
    )
    files = {f"parts/{name}/{path}": content for name in parts for path, content in parts[name].items()}
    files |= {**derived, **evidence, FILE: manifest.to_bytes()}
    with draft_folder(releases) as draft:
        write_files(draft, files)
        _put(draft, releases / manifest.digest, evidence)
    return manifest.digest


def _put(draft: Path, final: Path, evidence: Mapping[str, bytes]) -> None:
    """Give the draft its final name; a release already there stays unless it was damaged."""
    if final.exists():
        try:
            read_release(final.parent, final.name)
            write_files(final, evidence)
            return
        except BankError:
            shutil.rmtree(final)
    draft.rename(final)
    sync_folder(final.parent)
