"""What changed from one release to another: part by part, down to keys, products, columns and gates."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from training.release.errors import BrokenRelease
from training.release.manifest import PARTS, evidence_name
from training.release.models import FILE as MODEL
from training.release.models import MODELS
from training.release.reading import ReleaseFiles, read_record
from training.release.strict_json import parse, parse_object

Table = Mapping[str, object]
Gate = Mapping[str, object]


class Kind(StrEnum):
    """How something differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True)
class Change:
    """One thing that differs; `before` is None where it was added, `after` where it was removed."""

    where: str
    kind: Kind
    before: object = None
    after: object = None

    @property
    def line(self) -> str:
        """The change for a person; a table or a list that was added or removed is only named.

        >>> Change("lending.cut_off", Kind.CHANGED, 0.06, 0.05).line
        'lending.cut_off 0.06 -> 0.05'
        """
        if self.kind is Kind.CHANGED:
            return f"{self.where} {self.before} -> {self.after}"
        held = self.after if self.kind is Kind.ADDED else self.before
        return f"{self.where} {self.kind}" + (
            "" if held is None or isinstance(held, Mapping) else f": {held}"
        )


@dataclass(frozen=True)
class GatePair:
    """A gate as evidence holds it, in both releases; None where one does not have it."""

    name: str
    before: Gate | None
    after: Gate | None


@dataclass(frozen=True)
class PartDifference:
    """One part in both releases: its digests, what differs, and its gates side by side where it differs."""

    part: str
    before: str | None
    after: str | None
    changes: tuple[Change, ...] = ()
    gates: tuple[GatePair, ...] = ()

    @property
    def same(self) -> bool:
        """Whether both releases hold the same part, to the byte."""
        return self.before == self.after


@dataclass(frozen=True)
class Difference:
    """Two releases side by side. `changes` are those of the manifest: data window, views, columns, lock."""

    before: str
    after: str
    changes: tuple[Change, ...]
    parts: tuple[PartDifference, ...]

    def as_json(self) -> dict[str, object]:
        """As `bank release diff --json` prints it."""
        parts = [{**asdict(part), "same": part.same} for part in self.parts]
        return {**asdict(self), "same": self.before == self.after, "parts": parts}


def difference(before: ReleaseFiles, after: ReleaseFiles) -> Difference:
    """What differs between two releases that were read; BrokenRelease names what cannot be compared."""
    names = [name for name in PARTS if name in {*before.manifest.parts, *after.manifest.parts}]
    parts = tuple(_part(name, before, after) for name in names)
    return Difference(before.digest, after.digest, tuple(_frames(before, after)), parts)


def compared(before: Table, after: Table, prefix: str = "") -> Iterator[Change]:
    """The keys of two nested tables that differ, sorted, with their dotted paths.

    >>> [change] = compared({"a": {"b": 1, "c": [2]}}, {"a": {"b": 3, "c": [2]}})
    >>> change.where, change.before, change.after
    ('a.b', 1, 3)
    >>> [(change.where, str(change.kind)) for change in compared({"x": {"y": 1}}, {"z": None})]
    [('x', 'removed'), ('z', 'added')]
    """
    for key in sorted({*before, *after}):
        where = f"{prefix}{key}"
        if key not in before:
            yield Change(where, Kind.ADDED, None, after[key])
        elif key not in after:
            yield Change(where, Kind.REMOVED, before[key], None)
        elif isinstance(old := before[key], Mapping) and isinstance(new := after[key], Mapping):
            yield from compared(old, new, f"{where}.")
        elif before[key] != after[key] or type(before[key]) is not type(after[key]):
            yield Change(where, Kind.CHANGED, before[key], after[key])


def evidence_of(release: ReleaseFiles, part: str) -> Mapping[str, Any]:
    """The evidence of a part: gates, run, requester, approvals; empty where there is none yet."""
    path = evidence_name(part, release.manifest.parts[part].digest)
    return read_record(path, release.evidence[path]) if path in release.evidence else {}


def _part(name: str, before: ReleaseFiles, after: ReleaseFiles) -> PartDifference:
    held = [release.manifest.parts.get(name) for release in (before, after)]
    old, new = [None if part is None else part.digest for part in held]
    if old == new or old is None or new is None:
        return PartDifference(name, old, new)
    changes = (*_runs(name, before, after), *part_changes(name, before.part(name), after.part(name)))
    return PartDifference(name, old, new, changes, tuple(_gates(name, before, after)))


