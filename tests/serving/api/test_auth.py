"""Tokens: what opens a route, and everything that does not."""

import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from serving.auth import CUSTOMER_SCOPES, EVERY_SCOPE, ROUTES, TokenCheck, issue
from serving.errors import InvalidToken
from serving.tokens import check as checking
from tests.authorisation import forged
from tests.conftest import AT
from tests.serving.api.test_http import BODIES, CREDIT, NBA, assert_problem
from tests.serving.conftest import Bank

KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def own(bank: Bank, customer: str = "ann") -> dict[str, str]:
    """The header with a customer's own token."""
    return {"Authorization": f"Bearer {issue(bank.key, 'app', CUSTOMER_SCOPES, 1, AT, customer)}"}


def test_a_token_says_who_and_what(key: Ed25519PrivateKey) -> None:
    caller = TokenCheck(key.public_key()).caller(issue(key, "app", ["score:read"], 1, AT), AT)
    assert (caller.subject, caller.scopes, caller.customer) == ("app", {"score:read"}, None)


@pytest.mark.parametrize("token", [pytest.param(token, id=name) for name, token in forged(KEY, AT)])
def test_no_other_token_opens_anything(token: str) -> None:
    with pytest.raises(InvalidToken) as refused:
        TokenCheck(KEY.public_key()).caller(token, AT)
    assert not token or token not in str(refused.value)


def test_a_remembered_token_still_expires_and_can_be_taken_back(key: Ed25519PrivateKey) -> None:
    revoked: set[str] = set()
    check, token = TokenCheck(key.public_key(), revoked=revoked), issue(key, "app", ["score:read"], 1, AT)
    caller = check.caller(token, AT)
    with pytest.raises(InvalidToken, match="expired"):
        check.caller(token, AT + timedelta(hours=1))
    revoked.add(caller.token_id)
    with pytest.raises(InvalidToken, match="revoked"):
        check.caller(token, AT)


def test_tokens_of_every_trusted_key_count_until_it_is_retired(key: Ed25519PrivateKey) -> None:
    older, check = Ed25519PrivateKey.generate(), TokenCheck(key.public_key())
    token = issue(older, "app", ["score:read"], 1, AT)
    with pytest.raises(InvalidToken, match="not trusted"):
        check.caller(token, AT)
    check.trust([key.public_key(), older.public_key()])
    assert check.caller(token, AT).subject == check.caller(token, AT).subject == "app"
    check.trust([key.public_key()])
    with pytest.raises(InvalidToken, match="not trusted"):
        check.caller(token, AT)


def test_what_is_remembered_is_bounded(key: Ed25519PrivateKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "MOST_REMEMBERED", 10)
    check = TokenCheck(key.public_key())
    tokens = [issue(key, "app", ["score:read"], 1, AT) for _ in range(35)]
    for token in tokens:
        check.caller(token, AT)
    assert len(check._known) <= 10
    assert tokens[-1] in check._known
    assert [check.caller(token, AT).subject for token in tokens] == ["app"] * 35


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_every_route_opens_to_its_scope_alone(bank: Bank, route: tuple[str, str]) -> None:
    method, path = route
    assert bank.client.request(method, path, json={}).status_code == 401
    assert bank.client.request(method, path, headers={"Authorization": "Basic YTpi"}).status_code == 401
    others = [scope for scope in EVERY_SCOPE if scope != ROUTES[route]]
    refused = bank.client.request(method, path, headers=bank.token(*others))
    assert refused.status_code == 403
    assert ROUTES[route] in refused.json()["detail"]
    opened = bank.client.request(
        method, path, json={} if method == "POST" else None, headers=bank.token(ROUTES[route])
    )
    assert opened.status_code not in (401, 403, 500)


