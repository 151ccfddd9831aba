"""Scoring under stop switches: what is stopped is not used, the rest goes on, and it replays afterwards."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from crm_rules.governance.stops import NONE, Kind, Stops
from serving.deciding.loaded import Loaded
from serving.deciding.records import Decision
from serving.deciding.scoring import Scorer
from serving.errors import ModelStopped
from tests.conftest import CUSTOMERS, IDS, Tiny, make_scorer
from tests.serving.api.test_http import BODIES, CREDIT, NBA, assert_problem
from tests.serving.conftest import Bank
from tests.serving.deciding.test_scoring import ASKINGS, answer, credit, offers, record
from tests.serving.worker.test_switching import release_with

PEOPLE = tuple(CUSTOMERS)
CHANGED = {"decision_id": "", "request_id": ""}


def stopped(*named: str) -> Stops:
    return Stops.from_record(named)


def ask(scorer: Scorer, name: str, ids: Sequence[str] = PEOPLE, **more: Any) -> list[Decision]:
    return list(ASKINGS[name](scorer, ids, **more))


def test_no_switch_changes_nothing_and_loads_nothing(scorer: Scorer) -> None:
    under = scorer.under(stopped("product/card-gold"))
    assert scorer.loaded.under(NONE) is scorer.loaded
    assert under.loaded.under(NONE) is scorer.loaded
    assert under.loaded.under(under.loaded.stops) is under.loaded
    assert under.loaded.runtime.trees is scorer.loaded.runtime.trees
    assert record(offers(scorer, ["ann"])[0])["stops"] == []
    assert answer(offers(scorer, ["ann"])[0])["stopped"] == []


def test_a_stopped_product_is_neither_offered_nor_recommended_to_anybody(scorer: Scorer) -> None:
    first = answer(offers(scorer, ["ann"])[0])["offers"][0]["product_id"]
    under = scorer.under(stopped(f"product/{first}"))
    for decision in offers(under, PEOPLE, top=6):
        said = answer(decision)
        removed = {each["product_id"]: each["rules"] for each in said["ruled_out"]}
        assert removed[first][0] == "STOP-01"
        assert first not in {offer["product_id"] for offer in said["offers"]}
        texts = {each["code"]: each for each in said["rules"]}["STOP-01"]
        assert texts["text"] == "The bank has stopped the product."
        assert (texts["law"], texts["zh"]) == ("bank policy", "本行已暂停该产品。")
    for decision in ask(under, "recommend"):
        said = answer(decision)
        assert first not in {each["product_id"] for each in said["products"]}
        assert {"product_id": first, "rules": ["STOP-01"]} in said["ruled_out"]


def test_a_stopped_offer_is_still_named_where_scores_only_inform(scorer: Scorer) -> None:
    named = answer(ask(scorer, "recommend", ["ann"])[0])["products"]
    first = answer(offers(scorer, ["ann"])[0])["offers"][0]["product_id"]
    under = scorer.under(stopped(f"offer/{first}"))
    said = answer(offers(under, ["ann"], top=6)[0])
    assert [first, ["STOP-02"]] in [[each["product_id"], each["rules"]] for each in said["ruled_out"]]
    assert first in {each["product_id"] for each in named}
    assert answer(ask(under, "recommend", ["ann"])[0])["products"] == named


@pytest.mark.parametrize("other", ["product/loan-cash", "offer/card-gold", "campaign/x", "model/propensity"])
def test_credit_is_decided_whatever_else_is_stopped(scorer: Scorer, other: str) -> None:
    said, usual = answer(credit(scorer.under(stopped(other)), ["ann"])[0]), answer(credit(scorer, ["ann"])[0])
    assert said | {"stopped": []} == usual


@pytest.mark.parametrize("name", ["model/credit_risk", "model/credit_risk/application"])
def test_while_the_model_for_applications_is_stopped_a_person_decides(scorer: Scorer, name: str) -> None:
    for decision in credit(scorer.under(stopped(name)), (*PEOPLE, ""), declared_income=5_000.0):
        said = answer(decision)
        assert (said["outcome"], said["automation"], said["recourse"]) == ("refer", "person", [])
        assert said["probability_of_default"] is None
        assert "LEND-10" in {rule["code"] for rule in said["rules"]}
        assert "LEND-10" in record(decision)["rules"]


@pytest.mark.parametrize(
    ("named", "asking", "model"),
    [
        ("model/segmentation", "segment", "segmentation"),
        ("model/propensity", "propensity", "propensity"),
        ("model/recommendation", "recommend", "recommendation"),
        ("model/credit_risk", "credit_behaviour", "credit_risk/behaviour"),
        ("model/credit_risk/behaviour", "credit_behaviour", "credit_risk/behaviour"),
    ],
)
def test_a_stopped_model_gives_no_score_and_the_others_go_on(
    scorer: Scorer, named: str, asking: str, model: str
) -> None:
    under = scorer.under(stopped(named))
    with pytest.raises(ModelStopped) as raised:
        ask(under, asking)
    assert raised.value.model == model
    for other in ("segment", "propensity", "recommend", "credit_behaviour", "next_best_action"):
        if other != asking:
            assert len(ask(under, other)) == len(PEOPLE)


def test_one_stopped_member_leaves_the_other_propensities(scorer: Scorer) -> None:
    said = answer(ask(scorer.under(stopped("model/propensity/card")), "propensity", ["ann"])[0])
    usual = answer(ask(scorer, "propensity", ["ann"])[0])
    assert said["stopped"] == ["propensity/card"]
    del usual["propensity"]["card"]
    assert said["propensity"] == usual["propensity"]


def test_without_propensities_the_recommender_says_what_is_next(scorer: Scorer) -> None:
    said = answer(offers(scorer.under(stopped("model/propensity")), ["ann"], top=6)[0])
    assert said["offers"]
    assert all(offer["reasons"] == [] and 0 < offer["P"] < 1 for offer in said["offers"])
    assert (said["churn"], said["stopped"]) == (None, ["propensity"])


def test_without_any_model_of_needs_nothing_personal_is_offered(scorer: Scorer) -> None:
    under = scorer.under(stopped("model/propensity", "model/recommendation"))
    for decision in offers(under, PEOPLE, top=6):
        said = answer(decision)
        if not said["personalised"]:
            assert {offer["P"] for offer in said["offers"]} == {1.0}
            continue
        assert said["offers"] == []
        assert {each["product_id"] for each in said["ruled_out"]} == set(IDS)
    assert "NEED-00" in {rule["code"] for rule in answer(offers(under, ["ann"])[0])["rules"]}


def test_without_segments_the_rest_of_the_answer_is_there(scorer: Scorer) -> None:
    said = answer(offers(scorer.under(stopped("model/segmentation")), ["ann"])[0])
    assert said["segment"] is None
    assert said["offers"]


@pytest.mark.parametrize(
    "table", [pytest.param("kept_from", id="kept-from"), pytest.param("only_for", id="only-for")]
)
def test_what_is_kept_from_a_segment_is_kept_from_everybody_while_segments_are_unknown(
    tiny: Tiny, table: str
) -> None:
    header = f"[targeting.{table}]"
    tiny.switch(release_with(tiny, lambda text: text.replace(header, f"{header}\nsavings = ['S1']", 1)), 2)
    current = json.loads((tiny.releases / "current.json").read_bytes())["body"]["release"]
    under = make_scorer(Tiny(tiny.home, tiny.parts, tiny.origin, tiny.trust, current)).under(
        stopped("model/segmentation")
    )
    for decision in offers(under, PEOPLE, top=6):
        assert "savings" not in {offer["family"] for offer in answer(decision)["offers"]}


EVERYTHING = (
    "model/propensity/card", "model/segmentation", "model/credit_risk/application", "product/fund-money",
    "offer/savings-term", "campaign/spring",
)  # fmt: skip


@pytest.mark.parametrize("name", ["next_best_action", "credit_decision", "propensity", "recommend"])
def test_what_was_decided_under_switches_replays_after_they_are_off(scorer: Scorer, name: str) -> None:
    under = scorer.under(stopped(*EVERYTHING))
    for decision in ask(under, name):
        assert record(decision)["stops"] == sorted(each for each in EVERYTHING if "campaign" not in each)
        for now in (scorer, under, scorer.under(stopped("product/card-gold"))):
            again = now.replay(decision.record.payload)
            assert again.same
            assert again.body == decision.body


@pytest.mark.parametrize("name", ["next_best_action", "credit_decision", "propensity", "recommend"])
def test_what_was_decided_without_switches_replays_while_some_are_on(scorer: Scorer, name: str) -> None:
    for decision in ask(scorer, name):
        assert scorer.under(stopped(*EVERYTHING)).replay(decision.record.payload).same


def test_a_switch_left_out_of_a_record_shows(scorer: Scorer) -> None:
    [decision] = offers(scorer.under(stopped("product/savings-term")), ["ann"])
    payload = record(decision) | {"stops": []}
    assert not scorer.replay(json.dumps(payload).encode()).same


@pytest.mark.parametrize("name", ["next_best_action", "credit_decision", "propensity", "recommend"])
def test_alone_and_together_the_answers_under_switches_are_the_same(scorer: Scorer, name: str) -> None:
    under = scorer.under(stopped(*EVERYTHING))
    together = ask(under, name)
    for row, customer in enumerate(PEOPLE):
        [alone] = ask(under, name, [customer])
        assert answer(alone) | CHANGED == answer(together[row]) | CHANGED


def test_over_http_a_stopped_model_is_a_503_that_says_so_and_a_switch_works_at_the_next_request(
    bank: Bank,
) -> None:
    path, headers = "/v1/score/propensity", bank.token()
    assert bank.client.post(path, json=BODIES[path], headers=headers).status_code == 200
    bank.desk.engine.stop(stopped("model/propensity", "model/credit_risk"))
    response = bank.client.post(path, json=BODIES[path], headers=headers)
    problem = assert_problem(response, 503, "stopped")
    assert "The bank has stopped the model 'propensity'" in problem["detail"]
    assert response.headers["retry-after"]
    response = bank.client.post(f"{path}:batch", json={"items": [BODIES[path]]}, headers=headers)
    assert_problem(response, 503, "stopped")
    assert bank.client.post(NBA, json=BODIES[NBA], headers=headers).json()["stopped"] == [
        "credit_risk", "propensity",
    ]  # fmt: skip
    assert bank.client.post(CREDIT, json=BODIES[CREDIT], headers=headers).json()["outcome"] == "refer"
    bank.desk.engine.stop(NONE)
    assert bank.client.post(path, json=BODIES[path], headers=headers).status_code == 200


def test_every_model_and_product_has_a_name_to_be_stopped_by(scorer: Scorer) -> None:
    loaded: Loaded = scorer.loaded
    models = loaded.names(Kind.MODEL)
    assert {"segmentation", "propensity/churn", "credit_risk/application", "recommendation"} <= set(models)
    assert loaded.names(Kind.PRODUCT) == loaded.names(Kind.OFFER) == IDS
    assert loaded.names(Kind.CAMPAIGN) == ()
