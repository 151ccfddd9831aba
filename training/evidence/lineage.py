"""What a version was made of: data, columns and who answers for them, label, code, libraries, seed."""

import hashlib
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from feature_repo.raw.source import Source

ROOT = Path(__file__).parents[2]
LIBRARIES = ("numpy", "pandas", "scikit-learn", "xgboost", "optbinning", "optuna", "implicit", "duckdb",
             "feast", "onnx", "onnxruntime", "mlflow")  # fmt: skip
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Column:
    """A feature as the validator asks for it."""

    name: str
    view: str
    owner: str
    unit: str
    meaning: str
    purposes: tuple[str, ...]


@dataclass(frozen=True)
class Lineage:
    """Where a version comes from; `git_commit` and `lock` are 'unknown' outside a checkout.

    `after` names the versions of other models that it was given, by model.
    """

    source: Mapping[str, object]
    service: str
    columns: tuple[Column, ...]
    learns: str
    author: str
    trained_at: str
    seed: int
    git_commit: str
    lock: str
    python: str
    libraries: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """As the record keeps it."""
        return asdict(self)

    @staticmethod
    def read(held: Mapping[str, object]) -> "Lineage":
        """From the record."""
        columns = held["columns"]
        assert isinstance(columns, list)
        rows = tuple(Column(**{**each, "purposes": tuple(each["purposes"])}) for each in columns)
        return Lineage(**{**held, "columns": rows})  # type: ignore[arg-type]  # as `as_json` wrote it


def lineage(
    source: Source, service: str, learns: str, author: str, at: datetime, seed: int,
    after: Mapping[str, str] | None = None,
) -> Lineage:  # fmt: skip
    """All that is known of the making of a version trained now by this code."""
    return Lineage(
        _told(source), service, _columns(service), learns, author, at.isoformat(), seed, git_commit(),
        lock_digest(), platform.python_version(), _libraries(LIBRARIES), dict(after or {}),
    )  # fmt: skip


def _told(source: Source) -> dict[str, object]:
    """The source without the digest of each single file: its own digest covers them."""
    return {name: value for name, value in asdict(source).items() if name != "files"}


def _columns(service: str) -> tuple[Column, ...]:
    from feature_repo.features.catalogue import BY_NAME, SERVICES  # it loads Ibis, which takes a second

    named = [BY_NAME[name] for name in SERVICES.get(service, ())]
    return tuple(Column(f.name, f.view, f.owner, f.unit, f.doc, tuple(sorted(f.purposes))) for f in named)


def git_commit() -> str:
    """The commit this code is at, or 'unknown' outside a checkout."""
    asked = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return UNKNOWN
    return said.stdout.strip() if said.returncode == 0 else UNKNOWN


def lock_digest() -> str:
    """SHA-256 of requirements.lock, which names every library with its hash; 'unknown' without it."""
    path = ROOT / "requirements.lock"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else UNKNOWN


def _libraries(names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
