"""A token as strictly as it can be read: one spelling, no claim twice, nothing that is not understood.

What is read leniently is read differently by somebody else. A claim this version does not know could be
one that narrows the token, so it is refused as `crit` is.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

from crm_rules.governance.plain import plain
from serving.errors import InvalidToken
from serving.tokens.caller import Caller
from serving.tokens.scopes import CUSTOMER_SCOPES

ALGORITHM, TYPE = "EdDSA", "JWT"
ISSUER, AUDIENCE = "bank", "bank-scoring"
MOST_BYTES = 4_096
MOST_HOURS = 24 * 90
LAST_SECOND = 253_402_300_799  # of the year 9999
CLOCKS_DIFFER = 60  # seconds between the issuer's clock and ours
KEY_ID = re.compile(r"[0-9a-f]{16}")
TOKEN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
CUSTOMER = re.compile(r"\S{1,64}")
REQUIRED = frozenset({"iss", "aud", "sub", "jti", "iat", "exp", "scope"})
KNOWN = REQUIRED | {"nbf", "customer"}


def key_id_of(token: str) -> str:
    """The id of the key that a token says it was signed with; InvalidToken unless its form is the only one.

    The id is looked up among the keys that are trusted and used for nothing else.
    """
    if len(token) > MOST_BYTES:
        raise InvalidToken("it is too long")
    parts = token.split(".")
    if len(parts) != 3:
        raise InvalidToken("it is no JWT")
    head, body, signature = (_bytes_of(part) for part in parts)
    if len(signature) != 64:
        raise InvalidToken("its signature is of another kind")
    header = _object(head)
    _object(body)
    if not {"alg", "kid"} <= header.keys() <= {"alg", "kid", "typ"}:
        raise InvalidToken("its header holds other members than alg, kid and typ")
    if header["alg"] != ALGORITHM or header.get("typ", TYPE) != TYPE:
        raise InvalidToken("it is of another kind")
    key_id = header["kid"]
    if not isinstance(key_id, str) or not KEY_ID.fullmatch(key_id):
        raise InvalidToken("its kid is no key's id")
    return key_id


def caller_of(claims: Mapping[str, Any], key_id: str, now: float) -> Caller:
    """The caller whom verified claims name; InvalidToken when a claim is not what it must be.

    `now` is a Unix time; expiry is left to whoever remembers the caller.
    """
    if not claims.keys() >= REQUIRED or not claims.keys() <= KNOWN:
        raise InvalidToken("it lacks a claim, or holds one that is not known here")
    if claims["iss"] != ISSUER or claims["aud"] != AUDIENCE:
        raise InvalidToken("it was made by or for somebody else")
    _require_times(claims, now)
    subject, token_id, scope = claims["sub"], claims["jti"], claims["scope"]
    if not isinstance(subject, str) or not 1 <= len(subject) <= 100 or not plain(subject):
        raise InvalidToken("its subject is no name")
    if not isinstance(token_id, str) or not TOKEN_ID.fullmatch(token_id):
        raise InvalidToken("its id is no token's id")
    if not isinstance(scope, str):
        raise InvalidToken("its scopes are no text")
    scopes, customer = frozenset(scope.split()), claims.get("customer")
    if "customer" in claims:
        _require_customers(customer, scopes)
    return Caller(subject, scopes, token_id, claims["exp"], customer, key_id)


def _require_times(claims: Mapping[str, Any], now: float) -> None:
    times = {name: claims[name] for name in ("iat", "exp", "nbf") if name in claims}
    if any(type(value) is not int or not 0 < value <= LAST_SECOND for value in times.values()):
        raise InvalidToken("its times are no whole numbers within bounds")
    if times["exp"] - times["iat"] > MOST_HOURS * 3600:
        raise InvalidToken(f"it lasts longer than {MOST_HOURS} hours")
    if max(times["iat"], times.get("nbf", 0)) > now + CLOCKS_DIFFER:
        raise InvalidToken("it is not valid yet")


def _require_customers(customer: object, scopes: frozenset[str]) -> None:
    if not isinstance(customer, str) or not CUSTOMER.fullmatch(customer) or not plain(customer):
        raise InvalidToken("its customer is no customer's id")
    if scopes - set(CUSTOMER_SCOPES):
        raise InvalidToken("it holds scopes that no customer's token can hold")


def _bytes_of(part: str) -> bytes:
    """Base64url without padding, in the one spelling its bytes have."""
    try:
        found = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidToken("it is not base64url") from error
    if base64.urlsafe_b64encode(found).rstrip(b"=") != part.encode():
        raise InvalidToken("it is not spelt as it was made")
    return found


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidToken("it is not JSON in which every member occurs once") from error
    if not isinstance(found, dict):
        raise InvalidToken("it holds no JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member occurs twice")
    return found


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")
