"""MLflow, and nothing else knows it: runs with what they were made of, versions, aliases.

A version's source is the exported part folder. Nothing is logged as an MLflow model: no pickle,
no inferred requirements, and no loader of MLflow's ever runs on it.
"""

import logging
import math
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from feature_repo.settings import Settings
from training.export import as_json, finite, write_part
from training.trained import Trained

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow warns about its own dependencies while it loads
    import mlflow
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

EXPERIMENT = "bank"
for chatty in ("mlflow", "alembic"):  # they report each step of making their own tables
    logging.getLogger(chatty).setLevel(logging.WARNING)
PART = "part"


@dataclass(frozen=True)
class Version:
    """A registered model version. `part` is the exported folder in MLflow's artifacts."""

    name: str
    version: str
    run_id: str
    part: Path
    aliases: tuple[str, ...]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]

    def as_json(self) -> dict[str, object]:
        """As `bank models list --json` prints it."""
        return {
            "name": self.name, "version": self.version, "run": self.run_id, "part": str(self.part),
            "aliases": list(self.aliases), "metrics": dict(self.metrics), "tags": dict(self.tags),
        }  # fmt: skip


class Registry:
    """Runs and versions under one home."""

    def __init__(self, settings: Settings) -> None:
        home = settings.mlflow.resolve()
        home.mkdir(parents=True, exist_ok=True)
        with _quiet():
            self.client = MlflowClient(f"sqlite:///{home}/mlflow.db", f"sqlite:///{home}/mlflow.db")
            found = self.client.get_experiment_by_name(EXPERIMENT)
            artifacts = (home / "artifacts").as_uri()
            self.experiment = (
                found.experiment_id if found else self.client.create_experiment(EXPERIMENT, artifacts)
            )

    def log(self, trained: Trained, source: str, person: str, at: datetime, seed: int) -> Version:
        """Log a training run and register its part as a new version, alias `challenger`."""
        started = int(at.timestamp() * 1000)
        with _quiet():
            run = self.client.create_run(
                self.experiment, start_time=started, run_name=trained.name, tags={"mlflow.user": person}
            )
            self.client.log_batch(
                run.info.run_id,
                metrics=[
                    Metric(key, value, started, 0) for key, value in sorted(flat(trained.metrics).items())
                ],
                params=[Param(key, text) for key, text in sorted(_params(trained, seed).items())],
                tags=[RunTag(key, text) for key, text in sorted(_tags(trained, source, person, at).items())],
            )
            with TemporaryDirectory() as held:
                write_part(trained, Path(held) / PART)
                self.client.log_artifacts(run.info.run_id, str(Path(held) / PART), PART)
                self.client.log_artifacts(
                    run.info.run_id, str(_evidence(trained, Path(held) / "evidence")), "evidence"
                )
            self.client.set_terminated(run.info.run_id, "FINISHED", started)
            version = self._register(trained.name, run, person)
        return self._version(version)

    def _register(
        self, name: str, run: "mlflow.entities.Run", person: str
    ) -> "mlflow.entities.model_registry.ModelVersion":
        try:
            self.client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        version = self.client.create_model_version(
            name, f"{run.info.artifact_uri}/{PART}", run.info.run_id, tags={"author": person}
        )
        self.client.set_registered_model_alias(name, "challenger", version.version)
        return self.client.get_model_version(name, version.version)

    def set_champion(self, name: str, version: str) -> None:
        """Follow a promotion: the alias `champion` names the version that serves."""
        self.client.set_registered_model_alias(name, "champion", version)

    def versions(self) -> list[Version]:
        """Every registered version, newest first within each name."""
        found = [self._version(each) for each in self.client.search_model_versions()]
        return sorted(found, key=lambda each: (each.name, -int(each.version)))

    def _version(self, found: "mlflow.entities.model_registry.ModelVersion") -> Version:
        run = self.client.get_run(found.run_id)
        aliases = self.client.get_registered_model(found.name).aliases
        return Version(
            found.name, str(found.version), found.run_id, Path(found.source.removeprefix("file://")),
            tuple(sorted(alias for alias, number in aliases.items() if str(number) == str(found.version))),
            dict(run.data.metrics), dict(run.data.tags),
        )  # fmt: skip


def ui_command(settings: Settings, port: int) -> list[str]:
    """The command that shows the runs in MLflow's own pages, on loopback."""
    home = settings.mlflow.absolute()
    return [
        sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", f"sqlite:///{home}/mlflow.db",
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip


def flat(values: Mapping[str, object], before: str = "") -> dict[str, float]:
    """Nested figures as MLflow wants them: dotted names, finite numbers only.

    >>> flat({"a": {"b": 1, "c": [0.5, 0.75]}, "d": "text"})
    {'a.b': 1.0, 'a.c.0': 0.5, 'a.c.1': 0.75}
    """
    found: dict[str, float] = {}
    for key, value in values.items():
        name = _allowed(f"{before}{key}")
        if isinstance(value, Mapping):
            found |= flat(value, f"{name}.")
        elif isinstance(value, list):
            found |= flat({str(i): each for i, each in enumerate(value)}, f"{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            found[name] = float(value)
    return found


def _allowed(name: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "_-./ " else "_" for sign in name)


def _params(trained: Trained, seed: int) -> dict[str, str]:
    nested = {f"{name}.{key}" if isinstance(held, Mapping) else name: text
              for name, held in trained.parameters.items()
              for key, text in (held.items() if isinstance(held, Mapping) else [("", held)])}  # fmt: skip
    return {"seed": str(seed), "chosen": trained.chosen[:500]} | {
        key: str(text) for key, text in nested.items()
    }


def _tags(trained: Trained, source: str, person: str, at: datetime) -> dict[str, str]:
    return {
        "author": person, "trained_at": at.isoformat(), "feature_service": trained.service, "source": source,
        "window_from": trained.window["from"], "window_to": trained.window["to"], "git_commit": git_commit(),
        "left_out": as_json(dict(trained.left_out)).decode(),
    }  # fmt: skip


def git_commit() -> str:
    """The commit this code is at, or 'unknown' outside a checkout."""
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return said.stdout.strip() if said.returncode == 0 else "unknown"


def _evidence(trained: Trained, folder: Path) -> Path:
    """Metrics, gates and plots, as files beside the part."""
    folder.mkdir()
    (folder / "metrics.json").write_bytes(as_json(finite(trained.metrics)))
    (folder / "gates.json").write_bytes(as_json({"gates": [gate.as_json() for gate in trained.gates]}))
    for name, exhibit in trained.exhibits.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if exhibit.image:
            (folder / f"{name}.png").write_bytes(exhibit.image)
    return folder


@contextmanager
def _quiet() -> Iterator[None]:
    """MLflow and its database libraries warn about each other; none of it is ours to act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
