"""Canonical JSON, its digest, and the hash chain over digests.

>>> canonical({"b": 1, "a": "é"})
b'{"a":"\\xc3\\xa9","b":1}'
"""

import hashlib
import json

from crm_rules.errors import NotCanonical

GENESIS = "0" * 64


def canonical(value: object) -> bytes:
    """The one way to write a JSON value: sorted keys, no spaces, UTF-8; NaN raises NotCanonical."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()
    except (ValueError, TypeError) as error:
        raise NotCanonical(str(error)) from error


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal.

    >>> digest(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(data).hexdigest()


def link(previous: str, entry_digest: str) -> str:
    """The chain's head after an entry: SHA-256 over the head before it and the entry's digest, both as bytes.

    >>> link(GENESIS, digest(b"first")) == link(GENESIS, digest(b"second"))
    False
    """
    return digest(bytes.fromhex(previous) + bytes.fromhex(entry_digest))
