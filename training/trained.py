"""What a training run hands on: the part to release, its figures, its evidence, what was left out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from training.evidence.exhibit import Exhibit
from training.gates import Gate
from training.proof import Proof


@dataclass(frozen=True)
class Trial:
    """One candidate that was tried while choosing: logged as a nested run. Larger values are better."""

    name: str
    parameters: Mapping[str, object]
    measure: str
    value: float


@dataclass(frozen=True)
class Note:
    """A sentence of the model card or the validation pack, in English and in Chinese."""

    en: str
    zh: str


@dataclass(frozen=True)
class Account:
    """What a validator asks for and only the model's author can say.

    `purpose` and `method` explain what it is for and why this way; `assumptions` what has to hold,
    `limits` where it must not be used. What is left empty is named as missing in the validation pack.
    """

    purpose: tuple[Note, ...] = ()
    method: tuple[Note, ...] = ()
    assumptions: tuple[Note, ...] = ()
    limits: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Trained:
    """A trained model, ready to be written as a release part.

    `model` becomes model.json, `files` are its other files (never pickles), `reference` the frozen
    bins drift is measured on (by population, see `training.export.reference`), `exhibits` plots and
    tables by name. The validation pack looks for the exhibits named `sensitivity`, `stability` and
    `benchmark` (also as `MEMBER/sensitivity` and so on). `window` holds the ISO bounds of the test
    rows; `left_out` says by name what could not be trained and why. `proof` holds the rows that the exported
    part is held to before its promotion; without it the gates of a promotion cannot pass.
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
    exhibits: Mapping[str, Exhibit] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    account: Account = Account()
    proof: Proof = field(default_factory=Proof)
