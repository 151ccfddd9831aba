"""Who may call what: signed tokens and one table of routes. What is not in the table is refused.

Tokens are JWTs signed with Ed25519 and nothing else; issuer, audience, subject, expiry, id and
scopes are required. A verified token is remembered until it expires: checking one takes 257 us.
"""

import secrets
import threading
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from crm_rules.errors import InvalidKey
from crm_rules.governance import keys
from serving.errors import InvalidToken, MissingScope, OtherCustomer

ISSUER, AUDIENCE = "bank", "bank-scoring"
KEY_FILE = "token.pem"
MOST_HOURS = 24 * 90
MOST_BYTES = 4_096
MOST_REMEMBERED = 10_000


class Scope(StrEnum):
    """What a token allows."""

    SCORE = "score:read"
    DECIDE = "decisions:make"
    READ_DECISIONS = "decisions:read"
    REVIEW = "decisions:review"
    OUTCOME = "decisions:outcome"
    READ_LOYALTY = "loyalty:read"
    REDEEM = "loyalty:write"
    EVENTS = "events:write"
    STATUS = "status:read"


EVERY_SCOPE = tuple(str(scope) for scope in Scope)
ROUTES: Mapping[tuple[str, str], Scope] = {
    ("POST", "/v1/decisions/next-best-action"): Scope.DECIDE,
    ("POST", "/v1/decisions/next-best-action:batch"): Scope.DECIDE,
    ("POST", "/v1/decisions/credit"): Scope.DECIDE,
    ("POST", "/v1/decisions/credit:batch"): Scope.DECIDE,
    ("GET", "/v1/decisions"): Scope.READ_DECISIONS,
    ("POST", "/v1/decisions/review"): Scope.REVIEW,
    ("POST", "/v1/decisions/suitability"): Scope.DECIDE,
    ("POST", "/v1/decisions/suitability:batch"): Scope.DECIDE,
    ("POST", "/v1/decisions/outcome"): Scope.OUTCOME,
    ("POST", "/v1/score/segment"): Scope.SCORE,
    ("POST", "/v1/score/segment:batch"): Scope.SCORE,
    ("POST", "/v1/score/propensity"): Scope.SCORE,
    ("POST", "/v1/score/propensity:batch"): Scope.SCORE,
    ("POST", "/v1/score/credit"): Scope.SCORE,
    ("POST", "/v1/score/credit:batch"): Scope.SCORE,
    ("POST", "/v1/score/recommendation"): Scope.SCORE,
    ("POST", "/v1/score/recommendation:batch"): Scope.SCORE,
    ("POST", "/v1/loyalty/account"): Scope.READ_LOYALTY,
    ("POST", "/v1/loyalty/redeem"): Scope.REDEEM,
    ("POST", "/v1/events"): Scope.EVENTS,
    ("GET", "/v1/status"): Scope.STATUS,
    ("GET", "/v1/models"): Scope.STATUS,
    ("GET", "/openapi.json"): Scope.STATUS,
}
CLOSED: Mapping[tuple[str, str], Scope] = {  # BentoML's own routes that tell about the inside
    ("GET", "/metrics"): Scope.STATUS,
    ("GET", "/docs.json"): Scope.STATUS,
}


OPEN: frozenset[tuple[str, str]] = frozenset({("GET", "/livez"), ("GET", "/readyz"), ("GET", "/healthz")})


@dataclass(frozen=True)
class Caller:
    """Whose token a request carries; a customer's own token names that `customer`, an app's names none."""

    subject: str
    scopes: frozenset[str]
    token_id: str
    expires: int
    customer: str | None = None

    def require(self, scope: str) -> None:
        """MissingScope unless the token has the scope."""
        if scope not in self.scopes:
            raise MissingScope(scope)

    def require_customer(self, customer_id: str | None) -> None:
        """OtherCustomer unless the token may ask about this customer."""
        if self.customer is not None and customer_id != self.customer:
            raise OtherCustomer


def token_key(folder: Path) -> Ed25519PrivateKey:
    """The key tokens are signed with, `token.pem` in that folder; made on first use."""
    path = folder / KEY_FILE
    if not path.exists():
        with suppress(InvalidKey):  # another process made it meanwhile
            return keys.generate(path)
    return keys.load(path)


def issue(key: Ed25519PrivateKey, subject: str, scopes: Sequence[str], hours: int, now: datetime) -> str:
    """A token for an app, good for `hours` from `now`; ValueError for a scope nobody has heard of.

    >>> key, now = Ed25519PrivateKey.generate(), datetime.fromisoformat("2026-03-01T00:00:00+00:00")
    >>> token = issue(key, "app", ["score:read"], 1, now)
    >>> TokenCheck(key.public_key()).caller(token, now).subject
    'app'
    """
    if unknown := sorted(set(scopes) - set(EVERY_SCOPE)):
        raise ValueError(f"Unknown scopes {unknown}; scopes are {list(EVERY_SCOPE)}.")
    if not 1 <= hours <= MOST_HOURS:
        raise ValueError(f"A token lasts 1 to {MOST_HOURS} hours, not {hours}.")
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "jti": secrets.token_hex(16),
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(hours=hours)).timestamp()),
        "scope": " ".join(scopes),
    }
    return jwt.encode(claims, key, algorithm="EdDSA")


class TokenCheck:
    """Verifies tokens of one issuer; `revoked` holds the ids of tokens taken back."""

    def __init__(self, key: Ed25519PublicKey, revoked: Container[str] = ()) -> None:
        self._key, self._revoked = key, revoked
        self._known: dict[str, Caller] = {}
        self._lock = threading.Lock()

    def caller(self, token: str, now: datetime) -> Caller:
        """The caller of a valid token; InvalidToken with the reason otherwise."""
        caller = self._known.get(token)
        if caller is None:
            caller = self._verified(token)
            self._remember(token, caller, now)
        if caller.expires <= now.timestamp():
            raise InvalidToken("it has expired")
        if caller.token_id in self._revoked:
            raise InvalidToken("it was revoked")
        return caller

    def _verified(self, token: str) -> Caller:
        if len(token) > MOST_BYTES:
            raise InvalidToken("it is too long")
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=["EdDSA"],
                issuer=ISSUER,
                audience=AUDIENCE,
                options={
                    "require": ["iss", "aud", "sub", "jti", "exp", "iat", "scope"],
                    "strict_aud": True,
                    "verify_exp": False,  # compared with the caller's clock, cached or not
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise InvalidToken(f"it does not verify ({type(error).__name__})") from error
        return _caller(claims)

    def _remember(self, token: str, caller: Caller, now: datetime) -> None:
        with self._lock:
            if len(self._known) >= MOST_REMEMBERED:
                alive = {t: c for t, c in self._known.items() if c.expires > now.timestamp()}
                self._known = alive if len(alive) < MOST_REMEMBERED else {}
            self._known[token] = caller


def _caller(claims: Mapping[str, object]) -> Caller:
    subject, token_id, scope = claims["sub"], claims["jti"], claims["scope"]
    expires, issued = claims["exp"], claims["iat"]
    if not (isinstance(subject, str) and isinstance(token_id, str) and isinstance(scope, str)):
        raise InvalidToken("its subject, id or scope is no text")
    if not (_whole(expires) and _whole(issued)):
        raise InvalidToken("its times are no whole numbers")
    assert isinstance(expires, int)
    return Caller(subject[:100], frozenset(scope.split()), token_id, expires)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
