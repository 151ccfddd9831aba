"""What the service answers is what was trained: through export, merging, packed rows and calibration."""

import json

import numpy as np
import numpy.typing as npt
import pytest
import xgboost as xgb

from crm_rules.lending.reasons import NOT_KNOWN
from feature_repo.packed_rows import PackedRows
from serving.deciding.asking import CustomerRequest
from serving.deciding.loaded import Loaded
from serving.deciding.online import OnlineRows
from serving.deciding.records import Decision
from serving.deciding.scoring import Scorer
from tests.conftest import CALIBRATION, CREDIT_COLUMNS, EVENT_US, TREE_COLUMNS, Tiny, stamp
from training.learning.trees import margin_onnx, read, reasons_onnx
from training.release.assemble import assemble
from training.release.verify import verify

ROWS = 10_000
Matrix = npt.NDArray[np.float64]


def _rows(columns: int, seed: int) -> Matrix:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(ROWS, columns)) * [1000.0, 10.0, 1.0, 50.0][:columns]
    rows[rng.random(rows.shape) < 0.15] = np.nan
    return rows


def _trained(rows: Matrix) -> xgb.Booster:
    rng = np.random.default_rng(0)
    y = (np.nan_to_num(rows / np.nanstd(rows, axis=0)).sum(axis=1) + rng.normal(size=ROWS) > 1.5).astype(int)
    parameters = {"objective": "binary:logistic", "max_depth": 5, "nthread": 2, "verbosity": 0}
    return xgb.train(parameters, xgb.DMatrix(rows.astype(np.float32), y), 60)


def _probability(booster: xgb.Booster, rows: Matrix) -> Matrix:
    margin = booster.predict(xgb.DMatrix(rows.astype(np.float32)), output_margin=True).astype(np.float64)
    probability: Matrix = 1 / (1 + np.exp(-(CALIBRATION["a"] * margin + CALIBRATION["b"])))
    return probability


@pytest.fixture
def needs() -> Matrix:
    return _rows(len(TREE_COLUMNS), 1)


@pytest.fixture
def risks() -> Matrix:
    return _rows(len(CREDIT_COLUMNS), 2)


def test_ten_thousand_served_probabilities_are_the_trained_ones(
    tiny: Tiny,
    needs: Matrix,
    risks: Matrix,
) -> None:
    need, risk = _trained(needs), _trained(risks)
    need_trees = read(need, TREE_COLUMNS, needs.astype(np.float32))
    risk_trees = read(risk, CREDIT_COLUMNS, risks.astype(np.float32))
    (tiny.parts["propensity"] / "card.onnx").write_bytes(margin_onnx(need_trees))
    (tiny.parts["credit_risk"] / "behaviour.onnx").write_bytes(margin_onnx(risk_trees))
    (tiny.parts["credit_risk"] / "behaviour.reasons.onnx").write_bytes(reasons_onnx(risk_trees))
    scorer = _scorer(tiny, needs, risks)
    asked = [CustomerRequest(f"c{row}") for row in range(ROWS)]
    stamps = [stamp(row) for row in range(ROWS)]

    served = [_answer(each)["propensity"]["card"]["probability"] for each in scorer.propensity(asked, stamps)]
    assert np.abs(np.array(served) - _probability(need, needs)).max() < 1e-5
    assert np.std(served) > 0.1

    said = [_answer(each) for each in scorer.credit_behaviour(asked, stamps)]
    served = [each["behaviour"]["probability_of_default"] for each in said]
    assert np.abs(np.array(served) - _probability(risk, risks)).max() < 1e-5
    assert {reason["code"] for each in said for reason in each["reasons"]} == {*CREDIT_COLUMNS, NOT_KNOWN}


def _scorer(
    tiny: Tiny,
    needs: Matrix,
    risks: Matrix,
) -> Scorer:
    release = assemble(tiny.releases, tiny.parts, tiny.origin)
    tiny.sign(release)
    known = dict(zip(TREE_COLUMNS, needs.T, strict=True)) | dict(zip(CREDIT_COLUMNS, risks.T, strict=True))
    known["loans_running"] = np.ones(ROWS)
    path = tiny.home / "many.db"
    with PackedRows.open(path, read_only=False) as rows:
        ids = [f"c{row}" for row in range(ROWS)]
        for view, columns in tiny.origin.feature_views.items():
            matrix = np.stack([known.get(column, np.full(ROWS, np.nan)) for column in columns], axis=1)
            rows.write(view, columns, ids, [EVENT_US] * ROWS, matrix)
    verified = verify(tiny.releases, release, tiny.trust)
    return Scorer(Loaded.of(verified), OnlineRows(PackedRows.open(path), tiny.origin, release))


def _answer(scored: object) -> dict[str, dict[str, dict[str, float]]]:
    assert isinstance(scored, Decision)
    found: dict[str, dict[str, dict[str, float]]] = json.loads(scored.body)
    return found