def _frames(before: ReleaseFiles, after: ReleaseFiles) -> Iterator[Change]:
    old, new = [
        {
            "lock": release.manifest.lock,
            "data_window": dict(release.manifest.origin.data_window),
            "source": dict(release.manifest.origin.source),
            "columns": dict.fromkeys(release.manifest.columns),
            "feature_views": {
                view: dict.fromkeys(names) for view, names in release.manifest.origin.feature_views.items()
            },
        }
        for release in (before, after)
    ]
    return compared(old, new)


def part_changes(name: str, before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[Change]:
    """What differs between two versions of a part, from its files: keys, products, columns."""
    return compared(_content(name, before), _content(name, after))


def _content(name: str, files: Mapping[str, bytes]) -> Table:
    """A part as one nested table whose keys are what people call things."""
    if name == "products":
        products = {str(entry.get("product_id")): entry for entry in _entries(files["products.json"])}
        return {**products, "offers": _offers(files["offers.toml"])}
    if name in MODELS:
        return _columns(name, parse_object(f"parts/{name}/{MODEL}", files[MODEL]))
    first, *rest = sorted(files)
    tables = {path: _toml(f"parts/{name}/{path}", files[path]) for path in files}
    return {
        **_planned(tables[first]),
        **{f"{path}:{key}": table for path in rest for key, table in tables[path].items()},
    }


def _offers(content: bytes) -> Table:
    read = _toml("parts/products/offers.toml", content)
    listed = read.get("offers")
    offers = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    return {"version": read.get("version"), **{str(each.get("offer_id")): each for each in offers}}


def _planned(table: Table) -> Table:
    """A policy with every value that changes or is tried under a key of its own, so that each is told."""
    changes, trial = table.get("changes"), table.get("trial")
    told = {key: value for key, value in table.items() if key not in ("changes", "trial")}
    found = list(enumerate(changes, start=1)) if isinstance(changes, list) else []
    plans = [(f"changes.{number}", each) for number, each in found] + [("trial", trial)]
    for where, plan in plans:
        if isinstance(plan, Mapping):
            values = plan.get("set")
            told |= {f"{where}.{key}": value for key, value in plan.items() if key != "set"}
            told |= {
                f"{where}.set.{key}": v for key, v in (values if isinstance(values, Mapping) else {}).items()
            }
    return told


def _entries(content: bytes) -> list[Table]:
    entries = parse("parts/products/products.json", content)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BrokenRelease("parts/products/products.json", "it should be a list of products")
    return entries


def _columns(part: str, model: Table) -> Table:
    """The columns of a model, by member where it has members, so that one added or removed shows."""
    members = model.get("members")
    described = members if isinstance(members, Mapping) else {part: model}
    return {
        name: {"columns": dict.fromkeys(sorted(set(_read_by(each))))}
        for name, each in described.items()
        if isinstance(each, Mapping)
    }


def _read_by(member: Table) -> Iterator[str]:
    for holder in (member, member.get("boosting"), member.get("bands"), member.get("value")):
        columns = holder.get("columns") if isinstance(holder, Mapping) else None
        yield from (str(each) for each in columns) if isinstance(columns, list) else ()
    card = member.get("scorecard")
    for each in card.get("characteristics", ()) if isinstance(card, Mapping) else ():
        yield str(each["column"])


def _runs(name: str, before: ReleaseFiles, after: ReleaseFiles) -> Iterator[Change]:
    """Version, author and requester of a part, where they differ."""
    old, new = [
        {
            **{key: str(run[key]) for key in ("version", "author") if key in run},
            "requested_by": evidence.get("requested_by"),
        }
        for evidence in (evidence_of(before, name), evidence_of(after, name))
        for run in [evidence.get("run") or {}]
    ]
    return compared(old, new)


def _gates(name: str, before: ReleaseFiles, after: ReleaseFiles) -> Iterator[GatePair]:
    old, new = [
        {str(gate.get("name")): gate for gate in evidence_of(release, name).get("gates", ())}
        for release in (before, after)
    ]
    for gate in {**old, **new}:
        yield GatePair(gate, old.get(gate), new.get(gate))


def _toml(path: str, content: bytes) -> Table:
    try:
        return tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise BrokenRelease(path, f"it cannot be read as TOML ({error})") from error
