"""MLflow, and nothing else knows it: runs with what they were made of, versions, aliases.

A version's source is the exported part folder. Nothing is logged as an MLflow model: no pickle,
no inferred requirements, and no loader of MLflow's ever runs on it.
"""

import logging
import sqlite3
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory

from crm_rules.governance.promotions import Promotions
from feature_repo.settings import Settings
from training.evidence.lineage import Lineage
from training.evidence.papers import papers
from training.evidence.record import Record
from training.export import write_part
from training.logged import LONGEST, allowed, batched, flat, params, tags
from training.proof import FOLDER as PROOF
from training.reproduction import Reproduction
from training.trained import Trained, Trial
from training.version import EVIDENCE, NotRegistered, Version

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow warns about its own dependencies while it loads
    import mlflow
    from mlflow.entities import Metric, Param
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

EXPERIMENT = "bank"
for chatty in ("mlflow", "alembic"):  # they report each step of making their own tables
    logging.getLogger(chatty).setLevel(logging.WARNING)
PART = "part"
MOST_METRICS, MOST_PARAMS = 1000, 100  # that MLflow takes at once


class Registry:
    """Runs and versions under one home."""

    def __init__(self, settings: Settings) -> None:
        home = settings.mlflow.resolve()
        home.mkdir(parents=True, exist_ok=True)
        _write_ahead(home / "mlflow.db")
        with _quiet():
            self.client = MlflowClient(f"sqlite:///{home}/mlflow.db", f"sqlite:///{home}/mlflow.db")
            found = self.client.get_experiment_by_name(EXPERIMENT)
            artifacts = (home / "artifacts").as_uri()
            self.experiment = (
                found.experiment_id if found else self.client.create_experiment(EXPERIMENT, artifacts)
            )

    def log(self, trained: Trained, lineage: Lineage) -> Version:
        """Log a training run and its trials, and register its part as a new version, alias `challenger`.

        Beside the part lie its evidence, the rows set aside as its proof, its model card and its validation
        pack.
        """
        record = Record.of(trained, lineage)
        started = int(datetime.fromisoformat(lineage.trained_at).timestamp() * 1000)
        with _quiet(), TemporaryDirectory() as held:
            served = self.champion(trained.name)
            before = served.record if served and served.documented else None
            run = self._run(record, started)
            part = write_part(trained, Path(held) / PART)
            self.client.log_artifacts(run.info.run_id, str(part), PART)
            evidence = record.write(Path(held) / EVIDENCE)
            self.client.log_artifacts(run.info.run_id, str(evidence), EVIDENCE)
            if trained.proof.members:
                proof = trained.proof.write(Path(held) / PROOF)
                self.client.log_artifacts(run.info.run_id, str(proof), PROOF)
            self.client.set_terminated(run.info.run_id, "FINISHED", started)
            version = self._version(self._register(trained.name, run, lineage.author))
            for folder, documents in papers(record, version.label, before).items():
                self.client.log_artifacts(run.info.run_id, str(documents.write(Path(held) / folder)), folder)
        return version

    def _run(self, record: Record, started: int) -> "mlflow.entities.Run":
        """The run with its figures, and a run beneath it for everything that was tried."""
        lineage = record.lineage
        run = self.client.create_run(
            self.experiment, started, {"mlflow.user": lineage.author, **tags(record)}, record.name
        )
        figures = [Metric(key, value, started, 0) for key, value in sorted(flat(record.metrics).items())]
        for piece in batched(figures, MOST_METRICS):
            self.client.log_batch(run.info.run_id, metrics=piece)
        told = [Param(key, text) for key, text in sorted(params(record).items())]
        for piece in batched(told, MOST_PARAMS):
            self.client.log_batch(run.info.run_id, params=piece)
        for trial in record.trials:
            self._trial(trial, run.info.run_id, started)
        return run

    def _trial(self, trial: Trial, parent: str, started: int) -> None:
        tags = {"mlflow.parentRunId": parent, "measure": trial.measure}
        run = self.client.create_run(self.experiment, started, tags, trial.name)
        measured = [Metric(allowed(trial.measure), trial.value, started, 0)] if isfinite(trial.value) else []
        params = [Param(allowed(key), str(value)[:LONGEST]) for key, value in trial.parameters.items()]
        self.client.log_batch(run.info.run_id, measured, params)
        self.client.set_terminated(run.info.run_id, "FINISHED", started)

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

    def follow(self, promotions: Promotions) -> list[str]:
        """Let the alias `champion` name the version that is live; what changed, a line each.

        What runs never depends on an alias: it follows the promotions, not the other way round.
        """
        told = []
        for name, number in promotions.versions.items():
            before = self.champion(name)
            if before is None or before.version != number:
                self.client.set_registered_model_alias(name, "champion", number)
                told.append(f"MLflow: champion of {name} is version {number}.")
        return told

    def keep_reproduction(self, version: Version, found: Reproduction) -> None:
        """Keep what training the version again gave, beside its part."""
        with _quiet(), TemporaryDirectory() as held:
            self.client.log_artifact(version.run_id, str(found.write(Path(held))))

    def champion(self, name: str) -> Version | None:
        """The version that serves, None before the first promotion."""
        try:
            return self._version(self.client.get_model_version_by_alias(name, "champion"))
        except MlflowException:
            return None

    def version(self, name: str, number: str | None = None) -> Version:
        """That version, or the newest; NotRegistered names those there are."""
        found = [each for each in self.versions() if each.name == name]
        chosen = [each for each in found if number in (None, each.version)]
        if not chosen:
            raise NotRegistered(name, number, [each.version for each in found])
        return chosen[0]

    def versions(self) -> list[Version]:
        """Every registered version, newest first within each name."""
        found = [self._version(each) for each in self.client.search_model_versions()]
        return sorted(found, key=lambda each: (each.name, -int(each.version)))

    def newest(self, names: Sequence[str]) -> dict[str, Version]:
        """The newest version of each of these models that still has its part."""
        found: dict[str, Version] = {}
        for version in self.versions() if names else ():
            if version.name in names and version.part.is_dir():
                found.setdefault(version.name, version)
        return found

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


def _write_ahead(database: Path) -> None:
    """Let SQLite write ahead: MLflow commits five times a run, each else three waits for the disk."""
    with closing(sqlite3.connect(database)) as opened:
        opened.execute("PRAGMA journal_mode = WAL")


@contextmanager
def _quiet() -> Iterator[None]:
    """MLflow and its database libraries warn about each other; none of it is ours to act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
