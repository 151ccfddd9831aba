"""Why a decision came out as it did: for whoever it is about, in their language, with no figure to probe."""

import json
from datetime import timedelta
from typing import Any

import pytest

from feature_repo.features.services import SERVED
from serving.api.bodies import CreditBody, OfferBody, RecommendationBody, SuitabilityBody
from serving.deciding.explaining_texts import FIELDS, SOURCES
from tests.conftest import AT
from tests.serving.api.judge import broken
from tests.serving.api.test_http import BODIES, CREDIT, NBA, assert_problem
from tests.serving.conftest import Bank

PATH = "/v1/decisions/explanation"
SUITS = "/v1/decisions/suitability"
ASKED: dict[str, dict[str, Any]] = {**BODIES, SUITS: {"customer_id": "ann", "product_id": "fund-growth"}}
DECLINED = {"customer_id": "dan", "amount": 6000, "term_months": 24}
REFERRED = {"customer_id": "ann", "amount": 60_000, "term_months": 36}


def decide(bank: Bank, path: str, body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = bank.client.post(path, json=body, headers=bank.token()).json()
    return found


def explain(bank: Bank, decision_id: str, **headers: str) -> dict[str, Any]:
    token = bank.token("decisions:read", now=bank.times[-1])
    response = bank.client.get(PATH, params={"decision_id": decision_id}, headers={**token, **headers})
    assert response.status_code == 200, response.text
    assert broken("GET", PATH, 200, response.headers["content-type"], response.content) == []
    found: dict[str, Any] = response.json()
    return found


@pytest.mark.parametrize("path", ASKED)
def test_every_kind_of_decision_is_explained(bank: Bank, path: str) -> None:
    made = decide(bank, path, ASKED[path])
    told = explain(bank, made["decision_id"])
    assert told["decided"]["text"]["zh"]
    assert told["replay"] == "identical"
    assert {each["name"] for each in told["data"]["sources"]} == {*SERVED, "owned"}
    assert told["release"]["digest"] == made["release"]["digest"]


def test_a_decline_is_explained_with_its_reasons_and_the_way_to_contest_it(bank: Bank) -> None:
    made = decide(bank, CREDIT, DECLINED)
    told = explain(bank, made["decision_id"])
    assert told["decided"]["outcome"] == "decline"
    assert told["reasons"] == made["reasons"]
    assert told["rules"] == made["rules"]
    assert told["people"]["automation"] == "automated"
    assert told["contest"] == told["contest"] | {
        "possible": True,
        "until": (AT + timedelta(days=60)).isoformat(),
    }
    assert "payments_late_365d" in {each["code"] for each in told["data"]["counted"]}
    assert {each["name"] for each in told["data"]["declared"]} == {"amount", "term_months"}


def test_a_referral_says_that_a_person_decides(bank: Bank) -> None:
    told = explain(bank, decide(bank, CREDIT, REFERRED)["decision_id"])
    assert told["people"]["automation"] == "person"
    assert told["contest"]["possible"]


def test_after_its_time_a_decision_is_not_contested(bank: Bank) -> None:
    made = decide(bank, CREDIT, DECLINED)
    bank.times.append(AT + timedelta(days=60, seconds=1))
    assert not explain(bank, made["decision_id"])["contest"]["possible"]


def test_who_agreed_to_no_profile_is_told_that_there_was_none(bank: Bank) -> None:
    for path in (NBA, "/v1/score/recommendation"):
        told = explain(bank, decide(bank, path, {"customer_id": "cat"})["decision_id"])
        assert told["models"]["used"] == []
        assert "No profile" in told["models"]["text"]["en"]
    told = explain(bank, decide(bank, NBA, {"customer_id": "ann"})["decision_id"])
    assert "propensity" in told["models"]["used"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_is_told_in_the_language_asked_for(bank: Bank, language: str) -> None:
    made = decide(bank, CREDIT, DECLINED)
    both = explain(bank, made["decision_id"])
    told = explain(bank, made["decision_id"], **{"Accept-Language": language})
    assert told["decided"]["text"] == both["decided"]["text"][language]
    assert [each["text"] for each in told["reasons"]] == [each[language] for each in both["reasons"]]


def test_what_a_lookup_says_is_in_the_language_asked_for(bank: Bank) -> None:
    made = decide(bank, CREDIT, DECLINED)
    for headers, language in (({}, None), ({"Accept-Language": "zh"}, "zh")):
        response = bank.client.get(
            "/v1/decisions", params={"decision_id": made["decision_id"]}, headers={**bank.token(), **headers}
        )
        assert response.headers.get("content-language") == language
        assert response.headers["vary"] == "Accept-Language"
        assert broken("GET", "/v1/decisions", 200, "application/json", response.content) == []
        assert isinstance(response.json()["answer"]["review"], dict if language is None else str)


def test_no_value_of_a_feature_is_told(bank: Bank) -> None:
    """An amount would let a model be probed; figures of the application itself are the applicant's own."""
    made = decide(bank, CREDIT, DECLINED)
    told = json.dumps(explain(bank, made["decision_id"]))
    for number in ("0.64398", "470", "500.0", "contribution", "probability"):
        assert number not in told


def test_a_decision_whose_release_is_gone_is_explained_from_its_record(bank: Bank) -> None:
    made = decide(bank, CREDIT, DECLINED)
    kept = bank.log.records[made["decision_id"]]
    payload = json.loads(kept.payload) | {"release": "0" * 64}
    bank.log.records[made["decision_id"]] = kept.__class__(
        kept.decision_id, kept.at, kept.use_case, kept.customer_id, json.dumps(payload).encode()
    )
    told = explain(bank, made["decision_id"])
    assert told["replay"] == "another release made it"
    assert told["reasons"] == made["reasons"]
    assert [each["code"] for each in told["rules"]] == [each["code"] for each in made["rules"]]
    assert told["data"]["sources"] == []


@pytest.mark.parametrize(
    "query", ["", "decision_id=", "decision_id=none", "decision_id=a&decision_id=b", "x=1", "decision_id=%00"]
)
def test_what_is_no_decision_is_a_404(bank: Bank, query: str) -> None:
    response = bank.client.get(f"{PATH}?{query}", headers=bank.token())
    assert_problem(response, 404, "unknown-decision")


def test_every_source_and_every_field_of_a_request_has_its_words() -> None:
    assert {*SERVED, "owned"} <= SOURCES.keys()
    asked = {name for body in (CreditBody, OfferBody, RecommendationBody, SuitabilityBody)
             for name in body.model_fields}  # fmt: skip
    assert asked - {"customer_id"} == FIELDS.keys()
