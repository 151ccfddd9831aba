"""A learner that is quick to fit, and tables written by hand."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.run import Tell
from training.table.baselines import probabilities
from training.table.contract import Table, agreed
from training.table.options import Task
from training.table.reading import read
from training.trained import Trial


class Quick:
    """Two logistic regressions under the names of the candidates; what they were given is kept."""

    def __init__(self) -> None:
        self.chosen_ = "boosting"
        self.trials_: Sequence[Trial] = ()
        self.warnings_: Sequence[str] = ()
        self.given: list[Mapping[str, object]] = []

    def fit(self, X, y, groups=None, order=None):
        self.train, self.y = X, y
        self.given.append({"rows": len(X), "groups": groups, "order": order})
        return self

    def predict_proba(self, X):
        p = probabilities("lr", self.train, self.y, X)
        return np.stack([1 - p, p], axis=1)

    def candidate_probability(self, X):
        p = self.predict_proba(X)[:, 1]
        return {"scorecard": np.round(p, 2), "boosting": p}


@pytest.fixture
def quick() -> Callable[[Table, Path | None, Tell], Quick]:
    return lambda table, study, tell: Quick()


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Writes a DataFrame, or lines, as a file."""

    def write(content: pd.DataFrame | str | bytes, name: str = "table.csv") -> Path:
        path = tmp_path / name
        if isinstance(content, pd.DataFrame):
            content.to_csv(path, index=False)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def agree(written: Callable[..., Path]) -> Callable[..., Table]:
    """The table that a DataFrame becomes; `bad` is the target."""

    def table(frame: pd.DataFrame, **asked: object) -> Table:
        task = Task("credit_risk", written(frame), **{"target": "bad"} | asked)  # type: ignore[arg-type]
        return agreed(task, read(task.path, task.separator, task.header))

    return table


def loans(n: int = 400, seed: int = 3) -> pd.DataFrame:
    """Loans with an income, a job and an age; poor and young ones turn bad more often."""
    rng = np.random.default_rng(seed)
    income, age = rng.lognormal(8, 0.5, n).round(2), rng.integers(18, 80, n)
    job = rng.choice(["clerk", "cook", "none"], n)
    odds = -1.2 - 1.5 * (np.log(income) - 8) - 0.02 * (age - 45) + 0.8 * (job == "none")
    bad = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    return pd.DataFrame({"income": income, "age": age, "job": job, "bad": bad})
