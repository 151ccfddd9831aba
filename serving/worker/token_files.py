"""The keys that are trusted and the tokens taken back, as a running worker knows them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from crm_rules.errors import InvalidKey
from crm_rules.governance.heads import Heads
from serving.auth import TokenCheck
from serving.tokens.issuing import KEY_FILE, token_key
from serving.tokens.keyring import WAY_OUT, Keyring
from serving.tokens.revoked import RevokedTokens
from serving.worker.following import Follower, mark


class TokenFiles:
    """Reads the folder of keys, makes the check of tokens, and keeps it up to date.

    A change that cannot be read leaves everything as it was; at the start it is the BankError that says so.
    Where nothing is trusted yet, or tokens are signed here, the signing key is made or read first.
    """

    def __init__(self, keys: Path, heads: Heads, now: Callable[[], datetime]) -> None:
        self._keyring, self._revoked = Keyring(keys), RevokedTokens(keys, heads)
        if (keys / KEY_FILE).exists() or not self._keyring.read():
            token_key(keys)
        seen = mark(self._keyring.folder), mark(self._revoked.path)
        self.check, self._number = TokenCheck(), 0
        self._take_keys()
        self._take_revoked()
        self.followers = (
            Follower(self._keyring.folder, self._take_keys, now, seen[0]),
            Follower(self._revoked.path, self._take_revoked, now, seen[1]),
        )

    def told(self) -> Mapping[str, object]:
        """As /v1/status tells it."""
        keys, revoked = self.followers
        return {"keys": keys.told(), "revoked": revoked.told()}

    def _take_keys(self) -> None:
        keys = self._keyring.read()
        if not keys:
            raise InvalidKey(self._keyring.folder, "holds no key that is trusted", WAY_OUT)
        self.check.trust(keys.values())

    def _take_revoked(self) -> None:
        found = self._revoked.read(self._number)
        self.check.revoke(frozenset(entry.token_id for entry in found))
        self._number = len(found)
