"""A model of the platform is an entry: what it learns from, what it answers, who trains it."""

from collections.abc import Callable
from dataclasses import dataclass

from training.run import Run
from training.trained import Trained


@dataclass(frozen=True)
class ModelSpec:
    """One model: its name, its feature service, its label in words, and the function that trains it."""

    name: str
    service: str
    learns: str
    train: Callable[[Run], Trained]
