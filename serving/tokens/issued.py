"""What was issued here, so that it can be listed and taken back: never the tokens themselves."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jwt

from crm_rules.governance.chain import canonical

FILE = "issued.jsonl"


@dataclass(frozen=True)
class Issued:
    """One token by what it says; `expires` is a Unix time in seconds."""

    token_id: str
    subject: str
    customer: str | None
    scopes: str
    key: str
    expires: int

    @staticmethod
    def of(token: str) -> "Issued":
        """What a token says, whether or not it counts; ValueError when it is none."""
        try:
            claims: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
            key = str(jwt.get_unverified_header(token).get("kid", ""))
            return Issued(
                str(claims["jti"]), str(claims["sub"]), claims.get("customer"), str(claims["scope"]), key,
                int(claims["exp"]),
            )  # fmt: skip
        except (jwt.PyJWTError, KeyError, TypeError) as error:
            raise ValueError("That is no token.") from error

    def state(self, now: datetime, revoked: Sequence[str], trusted: Sequence[str]) -> str:
        """Valid, or why it is not."""
        if self.token_id in revoked:
            return "revoked"
        if self.expires <= now.timestamp():
            return "expired"
        return "valid" if self.key in trusted else "its key was retired"


class IssuedTokens:
    """The list in a folder of keys, one line a token, mode 0600."""

    def __init__(self, keys: Path) -> None:
        self.path = keys / FILE

    def add(self, issued: Issued) -> None:
        """Append one line, in one write."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, canonical(asdict(issued)) + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self) -> list[Issued]:
        """Every line that can be read, the oldest first."""
        if not self.path.exists():
            return []
        found = []
        for line in self.path.read_text().splitlines():
            try:
                found.append(Issued(**json.loads(line)))
            except (ValueError, TypeError):  # cut by a full disk; the token was not handed out then
                continue
        return found
