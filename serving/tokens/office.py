"""What the commands about tokens do: issue, list, take back, change keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from crm_rules.errors import InvalidKey
from crm_rules.governance.heads import Heads
from feature_repo.settings import Settings
from serving.tokens.issued import Issued, IssuedTokens
from serving.tokens.issuing import issue, new_key, token_key
from serving.tokens.keyring import Keyring, key_id, parse_public
from serving.tokens.revoked import Revocation, RevokedTokens
from serving.tokens.scopes import CUSTOMER_SCOPES, EVERY_SCOPE


@dataclass(frozen=True)
class TokenOffice:
    """The folder of keys of one bank, with the lists of what was issued and what was taken back."""

    keys: Path
    revoked: RevokedTokens

    @staticmethod
    def of(settings: Settings) -> "TokenOffice":
        """The office of the bank these settings name."""
        return TokenOffice(settings.keys, RevokedTokens(settings.keys, Heads(settings.heads)))

    def issue(
        self, subject: str, scopes: Sequence[str] | None, hours: int, now: datetime,
        customer: str | None = None,
    ) -> str:  # fmt: skip
        """A token with these scopes, or every scope it can have; it is on the list before it is out."""
        wanted = scopes or (EVERY_SCOPE if customer is None else CUSTOMER_SCOPES)
        token = issue(token_key(self.keys), subject, wanted, hours, now, customer)
        IssuedTokens(self.keys).add(Issued.of(token))
        return token

    def revoke(self, token_or_id: str, now: datetime) -> Revocation:
        """Take back a token, named by its id or given whole; ValueError when it is neither."""
        whole = "." in token_or_id
        return self.revoked.add(Issued.of(token_or_id).token_id if whole else token_or_id, now)

    def knows(self, token_id: str) -> bool:
        """Whether that token was issued here; one of another trusted issuer was not."""
        return any(issued.token_id == token_id for issued in IssuedTokens(self.keys).read())

    def listed(self, now: datetime) -> list[tuple[Issued, str]]:
        """Every token issued here with its state, the newest first."""
        revoked = [entry.token_id for entry in self.revoked.read()]
        trusted = list(Keyring(self.keys).read())
        found = reversed(IssuedTokens(self.keys).read())
        return [(issued, issued.state(now, revoked, trusted)) for issued in found]

    def trusted(self) -> list[tuple[str, bool]]:
        """The id of every trusted key, and whether new tokens are signed with it."""
        signs = key_id(token_key(self.keys).public_key())
        return [(name, name == signs) for name in Keyring(self.keys).read()]

    def add_key(self, public: str | None) -> str:
        """Sign with a new key from now on, or trust somebody else's public key; its id."""
        if public is None:
            return key_id(new_key(self.keys).public_key())
        return Keyring(self.keys).add(parse_public(public))

    def retire_key(self, name: str) -> None:
        """Refuse every token signed with that key; InvalidKey for the one that signs, or one not there."""
        if (name, True) in self.trusted():
            raise InvalidKey(
                Keyring(self.keys).folder / name,
                "signs new tokens and cannot be retired",
                "Make the next one first: `bank token keys add`.",
            )
        Keyring(self.keys).remove(name)
