"""The identity provider is a small server on loopback that a test tells how to misbehave."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from crm_rules.errors import LoginRefused
from crm_rules.governance.oidc import DEVICE, Client, Provider, person_of
from crm_rules.governance.people import Trust
from tests.crm_rules.governance.lists import DAY, FIRST, START, after, first

NOW = START + DAY
KEYS: dict[str, Any] = {
    "EdDSA": Ed25519PrivateKey.generate(),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": rsa.generate_private_key(65537, 2048),
}
OTHER = Ed25519PrivateKey.generate()
KINDS: dict[str, Any] = {
    "EdDSA": jwt.algorithms.OKPAlgorithm,
    "ES256": jwt.algorithms.ECAlgorithm,
    "RS256": jwt.algorithms.RSAAlgorithm,
}


def listed(algorithm: str, key: Any, kid: str) -> dict[str, Any]:
    told: dict[str, Any] = KINDS[algorithm].to_jwk(key.public_key(), as_dict=True)
    return {**told, "kid": kid, "use": "sig"}


@dataclass
class Idp:
    """What the provider answers; `waits` are the answers of the token endpoint before the token."""

    address: str = ""
    jwks: list[dict[str, Any]] = field(default_factory=list)
    token: object = ""
    waits: list[str] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def answer(self, path: str, form: dict[str, list[str]]) -> tuple[int, bytes]:
        if path in self.answers:
            return self.answers[path]
        said: dict[str, Any] = {"id_token": self.token}
        if path == "/.well-known/openid-configuration":
            said = {
                "issuer": self.address,
                "jwks_uri": f"{self.address}/jwks",
                "token_endpoint": f"{self.address}/token",
                "device_authorization_endpoint": f"{self.address}/device",
            } | self.document
        elif path == "/jwks":
            said = {"keys": self.jwks}
        elif path == "/device":
            self.asked.append(form)
            said = {"device_code": "dc", "user_code": "ABCD-EFGH", "expires_in": 600, "interval": 5,
                    "verification_uri": f"{self.address}/confirm"}  # fmt: skip
        else:
            self.asked.append(form)
            if self.waits:
                return 400, json.dumps({"error": self.waits.pop(0)}).encode()
        return 200, json.dumps(said).encode()


@pytest.fixture
def idp() -> Iterator[Idp]:
    provider = Idp(jwks=[listed(alg, key, alg) for alg, key in KEYS.items()])

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status, data = provider.answer(self.path, parse_qs(self.rfile.read(length).decode()))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", data.decode())
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield provider
    server.shutdown()
    server.server_close()
    thread.join()


def claims(idp: Idp, **changed: Any) -> dict[str, Any]:
    usual = {
        "iss": idp.address,
        "aud": "bank",
        "sub": "sub-1",
        "iat": int(NOW.timestamp()),
        "exp": int((NOW + timedelta(minutes=5)).timestamp()),
    } | changed
    return {name: value for name, value in usual.items() if value is not None}


def token(idp: Idp, algorithm: str = "EdDSA", key: Any = None, kid: str | None = None, **changed: Any) -> str:
    return jwt.encode(
        claims(idp, **changed), key or KEYS[algorithm], algorithm, headers={"kid": kid or algorithm}
    )


def provider(idp: Idp, secret: str = "") -> Provider:
    return Provider(Client(idp.address, "bank", secret))


def log_in(idp: Idp) -> str:
    asking = provider(idp)
    return asking.wait(asking.begin(), lambda: NOW, never)


def never(seconds: float) -> None:
    raise AssertionError(f"slept {seconds} s")


@pytest.mark.parametrize("algorithm", list(KEYS))
def test_a_confirmed_login_gives_the_verified_subject(idp: Idp, algorithm: str) -> None:
    idp.token = token(idp, algorithm)
    begun = provider(idp, "s3cret").begin()
    assert (begun.address, begun.user_code) == (f"{idp.address}/confirm", "ABCD-EFGH")
    assert provider(idp, "s3cret").wait(begun, lambda: NOW, never) == "sub-1"
    assert idp.asked == [
        {"client_id": ["bank"], "scope": ["openid"], "client_secret": ["s3cret"]},
        {"client_id": ["bank"], "grant_type": [DEVICE], "device_code": ["dc"], "client_secret": ["s3cret"]},
    ]


def test_a_login_waits_as_long_as_the_provider_asks(idp: Idp) -> None:
    idp.token, idp.waits = token(idp), ["authorization_pending", "slow_down", "authorization_pending"]
    slept: list[float] = []
    assert provider(idp).wait(provider(idp).begin(), lambda: NOW, slept.append) == "sub-1"
    assert slept == [5, 10, 10]
    assert all("client_secret" not in form for form in idp.asked)


def test_a_code_that_nobody_confirms_ends_in_time(idp: Idp) -> None:
    idp.waits = ["authorization_pending"] * 500
    times = [NOW]
    begun = provider(idp).begin()
    with pytest.raises(LoginRefused, match="nobody confirmed"):
        provider(idp).wait(begun, lambda: times[-1], lambda s: times.append(times[-1] + timedelta(seconds=s)))
    assert times[-1] - NOW == timedelta(seconds=600)


@pytest.mark.parametrize("error", ["access_denied", "expired_token", "invalid_client"])
def test_a_refusal_of_the_provider_ends_the_login(idp: Idp, error: str) -> None:
    idp.waits = [error]
    with pytest.raises(LoginRefused, match=error):
        log_in(idp)


def unsigned(idp: Idp) -> str:
    return jwt.encode(claims(idp), None, "none")


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def confused(idp: Idp) -> str:
    """HS256 with the public key as its secret."""
    public = KEYS["EdDSA"].public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return jwt.encode(claims(idp), public, "HS256", headers={"kid": "EdDSA"})


def seconds(at: datetime) -> int:
    return int(at.timestamp())


BAD: list[tuple[str, Callable[[Idp], object], str]] = [
    ("wrong-audience", lambda i: token(i, aud="other"), "Audience"),
    ("no-audience", lambda i: token(i, aud=None), '"aud"'),
    ("wrong-issuer", lambda i: token(i, iss="https://idp.example"), "issuer"),
    ("no-subject", lambda i: token(i, sub=None), '"sub"'),
    ("subject-a-number", lambda i: token(i, sub=7), "not valid"),
    ("no-expiry", lambda i: token(i, exp=None), '"exp"'),
    ("expired", lambda i: token(i, exp=seconds(NOW)), "expired"),
    ("expiry-a-text", lambda i: token(i, exp="2099"), "no number"),
    ("of-the-future", lambda i: token(i, iat=seconds(NOW + DAY)), "of the future"),
    ("not-yet", lambda i: token(i, nbf=seconds(NOW + DAY)), "of the future"),
    ("for-another-party", lambda i: token(i, azp="other"), "for 'other'"),
    ("for-many-unnamed", lambda i: token(i, aud=["bank", "other"]), "for None"),
    ("alg-none", unsigned, "signed by 'none'"),
    ("alg-hs256", confused, "signed by 'HS256'"),
    ("signed-by-another", lambda i: token(i, key=OTHER), "Signature verification failed"),
    ("unknown-key", lambda i: token(i, kid="k9"), "lists 0 keys"),
    ("key-of-another-kind", lambda i: token(i, kid="RS256"), "lists 0 keys"),
    ("signature-cut", lambda i: token(i).rsplit(".", 1)[0] + ".", "not valid"),
    ("no-signature", lambda i: token(i).rsplit(".", 1)[0], "not valid"),
    ("body-swapped", lambda i: token(i).split(".")[0] + "." + part(claims(i)) + ".AAAA", "not valid"),
    ("no-token", lambda i: None, "no id_token"),
    ("garbage", lambda i: "garbage", "not valid"),
]


@pytest.mark.parametrize(("make", "found"), [pytest.param(m, f, id=i) for i, m, f in BAD])
def test_a_token_that_proves_nothing_is_refused(idp: Idp, make: Callable[[Idp], object], found: str) -> None:
    idp.token = make(idp)
    with pytest.raises(LoginRefused, match=found):
        log_in(idp)


def test_a_token_for_several_names_this_platform_as_its_party(idp: Idp) -> None:
    assert provider(idp).subject(token(idp, aud=["bank", "other"], azp="bank"), NOW) == "sub-1"


def test_a_rotated_key_is_found_and_the_old_one_counts_no_more(idp: Idp) -> None:
    asking, old = provider(idp), token(idp)
    idp.jwks = [listed("EdDSA", OTHER, "new")]
    assert asking.subject(token(idp, key=OTHER, kid="new"), NOW) == "sub-1"
    with pytest.raises(LoginRefused, match="lists 0 keys"):
        asking.subject(old, NOW)


def test_a_provider_with_two_keys_of_one_name_is_not_guessed_at(idp: Idp) -> None:
    idp.jwks.append(listed("EdDSA", OTHER, "EdDSA"))
    with pytest.raises(LoginRefused, match="lists 2 keys"):
        provider(idp).subject(token(idp), NOW)


@pytest.mark.parametrize(
    ("client", "found"),
    [
        pytest.param(Client("", "bank"), "no identity provider is set", id="no-issuer"),
        pytest.param(Client("https://idp.example", ""), "no identity provider is set", id="no-client"),
        pytest.param(Client("http://idp.example", "bank"), "neither https", id="plain-http"),
        pytest.param(Client("ftp://127.0.0.1", "bank"), "neither https", id="ftp"),
        pytest.param(Client("file:///etc/passwd", "bank"), "neither https", id="file"),
        pytest.param(
            Client("http://127.0.0.1@idp.example", "bank"), "neither https", id="looks-like-loopback"
        ),
        pytest.param(Client("http://127.0.0.1:1", "bank"), "does not answer", id="nobody-there"),
    ],
)
def test_only_https_or_loopback_is_asked(client: Client, found: str) -> None:
    with pytest.raises(LoginRefused, match=found):
        Provider(client)


ANSWERS: list[tuple[str, int, bytes]] = [
    ("html", 200, b"<html>"),
    ("a-list", 200, b"[]"),
    ("deep", 200, b"[" * 100_000),
    ("error", 500, b'{"issuer": "x"}'),
    ("redirected", 302, b"http://127.0.0.1:1/"),
    ("too-long", 200, b'{"a": "' + b"x" * 2_000_000 + b'"}'),
]


@pytest.mark.parametrize(("status", "data"), [pytest.param(s, d, id=i) for i, s, d in ANSWERS])
def test_an_answer_that_is_no_json_object_is_refused(idp: Idp, status: int, data: bytes) -> None:
    idp.answers["/.well-known/openid-configuration"] = (status, data)
    with pytest.raises(LoginRefused, match="answered no JSON object"):
        provider(idp)


@pytest.mark.parametrize(
    ("document", "found"),
    [
        pytest.param({"issuer": "https://idp.example"}, "speaks for", id="another-issuer"),
        pytest.param({"device_authorization_endpoint": None}, "has no device_auth", id="no-device-flow"),
        pytest.param({"device_authorization_endpoint": "http://idp.example/d"}, "neither https", id="plain"),
        pytest.param({"jwks_uri": "file:///etc/passwd"}, "neither https", id="keys-in-a-file"),
    ],
)
def test_a_document_that_points_elsewhere_is_refused(idp: Idp, document: dict[str, Any], found: str) -> None:
    idp.document, idp.token = document, token(idp)
    with pytest.raises(LoginRefused, match=found):
        log_in(idp)


def test_a_provider_without_a_code_is_refused(idp: Idp) -> None:
    idp.answers["/device"] = (400, b'{"error": "unauthorized_client"}')
    with pytest.raises(LoginRefused, match="gave no code"):
        provider(idp).begin()


def test_a_subject_is_a_person_in_force_or_nobody() -> None:
    victor = replace(FIRST[2], oidc_subject="sub-1")
    one = first(people=(*FIRST[:2], victor))
    gone = after(one, replace(victor, left_at=NOW), at=NOW)
    trust = Trust((one, gone), "bank")
    assert person_of(Trust((one,), "bank"), "sub-1", NOW).id == "victor"
    for listed_as, subject in ((trust, "sub-1"), (trust, "sub-2"), (trust, "")):
        with pytest.raises(LoginRefused, match="nobody in force"):
            person_of(listed_as, subject, NOW)
