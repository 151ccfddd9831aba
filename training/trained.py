"""What a training run hands on: the part to release, its figures, and what was left out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from training.gates import Gate


@dataclass(frozen=True)
class Trained:
    """A trained model, ready to be written as a release part.

    `model` becomes model.json, `files` are its other files (never pickles), `reference` the frozen
    bins drift is measured on (by population, see `training.export.reference`), `plots` PNG images
    by name. `window` holds the ISO bounds of the test rows; `left_out` says by name what could not
    be trained and why.
    """

    name: str
    service: str
    model: Mapping[str, object]
    files: Mapping[str, bytes]
    reference: Mapping[str, object]
    metrics: Mapping[str, object]
    gates: tuple[Gate, ...]
    parameters: Mapping[str, object]
    window: Mapping[str, str]
    chosen: str
    left_out: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    plots: Mapping[str, bytes] = field(default_factory=dict)
