"""Every load of a bank, one line each: what came in, what was new, what was set aside and why."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

FILE = "loads.jsonl"


@dataclass(frozen=True)
class Fate:
    """What became of the rows read for one table; they add up to `read`.

    `corrected` of the kept rows say something new about a key already there; `outdated` rows come
    from a snapshot older than what the bank already holds.
    """

    read: int
    kept: int
    repeated: int = 0
    quarantined: int = 0
    outdated: int = 0
    corrected: int = 0


@dataclass(frozen=True)
class Load:
    """One load. `files` maps each file read to its SHA-256; `skipped` were loaded before."""

    at: str
    kind: str
    tables: dict[str, Fate]
    files: dict[str, str] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    reasons: dict[str, int] = field(default_factory=dict)
    snapshots: dict[str, tuple[str, ...]] = field(default_factory=dict)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    totals: dict[str, str] = field(default_factory=dict)


def read(raw: Path) -> list[Load]:
    """The loads of that bank, oldest first; none where none was written down."""
    path = raw / FILE
    if not path.exists():
        return []
    return [_load(json.loads(line)) for line in path.read_text().splitlines()]


def write(raw: Path, load: Load) -> None:
    """Add a load to the history of a draft."""
    with (raw / FILE).open("a") as file:
        file.write(json.dumps(asdict(load), sort_keys=True) + "\n")


def _load(said: dict[str, object]) -> Load:
    tables = {table: Fate(**fate) for table, fate in said.pop("tables").items()}  # type: ignore[attr-defined]
    frozen = {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}
    return Load(tables=tables, **frozen)  # type: ignore[arg-type]
