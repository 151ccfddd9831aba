"""One training run: the bank it learns from, its seed, where its search is kept, whom it tells."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from feature_repo.raw.source import Source
from feature_repo.settings import Settings

Tell = Callable[[str, str], None]


def nobody(step: str, found: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Run:
    """What every model's `train` is given.

    `tell(step, found)` is called as each step ends, with one of STEPS and a line for a person.
    `parts` holds, by model name, the folder of the newest registered part of each model the spec
    names in `after`; a model that was never registered is absent. `searches` is where searches keep
    their trials, under the home unless given.
    """

    settings: Settings
    source: Source
    seed: int
    tell: Tell = nobody
    parts: Mapping[str, Path] = field(default_factory=dict)
    searches: Path | None = None

    def study(self, name: str) -> Path:
        """Where searches of the model `name` keep their trials, so that an interrupted one goes on."""
        kept = self.searches or self.settings.home / "studies"
        return kept / self.source.digest[:16] / f"{name}-{self.seed}"


STEPS = ("contract", "features", "tune", "calibrate", "evaluate", "register")
