"""A trial: another policy for a share of the customers, or in the shadow of every decision."""

import hashlib
from dataclasses import dataclass
from datetime import date

from crm_rules.policy import Policy


def share_of(salt: str, *named: str) -> float:
    """A customer's fixed place in [0, 1): the first 53 bits of a SHA-256 over texts joined by 0x1f.

    >>> round(share_of("2026-12", "c-1"), 6), share_of("2026-12", "c-1") == share_of("2026-12", "c-1")
    (0.923983, True)
    """
    digest = hashlib.sha256("\x1f".join((salt, *named)).encode("utf-8", "surrogateescape")).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


@dataclass(frozen=True)
class Trial:
    """`policy` in place of `instead_of`, for that share of the customers, on days that both count.

    A share of 0 decides nobody: the trial runs in the shadow of every decision and is only noted.
    """

    policy: Policy
    instead_of: Policy
    share: float
    salt: str
    since: date
    until: date

    def takes(self, customer_id: str | None) -> bool:
        """Whether this customer is decided by it; who is new to the bank never is."""
        return customer_id is not None and share_of(self.salt, customer_id) < self.share
