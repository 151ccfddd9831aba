"""What a run has finished: a step whose inputs are unchanged is not done again."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

Figures = Mapping[str, object]


@dataclass(frozen=True)
class Done:
    """A finished step: the digest of its inputs, its seconds, what it found, and how it left its files."""

    inputs: str
    seconds: float
    rows: int
    lines: tuple[str, ...]
    figures: dict[str, object] = field(default_factory=dict)
    left: str = ""

    @property
    def digest(self) -> str:
        """What a later step that builds on this one depends on."""
        return digest({"inputs": self.inputs, "figures": self.figures})


def digest(inputs: Mapping[str, object]) -> str:
    """A digest of a step's inputs.

    >>> digest({"seed": 7, "customers": 10}) == digest({"customers": 10, "seed": 7})
    True
    """
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()


def digest_of_folder(folder: Path) -> str:
    """A digest of the names, sizes and times of the files in a folder."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return digest({str(p.relative_to(folder)): (p.stat().st_size, p.stat().st_mtime_ns) for p in files})


def digest_of_paths(paths: Iterable[Path]) -> str:
    """A digest of files and folders as they are now; one that is absent counts as such."""
    return digest({str(path): _state(path) for path in paths})


def _state(path: Path) -> object:
    if path.is_dir():
        return digest_of_folder(path)
    return (path.stat().st_size, path.stat().st_mtime_ns) if path.exists() else None


def digest_of_contents(folder: Path) -> str:
    """A digest of the names and contents of the files in a folder."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return digest({str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files})


class Journal:
    """The finished steps of one BANK_HOME, kept in run.json; rewritten whole after each step."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._steps: dict[str, Done] = {}
        if path.exists():
            for name, record in json.loads(path.read_text()).items():
                self._steps[name] = Done(**{**record, "lines": tuple(record["lines"])})

    def finished(self, name: str, inputs: str) -> Done | None:
        """What the step found, when it was finished with these inputs."""
        done = self._steps.get(name)
        return done if done and done.inputs == inputs else None

    def last(self, name: str) -> Done | None:
        """What the step found when it was finished last, with whatever inputs."""
        return self._steps.get(name)

    def finish(self, name: str, done: Done) -> None:
        """Keep a finished step."""
        self._steps[name] = done
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".draft")
        try:
            draft.write_text(
                json.dumps({n: asdict(d) for n, d in self._steps.items()}, indent=1, default=str)
            )
            draft.replace(self._path)
        finally:
            draft.unlink(missing_ok=True)
