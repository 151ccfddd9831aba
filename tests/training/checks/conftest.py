"""A credit version made by hand: trees over four columns, proof rows, papers, as a registry keeps them."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb

from feature_repo.raw.source import Source
from training.evidence.exhibit import Exhibit
from training.evidence.lineage import lineage
from training.evidence.papers import papers
from training.evidence.record import Record
from training.export import as_json, reference, scored_before
from training.gates import at_least
from training.learning.trees import margin_onnx, read, reasons_onnx
from training.proof import F32, F64, Array, MemberProof, Proof
from training.release.assemble import part_of
from training.release.calibration import sigmoid
from training.reproduction import Reproduction
from training.set_aside import set_aside
from training.trained import Account, Note, Trained, Trial
from training.validation import Labels
from training.version import Version

AT = datetime(2026, 1, 2, tzinfo=UTC)
WINDOW = {"from": "2025-01-01T00:00:00+00:00", "to": "2025-01-01T00:00:00+00:00"}
BANK = Source("a bank", "EUR", "2022-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00", "ab" * 32, {})
COLUMNS = ("days_past_due_max_90d", "income_monthly", "inflow_90d", "balance_min_90d")
SERVICE = (*COLUMNS, "balance_last")  # more is there than the model reads
TABLE = Exhibit("a finding", "结论", b"", ("what", "PSI"), (("all", 0.01),))
GRADES = [{"grade": grade, "pd_max": limit} for grade, limit in (("A", 0.05), ("B", 0.2), ("C", 1.0))]
TESTED = 6_000


def borrowers(n: int, seed: int) -> tuple[F32, Labels]:
    """Rows over SERVICE, a twentieth of the values missing, and who defaulted."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, len(SERVICE)))
    margin = 1.2 * z[:, 0] - 0.9 * z[:, 1] - 0.5 * z[:, 2] - 2.0
    matrix = (z * [20, 1500, 3000, 800, 1000] + [30, 4000, 8000, 500, 900]).astype(np.float32)
    matrix[rng.random(matrix.shape) < 0.05] = np.nan
    return matrix, (rng.random(n) < sigmoid(margin)).astype(np.int8)


def grown(columns: tuple[str, ...] = COLUMNS, rounds: int = 60, rows: int = 20_000) -> xgb.Booster:
    """Trees over those columns."""
    matrix, y = borrowers(rows, 1)
    parameters = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.12, "nthread": 1, "verbosity": 0}
    return xgb.train(parameters, xgb.DMatrix(only(matrix, columns), y), rounds)


def only(matrix: F32, columns: tuple[str, ...]) -> F32:
    return np.ascontiguousarray(matrix[:, [SERVICE.index(name) for name in columns]])


@dataclass(frozen=True)
class Story:
    """Everything a version is written from; a test replaces what it wants to see refused."""

    booster: xgb.Booster
    columns: tuple[str, ...] = COLUMNS
    line: tuple[float, float] = (1.0, 0.0)

    @property
    def matrix(self) -> F32:
        return borrowers(TESTED, 2)[0]

    @property
    def labels(self) -> Labels:
        return borrowers(TESTED, 2)[1]

    def says(self, matrix: F32, given: Mapping[str, Array] | None = None) -> F64:
        """What the training library answers."""
        a, b = self.line
        margin = self.booster.predict(xgb.DMatrix(only(matrix, self.columns)), output_margin=True)
        return sigmoid(a * margin.astype(np.float64) + b)

    def model(self) -> dict[str, object]:
        """model.json."""
        a, b = self.line
        typical = {name: float(np.nanmedian(only(self.matrix, (name,)))) for name in self.columns}
        boosting = {"columns": list(self.columns), "calibration": {"a": a, "b": b}, "reference_margin": 0.0}
        return {"members": {"behaviour": {
            "decides": "boosting", "columns": list(self.columns), "grades": GRADES, "metrics": {},
            "boosting": boosting, "scorecard": None, "reference": typical,
        }}}  # fmt: skip

    def files(self) -> dict[str, bytes]:
        """Every file of the part."""
        trees = read(self.booster, self.columns, only(borrowers(500, 3)[0], self.columns))
        frozen = reference(only(self.matrix, self.columns), self.columns,
                           {"behaviour": self.says(self.matrix)}, WINDOW)  # fmt: skip
        told = {"model.json": self.model(), "reference.json": {"behaviour": frozen}}
        graphs = {"behaviour.onnx": margin_onnx(trees), "behaviour.reasons.onnx": reasons_onnx(trees)}
        return {name: as_json(held) for name, held in told.items()} | graphs

    def proof(self, groups: Mapping[str, Mapping[str, Labels]] | None = None) -> MemberProof:
        """Its rows, with two groups as large as each other unless others are given."""
        half = np.arange(TESTED) % 2 == 0
        return set_aside(
            SERVICE, self.columns, self.matrix, self.labels, self.says, WINDOW, 7,
            groups=groups or {"gender": {"women": half, "men": ~half}},
            before=scored_before(self.says(borrowers(5_000, 4)[0])),
        )  # fmt: skip


