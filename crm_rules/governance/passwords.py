"""Passwords: argon2id hashes in one file of mode 0600, with a lock that grows with each failure.

An unknown person, a wrong password and a locked one get the same sentence after the same work.
"""

import json
import secrets
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidKey as Mismatch
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from crm_rules.errors import PasswordRefused
from crm_rules.governance import drafts, keys
from crm_rules.governance.chain import canonical
from crm_rules.governance.people import read_json
from crm_rules.governance.person import moment
from crm_rules.governance.turns import alone

SHORTEST, LONGEST = 12, 128
FREE_FAILURES = 5
FIRST_LOCK, LONGEST_LOCK = timedelta(minutes=1), timedelta(days=1)
WRONG = (
    "The person or the password is wrong. After 5 failures in a row each further try has to wait, "
    "a minute at first and twice as long each time."
)


@dataclass(frozen=True)
class Cost:
    """What one argon2id hash costs: KiB of memory, passes over it, lanes."""

    memory: int
    passes: int
    lanes: int


RFC_9106 = Cost(64 * 1024, 3, 4)  # the second recommended choice of RFC 9106, section 4


class Passwords:
    """The file of hashes, one for each person who set a password."""

    def __init__(self, path: Path, cost: Cost = RFC_9106) -> None:
        self._path, self._cost = path, cost

    def has(self, person: str) -> bool:
        """Whether the person set a password."""
        return person in self._entries()

    def put(self, person: str, password: str) -> None:
        """Set a password; whoever calls has seen the old one or the private key. PasswordRefused if unfit."""
        hashed = self._hash(fit(password))
        with self._alone() as entries:
            entries[person] = {"hash": hashed, "failures": 0, "locked_until": None}

    def check(self, person: str, password: str, now: datetime) -> None:
        """PasswordRefused unless it is the person's password and not locked.

        The try is counted before it is checked, so that tries at the same moment cannot pass the lock.
        """
        with self._alone() as entries:
            entry = entries.get(person)
            locked = entry is not None and _locked(entry, now)
            if entry is not None and not locked:
                entries[person] = _failed(entry, now)
        if entry is None:
            self._hash(secrets.token_bytes(16))  # the work of a check
            raise PasswordRefused(WRONG)
        if not self._fits(password, str(entry["hash"])) or locked:
            raise PasswordRefused(WRONG)
        with self._alone() as entries:
            entries[person] = {**entries.get(person, entry), "failures": 0, "locked_until": None}

    def _hash(self, password: bytes) -> str:
        cost = self._cost
        kdf = Argon2id(
            salt=secrets.token_bytes(16), length=32, iterations=cost.passes, lanes=cost.lanes,
            memory_cost=cost.memory,
        )  # fmt: skip
        return kdf.derive_phc_encoded(password)

    @staticmethod
    def _fits(password: str, hashed: str) -> bool:
        try:
            Argon2id.verify_phc_encoded(keys.normal(password[: 8 * LONGEST]), hashed)
        except Mismatch:
            return False
        return True

    def _entries(self) -> dict[str, dict[str, Any]]:
        try:
            content = read_json(self._path)
            entries = {str(name): dict(entry) for name, entry in content["people"].items()}
            for entry in entries.values():
                _well_formed(entry)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise PasswordRefused(
                f"{self._path} cannot be read ({error.strerror}). Check its rights."
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise PasswordRefused(
                f"{self._path} is not well formed. Restore it, or remove it and have everybody "
                f"set a password again (`bank people password`)."
            ) from error
        return entries

    @contextmanager
    def _alone(self) -> Iterator[dict[str, dict[str, Any]]]:
        """The entries, changed by one process at a time and written back when they changed."""
        with alone(self._path):
            entries = self._entries()
            before = json.dumps(entries, sort_keys=True)
            yield entries
            if json.dumps(entries, sort_keys=True) != before:
                drafts.replace(self._path, canonical({"people": entries}) + b"\n", mode=0o600)


def fit(password: str) -> bytes:
    """A new password as bytes (NFKC); PasswordRefused unless it has 12 to 128 characters and no NUL."""
    text = unicodedata.normalize("NFKC", password)
    if not SHORTEST <= len(text) <= LONGEST or "\0" in text:
        raise PasswordRefused(
            f"A password has {SHORTEST} to {LONGEST} characters, none of them NUL. Choose another."
        )
    return keys.normal(text)


def _well_formed(entry: Mapping[str, Any]) -> None:
    if type(entry["failures"]) is not int or not str(entry["hash"]).startswith("$argon2id$"):
        raise ValueError("an entry has other fields than it may")
    if entry["locked_until"] is not None:
        moment(entry["locked_until"])


def _locked(entry: Mapping[str, Any], now: datetime) -> bool:
    return entry["locked_until"] is not None and now < moment(entry["locked_until"])


def _failed(entry: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    failures = entry["failures"] + 1
    until = None
    if failures >= FREE_FAILURES:
        steps = min(failures - FREE_FAILURES, 20)
        until = (now + min(FIRST_LOCK * 2**steps, LONGEST_LOCK)).isoformat()
    return {**entry, "failures": failures, "locked_until": until}
