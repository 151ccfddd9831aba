"""A batch obeys the stop switches that are on when it comes to a customer, not when it began."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from crm_rules.governance.stops import NONE, Stops
from monitoring.decision_log import Record
from serving.deciding.asking import CustomerRequest, OfferRequest
from serving.deciding.scoring import Scorer
from serving.pipeline import deciding
from serving.pipeline.deciding import Batch
from tests.conftest import AT


class Kept:
    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, records: Sequence[Record]) -> None:
        self.records += records


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setattr(deciding, "CHUNK", 2)
    return Kept()


def outcomes(log: Kept) -> list[Any]:
    return [json.loads(record.payload)["outcome"] for record in log.records]


def test_a_switch_put_on_during_a_batch_holds_from_the_next_chunk(scorer: Scorer, log: Kept) -> None:
    on = iter([NONE, Stops.from_record(["product/savings-term"]), NONE])
    batch = Batch(log, AT.isoformat(), lambda: next(on))
    asked = [OfferRequest("ann", None, 6)] * 6
    batch.take("next_best_action", scorer, Scorer.next_best_action, asked)
    assert ["savings-term" in products for products in outcomes(log)] == [
        True,
        True,
        False,
        False,
        True,
        True,
    ]


def test_what_a_stopped_model_would_score_is_left_out_by_name(scorer: Scorer, log: Kept) -> None:
    stops = Stops.from_record(["model/credit_risk"])
    batch = Batch(log, AT.isoformat(), lambda: stops)
    batch.take("score_credit", scorer, Scorer.credit_behaviour, [CustomerRequest("ben")])
    assert log.records == []
    assert "has stopped the model 'credit_risk/behaviour'" in batch.left_out["score_credit"]
