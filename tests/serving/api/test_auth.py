"""Tokens: what opens a route, and everything that does not."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from serving.auth import AUDIENCE, EVERY_SCOPE, ISSUER, ROUTES, TokenCheck, issue
from serving.errors import InvalidToken
from tests.conftest import AT
from tests.serving.conftest import Bank

CLAIMS = {
    "iss": ISSUER, "aud": AUDIENCE, "sub": "app", "jti": "t-1", "iat": int(AT.timestamp()),
    "exp": int(AT.timestamp()) + 3600, "scope": "score:read",
}  # fmt: skip


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def test_a_token_says_who_and_what(key: Ed25519PrivateKey) -> None:
    caller = TokenCheck(key.public_key()).caller(issue(key, "app", ["score:read"], 1, AT), AT)
    assert (caller.subject, caller.scopes) == ("app", {"score:read"})


def _signed(key: Ed25519PrivateKey, **changed: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | changed).items() if value is not ...}
    return jwt.encode(claims, key, algorithm="EdDSA")


def _none(key: Ed25519PrivateKey) -> str:
    return jwt.encode(CLAIMS, None, algorithm="none")


def _confused(key: Ed25519PrivateKey) -> str:
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return jwt.encode(CLAIMS, public + b"\0" * 32, algorithm="HS256")


def _altered(key: Ed25519PrivateKey) -> str:
    head, _, signature = _signed(key).split(".")
    claims = json.dumps(CLAIMS | {"scope": " ".join(EVERY_SCOPE)}).encode()
    return ".".join([head, base64.urlsafe_b64encode(claims).decode().rstrip("="), signature])


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(_none, id="alg-none"),
        pytest.param(_confused, id="public-key-as-secret"),
        pytest.param(_altered, id="claims-altered"),
        pytest.param(lambda key: _signed(Ed25519PrivateKey.generate()), id="another-key"),
        pytest.param(lambda key: _signed(key, iss="other"), id="another-issuer"),
        pytest.param(lambda key: _signed(key, aud="other"), id="another-audience"),
        pytest.param(lambda key: _signed(key, aud=[AUDIENCE, "other"]), id="a-list-of-audiences"),
        pytest.param(lambda key: _signed(key, exp=int(AT.timestamp())), id="expired"),
        pytest.param(lambda key: _signed(key, exp=str(CLAIMS["exp"])), id="expiry-as-text"),
        pytest.param(lambda key: _signed(key, exp=1e300), id="expiry-as-float"),
        pytest.param(lambda key: _signed(key, exp=...), id="no-expiry"),
        pytest.param(lambda key: _signed(key, jti=...), id="no-id"),
        pytest.param(lambda key: _signed(key, sub=7), id="subject-is-a-number"),
        pytest.param(lambda key: _signed(key, scope=["score:read"]), id="scopes-as-list"),
        pytest.param(lambda key: _signed(key) + "A", id="trailing-junk"),
        pytest.param(lambda key: _signed(key, pad="x" * 5_000), id="too-long"),
        pytest.param(lambda key: "", id="empty"),
        pytest.param(lambda key: "a.b.c", id="noise"),
        pytest.param(lambda key: "ä.ö.ü", id="not-ascii"),
    ],
)
def test_no_other_token_opens_anything(
    key: Ed25519PrivateKey, forge: Callable[[Ed25519PrivateKey], str]
) -> None:
    with pytest.raises(InvalidToken):
        TokenCheck(key.public_key()).caller(forge(key), AT)


def test_a_remembered_token_still_expires_and_can_be_taken_back(key: Ed25519PrivateKey) -> None:
    revoked: set[str] = set()
    check, token = TokenCheck(key.public_key(), revoked=revoked), issue(key, "app", ["score:read"], 1, AT)
    caller = check.caller(token, AT)
    with pytest.raises(InvalidToken, match="expired"):
        check.caller(token, AT + timedelta(hours=1))
    revoked.add(caller.token_id)
    with pytest.raises(InvalidToken, match="revoked"):
        check.caller(token, AT)


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


def test_only_known_scopes_and_sane_times_are_issued(key: Ed25519PrivateKey) -> None:
    with pytest.raises(ValueError, match="everything"):
        issue(key, "app", ["everything"], 1, AT)
    with pytest.raises(ValueError, match="hours"):
        issue(key, "app", ["score:read"], 0, AT)