Make = Callable[..., Version]


@pytest.fixture(scope="session")
def story() -> Story:
    return Story(grown())


@pytest.fixture(scope="session")
def sound(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a version that passes every gate: part, evidence, papers, proof, a reproduction."""
    folder = tmp_path_factory.mktemp("sound")
    write_part(folder, story.files())
    record = Record.of(described(story), lineage(BANK, "credit_risk_v1", "who defaults", "dana", AT, 7))
    known = replace(record, lineage=replace(record.lineage, git_commit="c0ffee", lock="ab" * 32))
    known.write(folder / "evidence")
    for name, written in papers(known, "1", None).items():
        written.write(folder / name)
    Proof({"behaviour": story.proof()}).write(folder / "proof")
    reproduced(folder, story.files())
    return folder


def described(story: Story) -> Trained:
    note = (Note("said", "已说明"),)
    figures = {"auc_out_of_time": 0.8, "auc_interval": [0.78, 0.82], "baseline_auc": 0.7}
    return Trained(
        name="credit_risk", service="credit_risk_v1", model=story.model(), files={}, reference={},
        metrics={"members": {"behaviour": figures}}, gates=(at_least("discrimination", "KS", 0.4, 0.2),),
        parameters={}, window=WINDOW, chosen="behaviour: boosting", account=Account(note, note, note, note),
        exhibits={f"behaviour/{kind}": TABLE for kind in ("sensitivity", "stability", "benchmark")},
        trials=(Trial("one", {"depth": 3}, "AUC", 0.8),),
    )  # fmt: skip


def write_part(folder: Path, files: Mapping[str, bytes]) -> None:
    """Replace the part in a version's folder."""
    shutil.rmtree(folder / "part", ignore_errors=True)
    (folder / "part").mkdir(parents=True)
    for name, content in files.items():
        (folder / "part" / name).write_bytes(content)


def reproduced(folder: Path, files: Mapping[str, bytes], again: str | None = None) -> None:
    """Keep that training again gave these files, or a part of another digest."""
    digest = part_of("credit_risk", files).digest
    Reproduction(digest, again or digest, 7, "ab" * 32, "ab" * 32, AT.isoformat(),
                 ("behaviour.onnx",) if again else ()).write(folder)  # fmt: skip


def write_proof(folder: Path, proof: MemberProof) -> None:
    """Replace the proof rows in a version's folder."""
    shutil.rmtree(folder / "proof")
    Proof({"behaviour": proof}).write(folder / "proof")


def version(folder: Path, number: str = "1") -> Version:
    """The version that lies in a folder."""
    return Version("credit_risk", number, "run", folder / "part", (), {}, {})


def changed(files: Mapping[str, bytes], change: Callable[[dict[str, object]], None]) -> dict[str, bytes]:
    """The same files with another model.json."""
    model = json.loads(files["model.json"])
    change(model["members"]["behaviour"])
    return {**files, "model.json": as_json(model)}


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """A version's folder of one's own, to be broken."""
    return shutil.copytree(sound, tmp_path / "version")
