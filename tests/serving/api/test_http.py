"""Endpoints over HTTP: answers, problems, limits."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from crm_rules.errors import DatabaseUnavailable
from serving.api.app import endpoints
from serving.api.questions import apps
from serving.auth import ROUTES
from tests.serving.conftest import Bank

NBA, CREDIT = "/v1/decisions/next-best-action", "/v1/decisions/credit"
BODIES: dict[str, dict[str, Any]] = {
    NBA: {"customer_id": "ann", "channel": "app"},
    CREDIT: {"customer_id": "ann", "amount": 6000, "term_months": 24},
    "/v1/score/segment": {"customer_id": "ann"},
    "/v1/score/propensity": {"customer_id": "ann"},
    "/v1/score/credit": {"customer_id": "ben"},
    "/v1/score/recommendation": {"customer_id": "cat"},
}


def assert_problem(response: Any, status: int, kind: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["type"] == f"urn:bank:problem:{kind}"
    assert {"title", "status", "detail", "request_id"} <= set(problem)
    assert response.headers["x-request-id"] == problem["request_id"]
    return problem


@pytest.mark.parametrize("path", BODIES)
def test_every_question_is_answered_with_its_versions_and_logged(bank: Bank, path: str) -> None:
    response = bank.client.post(path, json=BODIES[path], headers=bank.token() | {"X-Request-ID": "mine-7"})
    said = response.json()
    assert response.status_code == 200
    assert said["request_id"] == response.headers["x-request-id"] == "mine-7"
    assert set(said["release"]["parts"]) >= {"policy", "products", "reasons"}
    logged = json.loads(bank.log.records[said["decision_id"]].payload)
    assert (logged["customer_id"], logged["caller"]) == (BODIES[path]["customer_id"], "app")


@pytest.mark.parametrize("path", BODIES)
def test_a_batch_gives_each_row_its_own_status(bank: Bank, path: str) -> None:
    items = [BODIES[path], BODIES[path] | {"customer_id": "nobody"}]
    said = bank.client.post(f"{path}:batch", json={"items": items}, headers=bank.token()).json()
    newcomer_is_fine = path == CREDIT
    assert [row["status"] for row in said["items"]] == [200, 200 if newcomer_is_fine else 404]
    single = bank.client.post(path, json=BODIES[path], headers=bank.token()).json()
    ids = {"decision_id": "", "request_id": ""}
    assert said["items"][0]["answer"] | ids == single | ids
    if not newcomer_is_fine:
        assert said["items"][1]["problem"]["type"] == "urn:bank:problem:unknown-customer"


def test_an_unlogged_decision_is_not_given(bank: Bank) -> None:
    bank.log.broken = True
    problem = assert_problem(
        bank.client.post(NBA, json=BODIES[NBA], headers=bank.token()), 503, "not-recorded"
    )
    assert "secret" not in json.dumps(problem)
    assert not bank.log.records


def test_an_unknown_customer_is_a_404_that_says_so(bank: Bank) -> None:
    response = bank.client.post(NBA, json={"customer_id": "eve"}, headers=bank.token())
    assert "eve" in assert_problem(response, 404, "unknown-customer")["detail"]


def test_a_decision_is_found_again_and_computes_to_the_same_bytes(bank: Bank) -> None:
    first = bank.client.post(CREDIT, json=BODIES[CREDIT], headers=bank.token())
    found = bank.client.get(
        "/v1/decisions", params={"decision_id": first.json()["decision_id"]}, headers=bank.token()
    ).json()
    assert found["replay"] == "identical"
    assert found["answer"] == first.json()
    assert "features" not in found["decision"]
    response = bank.client.get("/v1/decisions", params={"decision_id": "none"}, headers=bank.token())
    assert_problem(response, 404, "unknown-decision")


HUGE = '{"customer_id":"ann","channel":' + "[" * 3_000 + "]" * 3_000 + "}"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param(CREDIT, '{"amount":NaN,"term_months":24}', id="NaN"),
        pytest.param(CREDIT, '{"amount":Infinity,"term_months":24}', id="infinity"),
        pytest.param(CREDIT, '{"amount":1e999,"term_months":24}', id="overflow"),
        pytest.param(CREDIT, '{"amount":100.001,"term_months":24}', id="a-tenth-of-a-cent"),
        pytest.param(CREDIT, '{"amount":9,"term_months":9,"declared_income":5e-324}', id="denormal"),
        pytest.param(CREDIT, '{"amount":-1,"term_months":24}', id="negative"),
        pytest.param(CREDIT, '{"amount":0,"term_months":24}', id="zero"),
        pytest.param(CREDIT, '{"amount":"12","term_months":24}', id="text-for-a-number"),
        pytest.param(CREDIT, '{"amount":true,"term_months":24}', id="true-for-a-number"),
        pytest.param(CREDIT, '{"amount":100,"term_months":24.5}', id="half-a-month"),
        pytest.param(CREDIT, '{"amount":100,"term_months":9223372036854775808}', id="beyond-int64"),
        pytest.param(CREDIT, '{"amount":100,"amount":1,"term_months":24}', id="a-key-twice"),
        pytest.param(CREDIT, '{"amount":100,"term_months":24,"age":30}', id="an-extra-field"),
        pytest.param(CREDIT, '{"term_months":24}', id="a-field-missing"),
        pytest.param(NBA, '{"customer_id":"a\\u0000b"}', id="NUL"),
        pytest.param(NBA, '{"customer_id":"\\ud800"}', id="lone-surrogate"),
        pytest.param(NBA, '{"customer_id":""}', id="empty-id"),
        pytest.param(NBA, '{"customer_id":" ann"}', id="space-before-the-id"),
        pytest.param(NBA, '{"customer_id":"' + "x" * 65 + '"}', id="long-id"),
        pytest.param(NBA, '{"customer_id":"ann","channel":"fax"}', id="unknown-channel"),
        pytest.param(NBA, '{"customer_id":"ann","top":11}', id="too-many-offers"),
        pytest.param(NBA, HUGE, id="nested-deep"),
        pytest.param(NBA, "", id="empty"),
        pytest.param(NBA, "[]", id="a-list"),
        pytest.param(NBA, "null", id="null"),
        pytest.param(NBA, '{"customer_id":"ann"', id="cut"),
        pytest.param(NBA, '{"customer_id":"ann"} trailing', id="trailing"),
        pytest.param(NBA + ":batch", '{"items":[]}', id="empty-batch"),
    ],
)
def test_a_body_that_breaks_its_schema_is_a_422(bank: Bank, path: str, body: str) -> None:
    headers = bank.token() | {"Content-Type": "application/json"}
    problem = assert_problem(bank.client.post(path, content=body, headers=headers), 422, "invalid-body")
    assert "\x00" not in json.dumps(problem)
    assert not bank.log.records


def test_a_body_in_bytes_that_are_no_text_is_a_422(bank: Bank) -> None:
    headers = bank.token() | {"Content-Type": "application/json"}
    for body in (b'{"customer_id":"\xff"}', '{"customer_id":"ann"}'.encode("utf-16")):
        assert_problem(bank.client.post(NBA, content=body, headers=headers), 422, "invalid-body")


def test_a_problem_never_repeats_what_was_sent(bank: Bank) -> None:
    response = bank.client.post(CREDIT, json={"amount": "IBAN-4711", "term_months": 24}, headers=bank.token())
    assert "4711" not in response.text


def test_a_batch_holds_at_most_a_thousand(bank: Bank) -> None:
    items = [{"customer_id": "ann"}] * 1_001
    response = bank.client.post("/v1/score/segment:batch", json={"items": items}, headers=bank.token())
    assert_problem(response, 422, "invalid-body")
    response = bank.client.post("/v1/score/segment:batch", json={"items": items[1:]}, headers=bank.token())
    assert len(response.json()["items"]) == len(bank.log.records) == 1_000


@pytest.mark.parametrize(
    "content_type",
    ["application/vnd.bentoml+pickle", "multipart/form-data; boundary=x", "text/plain", "",
     "application/json; charset=utf-16", "application/jsonx"],
)  # fmt: skip
def test_only_json_is_read(bank: Bank, content_type: str) -> None:
    headers = bank.token() | {"Content-Type": content_type}
    response = bank.client.post(NBA, content=b'{"customer_id":"ann"}', headers=headers)
    assert_problem(response, 415, "media-type")


def test_compressed_bodies_are_not_read(bank: Bank) -> None:
    headers = bank.token() | {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert_problem(bank.client.post(NBA, content=b"x", headers=headers), 415, "media-type")


def test_bodies_are_limited_even_without_a_length(bank: Bank) -> None:
    headers = bank.token() | {"Content-Type": "application/json"}
    large = b'{"customer_id":"' + b"x" * 70_000 + b'"}'
    assert_problem(bank.client.post(NBA, content=large, headers=headers), 413, "too-large")
    chunked = bank.client.post(NBA, content=iter([large[:40_000], large[40_000:]]), headers=headers)
    assert_problem(chunked, 413, "too-large")


def test_routes_that_are_not_there_and_methods_that_do_not_fit(bank: Bank) -> None:
    assert_problem(bank.client.get("/nothing", headers=bank.token()), 404, "no-such-route")
    response = bank.client.get(NBA, headers=bank.token())
    assert_problem(response, 405, "method")
    assert response.headers["allow"] == "POST"


def test_every_route_of_the_application_is_in_the_table_and_the_other_way_round(bank: Bank) -> None:
    assert {*_walk(endpoints(bank.desk).routes), *apps(bank.desk)} == set(ROUTES)


def _walk(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for route in routes:
        if included := getattr(route, "original_router", None):
            yield from _walk(included.routes)
        else:
            yield from ((method, route.path) for method in route.methods if method != "HEAD")


def test_the_description_of_the_api_needs_a_token(bank: Bank) -> None:
    for path in ("/openapi.json", "/docs"):
        assert_problem(bank.client.get(path), 401, "invalid-token")
        assert bank.client.get(path, headers=bank.token("status:read")).status_code == 200


def test_an_error_nobody_expected_tells_nothing_of_the_inside(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr(bank.desk.engine, "ask", broken)
    response = bank.client.post(NBA, json=BODIES[NBA], headers=bank.token())
    assert "secret" not in json.dumps(assert_problem(response, 500, "internal"))


def test_points_are_shown_and_redeemed_once_for_each_key(bank: Bank) -> None:
    before = bank.client.post("/v1/loyalty/account", json={"customer_id": "ann"}, headers=bank.token()).json()
    assert before["points"] >= 200
    assert sum(lot["points"] for lot in before["schedule"]) == before["points"]
    headers = bank.token() | {"Idempotency-Key": "order-0001"}
    body = {"customer_id": "ann", "points": 150}
    first = bank.client.post("/v1/loyalty/redeem", json=body, headers=headers)
    again = bank.client.post("/v1/loyalty/redeem", json=body, headers=headers)
    assert first.status_code == 200
    assert first.content == again.content
    after = bank.client.post("/v1/loyalty/account", json={"customer_id": "ann"}, headers=bank.token()).json()
    assert after["points"] == before["points"] - 150
    other = bank.client.post("/v1/loyalty/redeem", json=body | {"points": 160}, headers=headers)
    assert_problem(other, 409, "idempotency-conflict")
    much = bank.token() | {"Idempotency-Key": "order-0002"}
    response = bank.client.post("/v1/loyalty/redeem", json=body | {"points": 10**9}, headers=much)
    assert_problem(response, 409, "not-enough-points")


@pytest.mark.parametrize("key", [None, "", "short", "x" * 101, "with space in", "ключ-ключ-ключ"])
def test_spending_needs_a_proper_key(bank: Bank, key: str | None) -> None:
    headers = [*bank.token().items(), *([("Idempotency-Key", key.encode())] if key is not None else [])]
    body = {"customer_id": "ann", "points": 150}
    response = bank.client.post("/v1/loyalty/redeem", json=body, headers=headers)
    assert_problem(response, 422, "invalid-body")


@pytest.mark.parametrize("points", [0, -1, 0.5, 1e18, "100", True, None, 2**63])
def test_only_whole_positive_points_are_spent(bank: Bank, points: object) -> None:
    headers = bank.token() | {"Idempotency-Key": "order-0001"}
    body = {"customer_id": "ann", "points": points}
    assert_problem(bank.client.post("/v1/loyalty/redeem", json=body, headers=headers), 422, "invalid-body")


def test_status_and_models_tell_what_serves(bank: Bank) -> None:
    status = bank.client.get("/v1/status", headers=bank.token()).json()
    assert (status["status"], status["profile"]) == ("ready", "demo")
    assert bank.client.get("/v1/models", headers=bank.token()).status_code == 200


def test_a_decision_that_cannot_be_looked_up_is_asked_for_again(
    bank: Bank,
) -> None:
    def broken(decision_id: str) -> bytes:
        raise DatabaseUnavailable("/var/secret/worker-2.db", "file is not a database")

    object.__setattr__(bank.desk, "find", broken)
    asked = {"decision_id": "id-1"}
    for found in (
        bank.client.get("/v1/decisions", params=asked, headers=bank.token()),
        bank.client.post("/v1/decisions/review", json=asked, headers=bank.token()),
        bank.client.post(
            "/v1/decisions/outcome",
            json=asked | {"offer_id": "x", "outcome": "ignored"},
            headers=bank.token(),
        ),
    ):
        assert_problem(found, 503, "unavailable")
        assert "secret" not in found.text
        assert found.headers["retry-after"] == "1"
