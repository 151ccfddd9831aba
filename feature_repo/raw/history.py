"""Every load of a bank, one line each: what came in, what was new, what was set aside and why."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FILE = "loads.jsonl"


@dataclass(frozen=True)
class Fate:
    """What became of the rows read for one table.

    They add up to `read`, but for the last two: `corrected` of the kept rows say something new about a key
    already there, and `restored` rows were added beside them (see `versions`). `outdated` rows come from
    a snapshot older than what the bank already holds.
    """

    read: int
    kept: int
    repeated: int = 0
    quarantined: int = 0
    outdated: int = 0
    corrected: int = 0
    restored: int = 0


@dataclass(frozen=True)
class Load:
    """One load; `at` is in ISO 8601 and UTC.

    `kind` is first, added, replaced or appended. `mapping` is the mapping's SHA-256, `files` maps each file
    read to its own, `skipped` were loaded before. `reasons` counts rows set aside by
    `table.column|class|reason`, `snapshots` holds the dates each table told of, `formulas` counts the
    texts of a column that a spreadsheet would run.
    """

    at: str
    kind: str
    tables: dict[str, Fate]
    mapping: str = ""
    files: dict[str, str] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    reasons: dict[str, int] = field(default_factory=dict)
    snapshots: dict[str, tuple[str, ...]] = field(default_factory=dict)
    formulas: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    totals: dict[str, str] = field(default_factory=dict)


def read(raw: Path) -> list[Load]:
    """The loads of that bank, oldest first; none where none was written down."""
    path = raw / FILE
    if not path.exists():
        return []
    return [_load(json.loads(line)) for line in path.read_text().splitlines()]


def current(loads: list[Load]) -> list[Load]:
    """The loads that the bank of now is made of: from the last one on that began a bank."""
    begun = [number for number, load in enumerate(loads) if load.kind in ("first", "replaced")]
    return loads[begun[-1] if begun else 0 :]


def write(raw: Path, load: Load) -> None:
    """Add a load to the history of a draft."""
    with (raw / FILE).open("a") as file:
        file.write(json.dumps(asdict(load), sort_keys=True) + "\n")


def _load(said: dict[str, Any]) -> Load:
    tables = {table: Fate(**fate) for table, fate in said.pop("tables").items()}
    said["snapshots"] = {table: tuple(dates) for table, dates in said["snapshots"].items()}
    frozen = {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}
    return Load(tables=tables, **frozen)  # type: ignore[arg-type]  # JSON of a Load that `write` wrote
