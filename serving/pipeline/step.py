"""A step of the main job: what it is called, what it depends on, what it leaves behind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Wanted:
    """Which bank to load: a folder of real tables, or a generated one of that size and seed."""

    data: Path | None
    mapping: Path | None
    customers: int
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What a step found: rows worked on, lines for a person, the same figures for a program."""

    rows: int
    lines: tuple[str, ...]
    figures: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One step. It is done again when `inputs` changed, or what it left is gone or another's.

    `leaves` have to be there; `unchanged` have to be as the step left them, because another command
    may have loaded other tables, built other features or rolled back since.
    """

    name: str
    title: str
    inputs: Mapping[str, object]
    leaves: tuple[Path, ...]
    work: Callable[[], Outcome]
    unchanged: tuple[Path, ...] = ()
