"""MLflow, and nothing else knows it: runs with what they were made of, versions, aliases.

A version's source is the exported part folder. Nothing is logged as an MLflow model: no pickle,
no inferred requirements, and no loader of MLflow's ever runs on it.
"""

import logging
import sqlite3
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory

from feature_repo.errors import BankError
from feature_repo.settings import Settings
from training.evidence.lineage import Lineage
from training.evidence.papers import papers
from training.evidence.record import Record
from training.export import as_json, write_part
from training.trained import Trained, Trial

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow warns about its own dependencies while it loads
    import mlflow
    from mlflow.entities import Metric, Param
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

EXPERIMENT = "bank"
for chatty in ("mlflow", "alembic"):  # they report each step of making their own tables
    logging.getLogger(chatty).setLevel(logging.WARNING)
PART, EVIDENCE = "part", "evidence"
LONGEST = 500  # signs of a parameter


class NotRegistered(BankError, LookupError):
    """A model or a version that nobody has trained."""

    def __init__(self, name: str, number: str | None, known: Sequence[str]) -> None:
        self.name, self.number, self.known = name, number, tuple(known)
        found = f"there are {', '.join(known)}" if known else "none is registered"
        super().__init__(
            f"There is no version {number or ''}".rstrip() + f" of '{name}'; {found}. "
            f"`bank models list` shows all; `bank train {name}` makes one."
        )


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

    @property
    def label(self) -> str:
        """How papers and comparisons name it.

        >>> Version("credit_risk", "3", "r", Path("/x/part"), ("champion",), {}, {}).label
        '3 (champion)'
        """
        return f"{self.version} ({', '.join(self.aliases)})" if self.aliases else self.version

    @property
    def record(self) -> Record:
        """What its run logged of itself."""
        return Record.read(self.part.with_name(EVIDENCE))

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

        Beside the part lie its evidence, its model card and its validation pack.
        """
        record = Record.of(trained, lineage)
        started = int(datetime.fromisoformat(lineage.trained_at).timestamp() * 1000)
        with _quiet(), TemporaryDirectory() as held:
            served = self.champion(trained.name)
            run = self._run(record, started)
            part = write_part(trained, Path(held) / PART)
            self.client.log_artifacts(run.info.run_id, str(part), PART)
            evidence = record.write(Path(held) / EVIDENCE)
            self.client.log_artifacts(run.info.run_id, str(evidence), EVIDENCE)
            self.client.set_terminated(run.info.run_id, "FINISHED", started)
            version = self._version(self._register(trained.name, run, lineage.author))
            for folder, documents in papers(record, version.label, served.record if served else None).items():
                self.client.log_artifacts(run.info.run_id, str(documents.write(Path(held) / folder)), folder)
        return version

    def _run(self, record: Record, started: int) -> "mlflow.entities.Run":
        """The run with its figures, and a run beneath it for everything that was tried."""
        lineage = record.lineage
        run = self.client.create_run(
            self.experiment, started, {"mlflow.user": lineage.author, **_tags(record)}, record.name
        )
        self.client.log_batch(
            run.info.run_id,
            [Metric(key, value, started, 0) for key, value in sorted(flat(record.metrics).items())],
            [Param(key, text) for key, text in sorted(_params(record).items())],
        )
        for trial in record.trials:
            self._trial(trial, run.info.run_id, started)
        return run

    def _trial(self, trial: Trial, parent: str, started: int) -> None:
        tags = {"mlflow.parentRunId": parent, "measure": trial.measure}
        run = self.client.create_run(self.experiment, started, tags, trial.name)
        measured = [Metric(_allowed(trial.measure), trial.value, started, 0)] if isfinite(trial.value) else []
        params = [Param(_allowed(key), str(value)[:LONGEST]) for key, value in trial.parameters.items()]
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

    def set_champion(self, name: str, version: str) -> None:
        """Follow a promotion: the alias `champion` names the version that serves."""
        self.client.set_registered_model_alias(name, "champion", version)

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
        elif isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
            found[name] = float(value)
    return found


def _allowed(name: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "_-./ " else "_" for sign in name)


def _params(record: Record) -> dict[str, str]:
    nested = {f"{name}.{key}" if isinstance(held, Mapping) else name: text
              for name, held in record.parameters.items()
              for key, text in (held.items() if isinstance(held, Mapping) else [("", held)])}  # fmt: skip
    named = {"seed": record.lineage.seed, "chosen": record.chosen} | nested
    return {_allowed(key): str(text)[:LONGEST] for key, text in named.items()}


def _tags(record: Record) -> dict[str, str]:
    lineage = record.lineage
    source = f"{lineage.source['name']} {str(lineage.source['digest'])[:16]}"
    return {
        "author": lineage.author, "trained_at": lineage.trained_at, "feature_service": record.service,
        "source": source, "window_from": record.window["from"], "window_to": record.window["to"],
        "git_commit": lineage.git_commit, "lock": lineage.lock[:16],
        "left_out": as_json(dict(record.left_out)).decode(),
    }  # fmt: skip


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
