"""What a batch says to its worker processes, and they to it: a JSON object a line, over pipes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pydantic import SecretStr

from feature_repo.settings import Settings

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """What a worker says: `rows` decided since it last spoke; or a partition `done`; or what stopped it.

    `left_out` where a model is missing or stopped.
    """

    rows: int = 0
    done: int | None = None
    error: str = ""
    left_out: bool = False


def opening(settings: Settings, folder: Path) -> dict[str, object]:
    """The first line: which home, which run. It may hold passwords, so it goes through the pipe alone."""
    plain = {name: getattr(settings, name) for name in Settings.model_fields}
    told = {name: v.get_secret_value() if isinstance(v, SecretStr) else v for name, v in plain.items()}
    return {"settings": told, "folder": str(folder)}


def settings_of(line: Line) -> Settings:
    """The settings of a first line."""
    return Settings(**{name: value for name, value in line["settings"].items() if value is not None})


def say(stream: IO[str], line: Line) -> None:
    """Send one line."""
    stream.write(json.dumps(line, default=str) + "\n")
    stream.flush()


def hear(stream: IO[str]) -> Line | None:
    """The next line; None when the other side has ended."""
    line = stream.readline()
    return json.loads(line) if line.endswith("\n") else None
