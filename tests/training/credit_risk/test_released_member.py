"""A member read back from its release part says what was trained, whoever decides."""

import json

import numpy as np
import pytest

from tests.training.credit_risk.test_member import COLUMNS, borrowers
from training.credit_risk.member import Member, fit_member
from training.credit_risk.reference import with_reference
from training.export import as_json
from training.learning.inputs import Inputs
from training.learning.trees import F32
from training.release.credit import CreditRisk, CreditRuntime, Risk
from training.release.errors import BrokenRelease
from training.release.runtime import credit_runtimes


@pytest.fixture(scope="module")
def member() -> Member:
    train, y = borrowers(1_500, 1)
    groups = np.arange(1_500).astype(str).astype(object)
    found = fit_member(train, y, groups, *borrowers(500, 2), COLUMNS, 7, trials=2)
    assert found is not None
    return found


def part(member: Member, decides: str) -> dict[str, bytes]:
    described = with_reference(member.as_json(), dict.fromkeys(COLUMNS, 0.0)) | {"decides": decides}
    return {"model.json": as_json({"members": {"loan": described}}), **member.files("loan")}


def released(member: Member, decides: str) -> CreditRuntime:
    return credit_runtimes(part(member, decides))["loan"]


def assess(runtime: CreditRuntime, matrix: F32) -> Risk:
    return runtime.assess(matrix[:, [COLUMNS.index(name) for name in runtime.member.columns]])


@pytest.mark.parametrize("decides", ["scorecard", "boosting", "blend"])
def test_the_released_probability_is_the_trained_one(member: Member, decides: str):
    matrix, _ = borrowers(2_000, 3)
    matrix[::7, 1] = np.nan
    trained = member.model.candidate_probability(Inputs.of(matrix, COLUMNS))[decides]
    assert np.abs(assess(released(member, decides), matrix).probability - trained).max() < 1e-6


def test_a_blend_alone_and_among_a_thousand_is_the_same_to_the_bit(member: Member):
    runtime, (matrix, _) = released(member, "blend"), borrowers(1_000, 4)
    together = assess(runtime, matrix)
    for row in range(0, 1_000, 37):
        alone = assess(runtime, matrix[row : row + 1])
        assert alone.probability.tobytes() == together.probability[row : row + 1].tobytes()
        assert alone.contributions.tobytes() == together.contributions[row : row + 1].tobytes()


def test_reasons_of_a_blend_add_up_to_its_log_odds(member: Member):
    runtime, (matrix, _) = released(member, "blend"), borrowers(500, 5)
    risk = assess(runtime, matrix)
    assert runtime.member.columns == tuple(sorted(COLUMNS))
    odds = np.log(risk.probability / (1 - risk.probability))
    assert np.ptp(odds - risk.contributions.sum(axis=1)) < 1e-4
    assert np.isfinite(risk.score).all()


def test_a_blend_that_lacks_its_calibration_is_refused(member: Member):
    files = part(member, "blend")
    described = json.loads(files["model.json"])
    del described["members"]["loan"]["blend"]
    with pytest.raises(BrokenRelease, match="blend"):
        CreditRisk.read(files | {"model.json": as_json(described)})
