"""A generated bank of which the truth is known, with the features of its applicants and borrowers."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from feature_repo import build, store
from feature_repo.raw.generate import make
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.credit_risk import model
from training.credit_risk.served import served
from training.credit_risk.situations import Situation, applications, running_loans
from training.dataset import SCHEMA, quarters, spine_table
from training.labels import RUNNING, History, application_default
from training.learning.trees import F32
from training.release.credit import CreditRuntime
from training.run import Run
from training.trained import Trained

CUSTOMERS, MONTHS = 4_500, 48


@dataclass(frozen=True)
class Bank:
    """Where it lies, and its source."""

    settings: Settings
    source: Source

    @property
    def truth(self) -> Path:
        return self.settings.home / "truth"

    @property
    def run(self) -> Run:
        return Run(self.settings, self.source, 7)


@dataclass(frozen=True)
class Fitted:
    """A situation with its fitted member, as it will be served."""

    situation: Situation
    p: np.ndarray[tuple[int], np.dtype[np.float64]]
    runtime: CreditRuntime

    def rows(self, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> F32:
        return self.situation.rows.rows(chosen).only(self.runtime.member.columns)


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    settings = Settings(home=tmp_path_factory.mktemp("credit"))
    source = make(CUSTOMERS, 11, settings.raw, settings.home / "truth", months=MONTHS, ends=date(2026, 1, 1))
    history = History(settings.raw, source)
    asked = application_default(history).select(["customer_id", "as_of"]).cast(SCHEMA)
    at = np.array(quarters(source), np.int64)
    owners = history.ask("SELECT DISTINCT customer_id FROM loans ORDER BY 1")["customer_id"].to_pylist()
    everybody = spine_table(owners * len(at), np.repeat(at, len(owners)))
    running = everybody.filter(pa.array(history.marked(RUNNING, everybody)))
    spine = pa.concat_tables([asked, running]).group_by(["customer_id", "as_of"]).aggregate([])
    spine = spine.select(SCHEMA.names).sort_by([("as_of", "ascending"), ("customer_id", "ascending")])
    build.build(settings.raw, spine, settings.features, settings.machine)
    store.apply(settings)
    return Bank(settings, source)


@pytest.fixture(scope="session")
def told() -> list[tuple[str, str]]:
    """What the training run said, in order."""
    return []


@pytest.fixture(scope="session")
def trained(bank: Bank, told: list[tuple[str, str]]) -> Trained:
    """Few shapes are tried: the tests are about what is made of a member, not about its tuning."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "TRIALS", 2)
        return model.train(replace(bank.run, tell=lambda step, line: told.append((step, line))))


def fitted(trained: Trained, situation: Situation) -> Fitted:
    """A member as it is served, from the files of the part."""
    members = trained.model["members"]
    assert isinstance(members, dict)
    runtime = served(members, trained.files)[situation.name]
    rows = situation.rows.rows(situation.test).only(runtime.member.columns)
    return Fitted(situation, runtime.probability(rows), runtime)


@pytest.fixture(scope="session")
def application(bank: Bank, trained: Trained) -> Fitted:
    return fitted(trained, applications(bank.settings, bank.source))


@pytest.fixture(scope="session")
def behaviour(bank: Bank, trained: Trained) -> Fitted:
    return fitted(trained, running_loans(bank.settings, bank.source))