def test_a_missing_token_says_how_to_get_one(bank: Bank) -> None:
    response = bank.client.get("/v1/status")
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert "bank token issue" in response.json()["detail"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        pytest.param({"scopes": ["everything"]}, "everything", id="unknown-scope"),
        pytest.param({"hours": 0}, "hours", id="no-time"),
        pytest.param({"hours": 24 * 90 + 1}, "hours", id="longer-than-a-quarter"),
        pytest.param({"subject": ""}, "name", id="no-name"),
        pytest.param({"subject": "a\nb"}, "name", id="a-name-of-two-lines"),
        pytest.param({"customer": ""}, "customer's id", id="no-customer"),
        pytest.param({"customer": "a b"}, "customer's id", id="a-customer-with-a-space"),
        pytest.param({"customer": "ann", "scopes": ["status:read"]}, "status:read", id="not-a-customers"),
    ],
)
def test_only_what_a_token_can_say_is_issued(
    key: Ed25519PrivateKey, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        issue(key, **{"subject": "app", "scopes": ["score:read"], "hours": 1, "now": AT} | wrong)


@pytest.mark.parametrize("path", BODIES)
def test_a_customers_token_is_good_for_that_customer_alone(bank: Bank, path: str) -> None:
    body = BODIES[path] | {"customer_id": "ann"}
    assert bank.client.post(path, json=body, headers=own(bank)).status_code == 200
    logged = len(bank.log.records)
    for other in ("ben", "nobody", "ANN", "ann\u200b", "ａｎｎ", "ann/../ben", "*", "an%"):
        response = bank.client.post(path, json=body | {"customer_id": other}, headers=own(bank))
        assert response.status_code in (403, 422)
    items = {"items": [body, body | {"customer_id": "ben"}]}
    assert_problem(bank.client.post(f"{path}:batch", json=items, headers=own(bank)), 403, "other-customer")
    assert len(bank.log.records) == logged


def test_a_customers_token_asks_nothing_for_a_newcomer(bank: Bank) -> None:
    for body in ({"amount": 6000, "term_months": 24}, {"customer_id": None, "amount": 1, "term_months": 9}):
        assert_problem(bank.client.post(CREDIT, json=body, headers=own(bank)), 403, "other-customer")
        assert bank.client.post(CREDIT, json=body, headers=bank.token()).status_code == 200


def test_a_decision_about_another_is_as_if_it_were_not_there(bank: Bank) -> None:
    def decided(path: str, body: dict[str, Any]) -> str:
        found: str = bank.client.post(path, json=body, headers=bank.token()).json()["decision_id"]
        return found

    newcomers = decided(CREDIT, {"amount": 6000, "term_months": 24})
    bens = decided(NBA, {"customer_id": "ben"})
    anns = decided(NBA, {"customer_id": "ann"})

    def told(decision: str) -> list[tuple[int, str]]:
        said = {"decision_id": decision}
        outcome = said | {"offer_id": "x", "outcome": "declined"}
        responses = [
            bank.client.get("/v1/decisions", params=said, headers=own(bank)),
            bank.client.post("/v1/decisions/review", json=said, headers=own(bank)),
            bank.client.post("/v1/decisions/outcome", json=outcome, headers=own(bank)),
        ]
        return [
            (each.status_code, str(each.json().get("detail")).replace(decision, "")) for each in responses
        ]

    assert told(bens) == told(newcomers) == told("no-such-decision")
    assert [status for status, _ in told(bens)] == [404, 404, 404]
    assert [status for status, _ in told(anns)][:1] == [200]


@pytest.mark.parametrize("path", ["/v1/loyalty/account", "/v1/loyalty/redeem"])
def test_points_of_another_are_neither_told_nor_spent(bank: Bank, path: str) -> None:
    headers = own(bank, "ben") | {"Idempotency-Key": "order-0001"}
    body = {"customer_id": "ann"} | ({"points": 100} if path.endswith("redeem") else {})
    before = bank.ledger.balance("ann", AT).points
    assert_problem(bank.client.post(path, json=body, headers=headers), 403, "other-customer")
    assert bank.ledger.balance("ann", AT).points == before
    mine = own(bank) | {"Idempotency-Key": "order-0001"}
    assert bank.client.post(path, json=body, headers=mine).status_code == 200


def test_a_problem_about_another_customer_does_not_tell_whether_there_is_one(bank: Bank) -> None:
    said = [
        bank.client.post(NBA, json={"customer_id": other}, headers=own(bank)).json()
        for other in ("ben", "nobody")
    ]
    assert json.dumps(said[0] | {"request_id": ""}) == json.dumps(said[1] | {"request_id": ""})
