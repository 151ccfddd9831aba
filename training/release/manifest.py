"""What a release consists of: parts, each content-addressed, and the files derived from them.

A part's digest covers its name and the SHA-256 of its files; the release's digest is the SHA-256
of its manifest, which is canonical JSON. So the same parts give the same release, on any machine.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from crm_rules.governance.chain import canonical, digest
from training.release.errors import BrokenRelease
from training.release.strict_json import parse_object

FORMAT = 1
FILE = "manifest.json"
GRAPH = "scoring.onnx"
SBOM = "sbom.json"
PARTS = ("segmentation", "propensity", "credit_risk", "recommendation", "policy", "products", "reasons")
REQUIRED = ("policy", "products", "reasons")
DERIVED = (GRAPH,)
ENCLOSED = (SBOM,)

MB = 1024 * 1024
MOST_BYTES = 4 * MB
"""Of the manifest, and of each evidence file."""
JSON, TOML, ONNX, NPZ = {".json": 32 * MB}, {".toml": MB}, {".onnx": 128 * MB}, {".npz": 64 * MB}
KINDS: Mapping[str, Mapping[str, int]] = {
    "segmentation": JSON,
    "propensity": JSON | ONNX,
    "credit_risk": JSON | ONNX,
    "recommendation": JSON | NPZ,
    "policy": TOML,
    "products": JSON | TOML,
    "reasons": TOML,
}
"""Which kinds of files each part holds, and how large one of them may be; no other is ever read."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_SHA = re.compile(r"[0-9a-f]{64}")


def safe_name(name: str) -> bool:
    """Whether `name` is one plain file name: no folder, no way up, nothing hidden.

    >>> safe_name("loan.reasons.onnx"), safe_name("../loan.onnx"), safe_name(".draft")
    (True, False, False)
    """
    return _NAME.fullmatch(name) is not None


def most_bytes(part: str, name: str) -> int | None:
    """How large that file of a part may be; None for a kind of file the part does not hold.

    >>> most_bytes("policy", "policy.toml"), most_bytes("policy", "model.pkl")
    (1048576, None)
    """
    suffix = name[name.rfind(".") :] if "." in name else ""
    return KINDS[part].get(suffix)


def evidence_name(part: str, digest_of_part: str) -> str:
    """Where a part's evidence lies inside a release.

    >>> evidence_name("policy", "ab" * 32)
    'evidence/policy-abababababababab.json'
    """
    return f"evidence/{part}-{digest_of_part[:16]}.json"


@dataclass(frozen=True)
class Part:
    """One approved unit of a release: a name and its files' SHA-256, by file name."""

    name: str
    files: Mapping[str, str]

    @property
    def digest(self) -> str:
        """What approvals are about: it changes with any byte of any file.

        >>> Part("policy", {"policy.toml": "0" * 64}).digest[:16]
        '49cb99960d7b42b3'
        """
        return digest(canonical({"part": self.name, "files": dict(self.files)}))


