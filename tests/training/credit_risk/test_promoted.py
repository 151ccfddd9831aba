"""A credit model trained on a generated bank, held to the gates of a promotion."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.credit_risk.conftest import Bank
from training.checks import check
from training.credit_risk.model import SPEC
from training.evidence.lineage import lineage
from training.evidence.papers import papers
from training.evidence.record import Record
from training.export import write_part
from training.gate_table import as_text
from training.gates import Gate
from training.reproducing import compared
from training.trained import Trained
from training.version import Version


@pytest.fixture(scope="module")
def version(trained: Trained, bank: Bank, tmp_path_factory: pytest.TempPathFactory) -> Version:
    """Everything a registry keeps of it, and a repetition that gave the same part."""
    from datetime import UTC, datetime

    at, folder = datetime(2026, 1, 2, tzinfo=UTC), tmp_path_factory.mktemp("version")
    record = Record.of(trained, lineage(bank.source, SPEC.service, SPEC.learns, "dana", at, 7))
    record.write(folder / "evidence")
    trained.proof.write(folder / "proof")
    for name, written in papers(record, "1", None).items():
        written.write(folder / name)
    found = Version("credit_risk", "1", "run", write_part(trained, folder / "part"), (), {}, {})
    compared(found, found.part, bank.source.digest, at).write(folder)
    return found


@pytest.fixture(scope="module")
def gates(version: Version) -> tuple[Gate, ...]:
    return check(version, version, pia="DPIA-2026-14")


def test_it_passes_every_gate_but_those_of_the_policy_and_the_data(gates: tuple[Gate, ...]):
    """What a small bank's data or the standard cut-off may refuse is no matter of the export."""
    refused = {gate.kind for gate in gates if not gate.passed}
    assert refused <= {"fairness", "calibration", "pack"}, as_text(gates)


def test_each_member_says_on_its_rows_what_was_trained(trained: Trained, gates: tuple[Gate, ...]):
    parity = [gate for gate in gates if gate.kind == "parity"]
    assert len(parity) == len(trained.proof.members) == 2
    assert all(gate.passed and gate.value < 1e-6 for gate in parity)


def test_its_proof_holds_every_column_and_the_groups_the_model_never_sees(trained: Trained):
    for name, proof in trained.proof.members.items():
        assert set(proof.reads) <= set(proof.columns)
        assert set(proof.groups) == {"gender", "age"}
        assert not {"age_years", "is_female"} & set(proof.columns)
        labels = proof.labels[: proof.tested]
        metrics = trained.metrics["members"][name]  # type: ignore[index]  # members by name
        assert int(np.nansum(labels)) == metrics["positives_test"]


def test_the_proof_is_no_part_of_the_release(version: Version):
    assert not [file for file in version.part.iterdir() if "proof" in file.name or "member" in file.name]
    assert Path(version.part.with_name("proof")).is_dir()
