"""The models of the platform by name, and how one is trained, logged and registered.

A model is a module with a `SPEC`; its module is imported when it is asked for, because the libraries
it learns with take seconds to load and a mistake in a name or missing data should be said at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from feature_repo.errors import BankError
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.evidence.comparison import beside
from training.evidence.lineage import lineage
from training.export import as_json, finite
from training.gates import Gate
from training.run import Run, Tell, nobody
from training.spec import ModelSpec

if TYPE_CHECKING:
    from training.version import Version

MODELS: dict[str, str] = {
    "segmentation": "training.segmentation.model",
    "propensity": "training.propensity.model",
    "credit_risk": "training.credit_risk.model",
    "recommendation": "training.recommendation.model",
}


class UnknownModel(BankError, LookupError):
    """A model is named that does not exist."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is no model '{name}'. Choose one of {', '.join(MODELS)}.")


class NothingToLearnFrom(BankError, LookupError):
    """Raw tables are loaded, but no feature of them is built."""

    def __init__(self, where: Path) -> None:
        self.where = where
        super().__init__(
            f"No features are built in {where}. `bank run` does every step; or run "
            f"`bank features build` and `bank features apply`, then train again."
        )


@dataclass(frozen=True)
class ModelResult:
    """A trained, logged and registered model. `part` is the exported folder."""

    name: str
    part: Path
    metrics: Mapping[str, object]
    gates: tuple[Gate, ...]
    run_id: str
    version: str
    chosen: str
    window: Mapping[str, str]
    left_out: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every gate said yes."""
        return all(gate.passed for gate in self.gates)

    def to_json(self) -> str:
        """Everything a machine wants to know, as one JSON object."""
        return as_json({
            "model": self.name, "version": self.version, "run": self.run_id, "chosen": self.chosen,
            "window": dict(self.window), "metrics": finite(self.metrics), "left_out": dict(self.left_out),
            "gates": [gate.as_json() for gate in self.gates], "passed": self.passed, "part": str(self.part),
            "warnings": list(self.warnings),
        }).decode()  # fmt: skip

    def to_text(self) -> str:
        """What a person wants to know: each gate's number beside its limit, the next step last."""
        width = max((len(gate.name) for gate in self.gates), default=0)
        gates = [f"  {'ok ' if g.passed else 'NO '} {g.name:<{width}} {g.value:>9.4f}  limit {g.limit:.4f}"
                 for g in self.gates]  # fmt: skip
        absent = [f"  left out: {name}, since {why}" for name, why in self.left_out.items()]
        warned = [f"  warning: {text}" for text in self.warnings]
        tested = f"{self.name} {self.version}: {self.chosen}, tested on {self.window['from'][:10]} to " \
                 f"{self.window['to'][:10]}"  # fmt: skip
        after = f"Next: `bank models compare {self.name}`, `bank models card {self.name} --out .`."
        return "\n".join([tested, *gates, *absent, *warned, after])


def contract(settings: Settings, source: Source) -> str:
    """What there is to learn from, in a line; NothingToLearnFrom when no features are built.

    It loads nothing heavy, so that it is said at once.
    """
    if not any(settings.features.glob("*/*.parquet")) or not settings.feast.exists():
        raise NothingToLearnFrom(settings.features)
    told = ("customers", "bookings", "loans", "holdings")
    counts = ", ".join(f"{source.rows[table]:,} {table}" for table in told if source.has(table))
    return f"{source.name} {source.digest[:12]}, rows: {counts}; {source.starts[:10]} to {source.ends[:10]}"


def known(name: str) -> None:
    """UnknownModel, with those there are, when there is no such model."""
    if name not in MODELS:
        raise UnknownModel(name)


def spec_of(name: str) -> ModelSpec:
    """The entry of a model, importing what it learns with; UnknownModel names those there are."""
    known(name)
    spec = import_module(MODELS[name]).SPEC
    assert isinstance(spec, ModelSpec)
    return spec


def train_model(
    name: str, settings: Settings, source: Source, person: str, at: datetime, seed: int, tell: Tell = nobody
) -> ModelResult:
    """Load the data, train, measure, draw, log to MLflow and register as `challenger`.

    Raises UnknownModel, and TooLittleData when the source lacks what the model needs.
    """
    return train_spec(spec_of(name), settings, source, person, at, seed, tell)


def train_spec(
    spec: ModelSpec, settings: Settings, source: Source, person: str, at: datetime, seed: int,
    tell: Tell = nobody,
) -> ModelResult:  # fmt: skip
    """The same for an entry at hand, which need not be in MODELS: a notebook's, for example."""
    given = _given(settings, spec)
    parts = {name: version.part for name, version in given.items()}
    trained = spec.train(Run(settings, source, seed, tell, parts))
    from training.registry import Registry  # MLflow takes seconds to load, and most training needs none of it

    registry = Registry(settings)
    served = registry.champion(spec.name)
    if served and served.documented:
        tell("evaluate", beside(trained.metrics, f"champion {served.version}", served.record.metrics))
    after = {name: each.version for name, each in given.items()}
    version = registry.log(trained, lineage(source, spec.service, spec.learns, person, at, seed, after))
    passed = sum(gate.passed for gate in trained.gates)
    kept = f"{len(trained.exhibits)} exhibits, {len(trained.trials)} trials, card and validation pack"
    tell("register", f"version {version.version}: {kept}; {passed} of {len(trained.gates)} gates passed")
    return ModelResult(
        spec.name, version.part, trained.metrics, trained.gates, version.run_id, version.version,
        trained.chosen, trained.window, trained.left_out, trained.warnings,
    )  # fmt: skip


def _given(settings: Settings, spec: ModelSpec) -> "Mapping[str, Version]":
    """The newest version of each model the entry comes after, where there is one."""
    if not spec.after:
        return {}
    from training.registry import Registry

    return Registry(settings).newest(spec.after)