@dataclass(frozen=True)
class Origin:
    """Where a release comes from: the feature views it reads, the data behind it."""

    feature_views: Mapping[str, tuple[str, ...]]
    data_window: Mapping[str, str] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """As a request for promotion keeps it."""
        return {
            "feature_views": {view: list(names) for view, names in self.feature_views.items()},
            "data_window": dict(self.data_window),
            "source": dict(self.source),
        }

    @staticmethod
    def from_json(raw: Mapping[str, object]) -> "Origin":
        """What `as_json` gave, every field checked; KeyError, TypeError or ValueError otherwise."""
        views = {view: _names(columns) for view, columns in _items(raw["feature_views"])}
        return Origin(views, _texts(raw["data_window"]), _texts(raw["source"]))

    @cached_property
    def views(self) -> tuple[str, ...]:
        """The views in the order packed feature rows follow: by name."""
        return tuple(sorted(self.feature_views))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Every column of every view, in the order packed feature rows follow."""
        return tuple(column for view in self.views for column in self.feature_views[view])

    @cached_property
    def position(self) -> Mapping[str, int]:
        """Where each column stands in a packed feature row."""
        return {column: index for index, column in enumerate(self.columns)}


@dataclass(frozen=True)
class Manifest:
    """The table of contents of one release.

    `columns` is the global column order of the scoring matrix, `outputs` names the margins of the
    merged graph in order; `derived` are files that assembly makes from the parts, `enclosed` files that
    tell of the software: the bill of materials. `lock` is the SHA-256 of the lock it was made from.
    """

    parts: Mapping[str, Part]
    derived: Mapping[str, str]
    enclosed: Mapping[str, str]
    columns: tuple[str, ...]
    outputs: tuple[str, ...]
    origin: Origin
    lock: str

    def to_bytes(self) -> bytes:
        """Canonical JSON; its SHA-256 is the release's digest."""
        return canonical(
            {
                "format": FORMAT,
                "parts": {n: {"digest": p.digest, "files": dict(p.files)} for n, p in self.parts.items()},
                "derived": dict(self.derived),
                "enclosed": dict(self.enclosed),
                "lock": self.lock,
                "columns": list(self.columns),
                "outputs": list(self.outputs),
                "feature_views": {view: list(names) for view, names in self.origin.feature_views.items()},
                "data_window": dict(self.origin.data_window),
                "source": dict(self.origin.source),
            }
        )

    @property
    def digest(self) -> str:
        """The release's name."""
        return digest(self.to_bytes())

    def files(self) -> dict[str, str]:
        """Path inside the release -> SHA-256, of every file the manifest covers."""
        parts = {f"parts/{p.name}/{f}": sha for p in self.parts.values() for f, sha in p.files.items()}
        return {**parts, **self.derived, **self.enclosed}

    def most_bytes(self, path: str) -> int:
        """How large that file of `files` may be."""
        if not path.startswith("parts/"):
            return ONNX[".onnx"] if path == GRAPH else JSON[".json"]
        _, part, name = path.split("/")
        return most_bytes(part, name) or 0

    def evidence(self) -> dict[str, int]:
        """Where the evidence of each part lies, and how large it may be."""
        return {evidence_name(part.name, part.digest): MOST_BYTES for part in self.parts.values()}


def read_manifest(content: bytes) -> Manifest:
    """The manifest in those bytes, every field checked; BrokenRelease names what is wrong."""
    try:
        manifest = _build(parse_object(FILE, content))
        same = manifest.to_bytes() == content
    except BrokenRelease:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenRelease(FILE, f"it is not a manifest ({type(error).__name__}: {error})") from error
    if not same:
        raise BrokenRelease(FILE, "it is not canonical, or holds more than a manifest")
    return manifest


def _build(raw: dict[str, object]) -> Manifest:
    if raw["format"] != FORMAT:
        raise ValueError(f"format {raw['format']!r}, this version reads {FORMAT}")
    parts = {name: Part(name, _files(_object(raw_part)["files"])) for name, raw_part in _items(raw["parts"])}
    if not set(REQUIRED) <= set(parts) <= set(PARTS):
        raise ValueError(f"parts {sorted(parts)}")
    for part in parts.values():
        if foreign := [name for name in part.files if most_bytes(part.name, name) is None]:
            raise ValueError(f"part {part.name!r} with the file {foreign[0]!r}")
    views = {view: _names(columns) for view, columns in _items(raw["feature_views"])}
    derived = _files(raw["derived"])
    if not set(derived) <= set(DERIVED):
        raise ValueError(f"derived files {sorted(derived)}")
    enclosed, lock = _files(raw["enclosed"]), raw["lock"]
    if set(enclosed) != set(ENCLOSED) or not isinstance(lock, str) or not _SHA.fullmatch(lock):
        raise ValueError(f"enclosed files {sorted(enclosed)} and lock {str(lock)[:80]!r}")
    origin = Origin(views, _texts(raw["data_window"]), _texts(raw["source"]))
    return Manifest(parts, derived, enclosed, _names(raw["columns"]), _names(raw["outputs"]), origin, lock)


def _object(raw: object) -> dict[str, object]:
    if not isinstance(raw, dict):
        raise TypeError(f"an object was expected, found {type(raw).__name__}")
    return raw


def _items(raw: object) -> list[tuple[str, object]]:
    return list(_object(raw).items())


def _texts(raw: object) -> dict[str, str]:
    texts = {key: value for key, value in _items(raw) if isinstance(value, str)}
    if len(texts) != len(_object(raw)):
        raise TypeError("a text was expected")
    return texts


def _names(raw: object) -> tuple[str, ...]:
    if not isinstance(raw, list) or not all(isinstance(name, str) for name in raw):
        raise TypeError("a list of names was expected")
    if len(set(raw)) != len(raw):
        raise ValueError("a name occurs twice")
    return tuple(raw)


def _files(raw: object) -> dict[str, str]:
    files = _texts(raw)
    for name, sha in files.items():
        if not safe_name(name) or not _SHA.fullmatch(sha):
            raise ValueError(f"file {name!r} with digest {sha[:80]!r}")
    return files
