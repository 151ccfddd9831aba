"""Whose token a request carries, and what it may ask."""

from dataclasses import dataclass

from serving.errors import MissingScope, OtherCustomer


@dataclass(frozen=True)
class Caller:
    """Whose token a request carries; a customer's own token names that `customer`, an app's names none.

    `key` is the id of the key that signed it, `expires` a Unix time in seconds.
    """

    subject: str
    scopes: frozenset[str]
    token_id: str
    expires: int
    customer: str | None = None
    key: str = ""

    def require(self, scope: str) -> None:
        """MissingScope unless the token has the scope."""
        if scope not in self.scopes:
            raise MissingScope(scope)

    def may_ask_about(self, customer_id: str | None) -> bool:
        """Whether the token is good for this customer; None is a newcomer, known to apps only."""
        return self.customer is None or customer_id == self.customer

    def require_customer(self, customer_id: str | None) -> None:
        """OtherCustomer unless the token may ask about this customer."""
        if not self.may_ask_about(customer_id):
            raise OtherCustomer
