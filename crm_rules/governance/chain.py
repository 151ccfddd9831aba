"""Canonical JSON, its digest, and the hash chain over digests.

>>> canonical({"b": 1, "a": "é"})
b'{"a":"\\xc3\\xa9","b":1}'
"""

import hashlib
import json

from crm_rules.errors import NotCanonical

GENESIS = "0" * 64
ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: object) -> bytes:
    """The one way to write a JSON value: sorted keys, no spaces, UTF-8; NaN raises NotCanonical."""
    try:
        return ENCODER.encode(value).encode()
    except (ValueError, TypeError) as error:
        raise NotCanonical(str(error)) from error


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal.

    >>> digest(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(data).hexdigest()


def link(previous: str, seq: int, name: str, at: str, entry_digest: str) -> str:
    """The chain's head after entry `seq`: SHA-256 over the head before it and all that the entry's row says.

    >>> first = link(GENESIS, 1, "a", "2026-03-01T00:00:00+00:00", digest(b"first"))
    >>> first == link(GENESIS, 1, "b", "2026-03-01T00:00:00+00:00", digest(b"first"))
    False
    """
    row = f"{previous}\n{seq}\n{len(name)}:{name}\n{at}\n{entry_digest}"
    return digest(row.encode("utf-8", "surrogateescape"))


def salted(salt: bytes, *fields: bytes) -> str:
    """The digest a chain covers instead of a content, which can then be erased while the chain verifies.

    SHA-256 over the salt and each field with its length: no two lists of fields give the same bytes.

    >>> salted(b"s", b"ab", b"c") == salted(b"s", b"a", b"bc"), salted(b"s", b"p") == salted(b"t", b"p")
    (False, False)
    """
    parts = [len(salt).to_bytes(4, "big"), salt]
    for field in fields:
        parts += (len(field).to_bytes(8, "big"), field)
    return hashlib.sha256(b"".join(parts)).hexdigest()
