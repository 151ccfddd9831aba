"""Making tokens: the key that signs, and what is signed."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.errors import InvalidKey
from crm_rules.governance import keys
from crm_rules.governance.plain import plain
from serving.tokens.keyring import Keyring, key_id
from serving.tokens.scopes import CUSTOMER_SCOPES, EVERY_SCOPE
from serving.tokens.strict import ALGORITHM, AUDIENCE, CUSTOMER, ISSUER, MOST_HOURS

KEY_FILE = "token.pem"


def token_key(folder: Path) -> Ed25519PrivateKey:
    """The key new tokens are signed with, `token.pem` in that folder; made on first use, and trusted."""
    path, ring = folder / KEY_FILE, Keyring(folder)
    if not path.exists():
        with suppress(InvalidKey):  # another process made it meanwhile
            keys.generate(path)
    key = keys.load(path)
    if key_id(key.public_key()) not in ring.read():
        ring.add(key.public_key())
    return key


def new_key(folder: Path) -> Ed25519PrivateKey:
    """Sign with a new key from now on; the one before stays trusted, its private half is gone."""
    token_key(folder)  # so that tokens signed so far stay good
    key = Ed25519PrivateKey.generate()
    Keyring(folder).add(key.public_key())
    keys.keep(folder / KEY_FILE, key, None)
    return key


def issue(
    key: Ed25519PrivateKey,
    subject: str,
    scopes: Sequence[str],
    hours: int,
    now: datetime,
    customer: str | None = None,
) -> str:
    """A token for an app, or for one `customer` of it, good for `hours` from `now`.

    ValueError for a scope nobody has heard of, or that no customer's token can hold.

    >>> from serving.tokens.check import TokenCheck
    >>> key, now = Ed25519PrivateKey.generate(), datetime.fromisoformat("2026-03-01T00:00:00+00:00")
    >>> token = issue(key, "app", ["score:read"], 1, now, "c-17")
    >>> caller = TokenCheck(key.public_key()).caller(token, now)
    >>> caller.subject, caller.customer
    ('app', 'c-17')
    """
    _require_issuable(subject, scopes, hours, customer)
    claims: dict[str, str | int] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "jti": secrets.token_hex(16),
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(hours=hours)).timestamp()),
        "scope": " ".join(scopes),
    }
    if customer is not None:
        claims["customer"] = customer
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": key_id(key.public_key())})


def _require_issuable(subject: str, scopes: Sequence[str], hours: int, customer: str | None) -> None:
    allowed = EVERY_SCOPE if customer is None else CUSTOMER_SCOPES
    if unknown := sorted(set(scopes) - set(allowed)):
        raise ValueError(f"Unknown scopes {unknown}; scopes are {list(allowed)}.")
    if not 1 <= hours <= MOST_HOURS:
        raise ValueError(f"A token lasts 1 to {MOST_HOURS} hours, not {hours}.")
    if not 1 <= len(subject) <= 100 or not plain(subject):
        raise ValueError("An app's name is 1 to 100 signs that are seen.")
    if customer is not None and not (CUSTOMER.fullmatch(customer) and plain(customer)):
        raise ValueError("A customer's id is 1 to 64 signs that are seen, without spaces.")
