"""The models of the platform, and how one is trained by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from feature_repo.errors import BankError
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.credit_risk import model as credit_risk
from training.export import as_json, finite
from training.gates import Gate
from training.propensity import model as propensity
from training.recommendation import model as recommendation
from training.registry import Registry
from training.run import Run, Tell, nobody
from training.segmentation import model as segmentation
from training.spec import ModelSpec

MODELS: dict[str, ModelSpec] = {
    spec.name: spec for spec in (segmentation.SPEC, propensity.SPEC, credit_risk.SPEC, recommendation.SPEC)
}


class UnknownModel(BankError, LookupError):
    """A model is named that does not exist."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is no model '{name}'. Choose one of {', '.join(MODELS)}.")


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
        }).decode()  # fmt: skip

    def to_text(self) -> str:
        """What a person wants to know: each gate's number beside its limit, the next step last."""
        gates = [f"  {'ok ' if g.passed else 'NO '} {g.name:<66} {g.value:>9.4f}  limit {g.limit:.4f}"
                 for g in self.gates]  # fmt: skip
        absent = [f"  left out: {name}, since {why}" for name, why in self.left_out.items()]
        tested = f"{self.name} {self.version}: {self.chosen}, tested on {self.window['from'][:10]} to " \
                 f"{self.window['to'][:10]}"  # fmt: skip
        return "\n".join([tested, *gates, *absent, "Next: `bank models list`, `bank run`."])


def train_model(
    name: str, settings: Settings, source: Source, person: str, at: datetime, seed: int, tell: Tell = nobody
) -> ModelResult:
    """Load the data, train, measure, draw, log to MLflow and register as `challenger`.

    Raises UnknownModel, and TooLittleData when the source lacks what the model needs.
    """
    if name not in MODELS:
        raise UnknownModel(name)
    spec, registry = MODELS[name], Registry(settings)
    trained = spec.train(Run(settings, source, seed, tell, registry.newest(spec.after)))
    version = registry.log(trained, f"{source.name} {source.digest[:16]}", person, at, seed)
    return ModelResult(
        name, version.part, trained.metrics, trained.gates, version.run_id, version.version,
        trained.chosen, trained.window, trained.left_out, trained.warnings,
    )  # fmt: skip
