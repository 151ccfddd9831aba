"""The authorisation matrix: every route by everybody who may knock, and what the table says they find.

Whoever can send a request to a served tiny bank can hold it against this table: the tests do, and
`make prove-authorisation`.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from serving.auth import AUDIENCE, CUSTOMER_SCOPES, EVERY_SCOPE, ISSUER, issue
from serving.tokens.keyring import key_id

# Route, the scope that opens it, and how it names a customer: in its body, in the items of a batch, by
# the id of a decision, or not at all. `open` is open to everybody; `none` is there for nobody.
TABLE = """
POST   /v1/decisions/next-best-action         decisions:make     body
POST   /v1/decisions/next-best-action:batch   decisions:make     items
POST   /v1/decisions/credit                   decisions:make     body
POST   /v1/decisions/credit:batch             decisions:make     items
POST   /v1/decisions/suitability              decisions:make     body
POST   /v1/decisions/suitability:batch        decisions:make     items
GET    /v1/decisions                          decisions:read     decision
GET    /v1/decisions/explanation              decisions:read     decision
POST   /v1/decisions/review                   decisions:review   decision
POST   /v1/decisions/outcome                  decisions:outcome  decision
POST   /v1/score/segment                      score:read         body
POST   /v1/score/segment:batch                score:read         items
POST   /v1/score/propensity                   score:read         body
POST   /v1/score/propensity:batch             score:read         items
POST   /v1/score/credit                       score:read         body
POST   /v1/score/credit:batch                 score:read         items
POST   /v1/score/recommendation               score:read         body
POST   /v1/score/recommendation:batch         score:read         items
POST   /v1/loyalty/account                    loyalty:read       body
POST   /v1/loyalty/redeem                     loyalty:write      body
POST   /v1/events                             events:write       -
GET    /v1/status                             status:read        -
GET    /v1/models                             status:read        -
GET    /openapi.json                          status:read        -
GET    /docs                                  status:read        -
GET    /metrics                               status:read        -
GET    /livez                                 open               -
GET    /readyz                                open               -
GET    /healthz                               open               -
GET    /                                      none               -
GET    /docs.json                             none               -
GET    /schema.json                           none               -
GET    /redoc                                 none               -
GET    /console                               none               -
GET    //v1/status                            none               -
GET    /v1/status/                            none               -
GET    /V1/STATUS                             none               -
GET    /v1/../v1/status                       none               -
GET    /livez/../v1/status                    none               -
GET    /v1/decisions/next-best-action         none               -
DELETE /v1/decisions                          none               -
PUT    /v1/loyalty/redeem                     none               -
OPTIONS /v1/status                            none               -
HEAD   /v1/status                             none               -
POST   /livez                                 none               -
"""
# Who knocks, and what they find at: an open route, one their scope opens, one it does not.
FORGED = 401
NO_SCOPE, ANOTHER, NOT_THERE = 403, 403, (404, 405)
OPENED = (200,)
READ = ("", "/explanation", "/review")  # what looks a credit decision up
MAY_REFUSE = {"/v1/decisions/review": (200, 409), "/v1/loyalty/redeem": (200, 409)}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    method: str
    path: str
    scope: str
    names: str


ROWS = tuple(Row(*line.split()) for line in TABLE.strip().splitlines())


class Ask(Protocol):
    """Sends one request; returns the status and the body of the answer."""

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, bytes]: ...


@dataclass(frozen=True)
class Knock:
    """One request, and the statuses the table allows."""

    who: str
    row: Row
    headers: Mapping[str, str]
    body: bytes | None
    query: str
    allowed: tuple[int, ...]


@dataclass(frozen=True)
class Bank:
    """A served tiny bank as its tester holds it: the key that signs, the clock, one decision of each."""

    key: Ed25519PrivateKey
    now: datetime
    decisions: Mapping[tuple[str, str], str]  # by customer and route
    offer: str

    def knocks(self, revoked: str, share: int = 1) -> Iterator[Knock]:
        """Every row by everybody; of tokens that open nothing only each `share`-th, others at each row."""
        false = list(forged(self.key, self.now))
        for place, row in enumerate(ROWS):
            some = false[place % share :: share]
            for who, token in (("nobody", None), *some, ("a token revoked", revoked)):
                allowed = OPENED if row.scope == "open" else NOT_THERE if row.scope == "none" else (FORGED,)
                yield self._knock(who, row, token, "ann", allowed)
            for scope in EVERY_SCOPE:
                yield self._knock(
                    f"an app with {scope}", row, self._token(scope), "ann", self._app(row, scope)
                )
            own = issue(self.key, "app", CUSTOMER_SCOPES, 1, self.now, "ann")
            for about in ("ann", "ben"):
                yield self._knock(f"ann about {about}", row, own, about, self._own(row, about))

    def _token(self, *scopes: str) -> str:
        return issue(self.key, "app", scopes, 1, self.now)

    def _app(self, row: Row, scope: str) -> tuple[int, ...]:
        if row.scope in ("open", "none"):
            return OPENED if row.scope == "open" else NOT_THERE
        return MAY_REFUSE.get(row.path, OPENED) if row.scope == scope else (NO_SCOPE,)

    def _own(self, row: Row, about: str) -> tuple[int, ...]:
        if row.scope in CUSTOMER_SCOPES and about != "ann":
            return (404,) if row.names == "decision" else (ANOTHER,)
        return self._app(row, row.scope if row.scope in CUSTOMER_SCOPES else "")

    def _knock(self, who: str, row: Row, token: str | None, about: str, allowed: tuple[int, ...]) -> Knock:
        headers = {"Content-Type": "application/json"} if row.method in ("POST", "PUT") else {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if row.path == "/v1/loyalty/redeem":
            headers["Idempotency-Key"] = f"order-{about}-0001"
        sent = self._body(row, about) if row.method in ("POST", "PUT") else None
        body = None if sent is None else json.dumps(sent).encode()
        query = ""
        if row.method == "GET" and row.names == "decision":
            query = f"?decision_id={self.decisions[about, row.path]}"
        return Knock(who, row, headers, body, query, allowed)

    def _body(self, row: Row, about: str) -> dict[str, Any]:
        if row.path == "/v1/events":
            return {"events": [{"table": "bookings"}]}
        if row.names == "decision":
            offer = {"offer_id": self.offer, "outcome": "declined"} if row.path.endswith("outcome") else {}
            return {"decision_id": self.decisions.get((about, row.path), "none"), **offer}
        extra: dict[str, object] = {}
        if "credit" in row.path and "decisions" in row.path:
            extra = {"amount": 6000, "term_months": 24}
        elif "suitability" in row.path:
            extra = {"product_id": "savings-term"}
        elif "redeem" in row.path:
            extra = {"points": 1}
        asked = {"customer_id": about, **extra}
        return {"items": [{"customer_id": "ann", **extra}, asked]} if row.names == "items" else asked


def meet(ask: Ask, key: Ed25519PrivateKey, now: datetime) -> Bank:
    """Ask for one decision of each kind about ann and ben, so that they can be looked up."""
    headers = {"Authorization": f"Bearer {issue(key, 'app', EVERY_SCOPE, 1, now)}",
               "Content-Type": "application/json"}  # fmt: skip
    decisions: dict[tuple[str, str], str] = {}
    offer = ""
    for customer in ("ann", "ben"):
        for path, extra in (
            ("credit", {"amount": 6000, "term_months": 24}),
            ("next-best-action", {"top": 6}),
        ):
            body = json.dumps({"customer_id": customer, **extra}).encode()
            status, said = ask("POST", f"/v1/decisions/{path}", headers, body)
            assert status == 200, said
            answer = json.loads(said)
            if path == "credit":
                decisions |= {(customer, f"/v1/decisions{end}"): answer["decision_id"] for end in READ}
            else:
                decisions[customer, "/v1/decisions/outcome"] = answer["decision_id"]
                offer = answer["offers"][0]["offer_id"] if customer == "ann" else offer
    return Bank(key, now, decisions, offer)


def surprises(ask: Ask, bank: Bank, revoked: str, share: int = 1) -> tuple[int, list[str]]:
    """How many requests were made, and each that found something else than the table says."""
    count, found = 0, []
    for knock in bank.knocks(revoked, share):
        status, said = ask(knock.row.method, knock.row.path + knock.query, knock.headers, knock.body)
        count += 1
        if status not in knock.allowed:
            found.append(
                f"{knock.row.method} {knock.row.path} by {knock.who}: {status}, the table says "
                f"{' or '.join(map(str, knock.allowed))}: {said[:120]!r}"
            )
    return count, found


def forged(key: Ed25519PrivateKey, now: datetime) -> Iterator[tuple[str, str]]:
    """Tokens that open nothing, each with its name; all but one thing about each is right."""
    at, kid = int(now.timestamp()), key_id(key.public_key())
    claims: dict[str, Any] = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "app", "jti": "t-1", "iat": at, "exp": at + 3600,
        "scope": " ".join(EVERY_SCOPE),
    }  # fmt: skip

    def signed(by: Ed25519PrivateKey = key, headers: Mapping[str, Any] | None = None, **changed: Any) -> str:
        kept = {name: value for name, value in (claims | changed).items() if value is not ...}
        return raw({"alg": "EdDSA", "typ": "JWT", "kid": kid, **(headers or {})}, kept, by)

    other, whole = Ed25519PrivateKey.generate(), signed()
    yield "alg none", jwt.encode(claims, None, algorithm="none", headers={"kid": kid})
    yield "alg none, signed", raw({"alg": "none", "kid": kid}, claims, key)
    for name, secret in _public_spellings(key):
        for algorithm in ("HS256", "HS512"):
            forgery = _hmac(claims, secret, kid, algorithm)
            yield f"{algorithm} with the public key's {name}", forgery
    yield "another key", signed(other)
    yield "another key under its own kid", signed(other, {"kid": key_id(other.public_key())})
    for name, trick in KID_TRICKS.items():
        yield f"kid {name}", raw({"alg": "EdDSA", "kid": trick}, claims, key)
    yield "no kid", raw({"alg": "EdDSA", "typ": "JWT"}, claims, key)
    yield "crit", signed(headers={"crit": ["exp"]})
    yield "its key in its header", signed(other, {"jwk": {"kty": "OKP", "crv": "Ed25519"}})
    yield "jku", signed(headers={"jku": "https://example.org/keys"})
    yield "b64 false", signed(headers={"b64": False})
    for name, changed in claim_tricks(at).items():
        yield name, signed(**changed)
    yield "a claim twice", raw({"alg": "EdDSA", "kid": kid}, claims, key, twice=("scope", ""))
    yield "a header member twice", raw({"alg": "EdDSA", "kid": kid}, claims, key, twice_head=("alg", "none"))
    yield "junk after the signature", whole + "A"
    yield "padding after the signature", whole + "=="
    yield "a signature spelt otherwise", _respelt(whole)
    yield "a fourth part", whole + ".e30"
    yield "an empty signature", whole.rsplit(".", 1)[0] + "."
    yield "claims of another", _altered(whole, claims | {"customer": "ben"})
    yield "no JWT", "a.b.c"
    yield "empty parts", ".."
    yield "not ASCII", "ä.ö.ü"
    yield "long", signed(sub="x" * 5_000)


KID_TRICKS: Mapping[str, Any] = {
    "a path": "../../token", "the key's file": "../token.pem", "/dev/null": "/dev/null", "SQL": "' OR '1'='1",
    "NUL": "\0", "empty": "", "a number": 7, "null": None, "a list": ["a"], "a URL": "http://127.0.0.1/k",
    "*": "*", "long": "a" * 2_000,
}  # fmt: skip


def claim_tricks(at: int) -> Mapping[str, Mapping[str, Any]]:
    """Claims that are wrong one at a time."""
    return {
        "expired": {"iat": at - 7200, "exp": at - 3600},
        "expires as text": {"exp": str(at + 3600)},
        "expires as a fraction": {"exp": at + 3600.5},
        "expires as true": {"exp": True},
        "expires in the year 10^300": {"exp": 10**300},
        "lasts a century": {"exp": at + 100 * 365 * 86_400},
        "no expiry": {"exp": ...},
        "not valid before tomorrow": {"nbf": at + 86_400},
        "not before as text": {"nbf": "now"},
        "issued tomorrow": {"iat": at + 86_400, "exp": at + 90_000},
        "no time of issue": {"iat": ...},
        "another audience": {"aud": "other"},
        "a list of audiences": {"aud": [AUDIENCE]},
        "no audience": {"aud": ...},
        "another issuer": {"iss": "other"},
        "a list of issuers": {"iss": [ISSUER]},
        "no issuer": {"iss": ...},
        "no id": {"jti": ...},
        "an id as a number": {"jti": 7},
        "an id with a path": {"jti": "../x"},
        "no subject": {"sub": ...},
        "a subject of two lines": {"sub": "app\nadmin"},
        "a number as subject": {"sub": 7},
        "scopes as a list": {"scope": list(EVERY_SCOPE)},
        "no scopes": {"scope": ...},
        "a claim nobody knows": {"entity": "CN02"},
        "a customer who is null": {"customer": None},
        "a customer who is a list": {"customer": ["ann"]},
        "a customer who is empty": {"customer": ""},
        "a customer with a space": {"customer": "ann "},
        "a customer with status:read": {"customer": "ann"},
    }


def raw(
    header: Mapping[str, Any], claims: Mapping[str, Any], key: Ed25519PrivateKey,
    twice: tuple[str, object] | None = None, twice_head: tuple[str, object] | None = None,
) -> str:  # fmt: skip
    """A token signed over exactly this header and these claims, one of which may come twice."""
    parts = [_b64(_json(header, twice_head)), _b64(_json(claims, twice))]
    signed = b".".join(parts)
    return (signed + b"." + _b64(key.sign(signed))).decode()


def _json(members: Mapping[str, Any], twice: tuple[str, object] | None) -> bytes:
    text = json.dumps(members)
    return (text[:-1] + f", {json.dumps(twice[0])}: {json.dumps(twice[1])}}}" if twice else text).encode()


def _b64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _public_spellings(key: Ed25519PrivateKey) -> Iterator[tuple[str, bytes]]:
    public, encodings, formats = key.public_key(), serialization.Encoding, serialization.PublicFormat
    yield "bytes", public.public_bytes(encodings.Raw, formats.Raw)
    yield "PEM", public.public_bytes(encodings.PEM, formats.SubjectPublicKeyInfo)


def _hmac(claims: Mapping[str, Any], secret: bytes, kid: str, algorithm: str) -> str:
    head = {"alg": algorithm, "typ": "JWT", "kid": kid}
    signed = _b64(_json(head, None)) + b"." + _b64(_json(claims, None))
    digest = hashlib.sha256 if algorithm == "HS256" else hashlib.sha512
    return (signed + b"." + _b64(hmac.new(secret, signed, digest).digest())).decode()


def _respelt(token: str) -> str:
    """The same signature bytes in other letters: the last one holds bits that nobody reads."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + letters[letters.index(token[-1]) ^ 1]


def _altered(token: str, claims: Mapping[str, Any]) -> str:
    head, _, signature = token.split(".")
    return f"{head}.{_b64(_json(claims, None)).decode()}.{signature}"
