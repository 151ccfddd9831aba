"""A model of the platform is an entry: what it learns from, what it answers, who trains it."""

from collections.abc import Callable
from dataclasses import dataclass

from training.run import Run
from training.trained import Trained


@dataclass(frozen=True)
class ModelSpec:
    """One model: its name, its feature service, its label in words, and the function that trains it.

    `after` names the models whose newest registered part is handed over in `Run.parts`; a model may
    name itself, to go on from its own last version.
    """

    name: str
    service: str
    learns: str
    train: Callable[[Run], Trained]
    after: tuple[str, ...] = ()
