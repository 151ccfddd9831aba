"""Tokens taken back: a list by token id, each entry linked to the one before, the last anchored outside.

Nothing is ever taken off the list: a shorter one, or one that holds other entries, is refused, so that
no token comes back to life with a file that was cut, restored or deleted.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from crm_rules.governance import drafts
from crm_rules.governance.chain import GENESIS, canonical, digest
from crm_rules.governance.heads import Head, Heads
from serving.errors import BrokenRevocations
from serving.tokens.strict import TOKEN_ID

FILE, CHAIN = "revoked.json", "revoked-tokens"
MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Revocation:
    """One token taken back; `at` is ISO 8601, `before` the digest of the entry before."""

    number: int
    token_id: str
    at: str
    before: str

    @property
    def digest(self) -> str:
        """SHA-256 of the entry, which covers all before it."""
        return digest(canonical(self.as_json()))

    def as_json(self) -> dict[str, object]:
        """The entry as the file holds it."""
        return {"number": self.number, "jti": self.token_id, "at": self.at, "before": self.before}


class RevokedTokens:
    """The list in a folder of keys, its head among the other chains' heads."""

    def __init__(self, keys: Path, heads: Heads) -> None:
        self.path, self._heads = keys / FILE, heads

    def read(self, least: int = 0) -> Sequence[Revocation]:
        """Every entry; BrokenRevocations when one was altered or is gone. `least` were there before."""
        head = self._heads.read(CHAIN)
        try:
            found = _entries(self.path)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BrokenRevocations(self.path, f"it is not well formed ({type(error).__name__})") from error
        last = GENESIS
        for number, entry in enumerate(found, start=1):
            if entry.number != number or entry.before != last:
                raise BrokenRevocations(self.path, f"entry {number} does not follow the one before")
            last = entry.digest
        if len(found) < max(head.seq, least):
            raise BrokenRevocations(
                self.path, f"it ends at entry {len(found)}, there were {max(head.seq, least)}"
            )
        if head.seq and found[head.seq - 1].digest != head.link:
            raise BrokenRevocations(self.path, f"entry {head.seq} is another than the one that was anchored")
        return found

    def add(self, token_id: str, now: datetime) -> Revocation:
        """Take a token back, once; ValueError when that is no token's id."""
        if not TOKEN_ID.fullmatch(token_id):
            raise ValueError("A token's id is 1 to 64 letters, digits, - or _.")
        with self._heads.turn(CHAIN):
            found = self.read()
            if known := next((entry for entry in found if entry.token_id == token_id), None):
                return known
            last = found[-1].digest if found else GENESIS
            entry = Revocation(len(found) + 1, token_id, now.isoformat(), last)
            content = canonical([each.as_json() for each in (*found, entry)]) + b"\n"
            if len(content) > MOST_BYTES:
                raise BrokenRevocations(self.path, "it is full; retire the key that signed the token")
            drafts.replace(self.path, content, mode=0o600)
            self._heads.write(CHAIN, Head(entry.number, entry.digest))
            return entry


def _entries(path: Path) -> list[Revocation]:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BrokenRevocations(path, f"it cannot be read ({error.strerror})") from error
    if len(content) > MOST_BYTES:
        raise BrokenRevocations(path, "it is larger than 16 MB")
    entries: list[dict[str, Any]] = json.loads(content)
    return [
        Revocation(int(entry["number"]), str(entry["jti"]), str(entry["at"]), str(entry["before"]))
        for entry in entries
    ]
