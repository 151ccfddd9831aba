"""What callers ask, and the stamp each question gets at the edge: id, time, caller."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stamp:
    """What the edge adds to a question. `at` is ISO 8601 in UTC; `caller` is the token's subject."""

    decision_id: str
    request_id: str
    at: str
    caller: str


@dataclass(frozen=True)
class CustomerRequest:
    """A question about one customer."""

    customer_id: str

    def as_record(self) -> dict[str, object]:
        """The request's fields, as a decision record keeps them."""
        return dict(vars(self))


@dataclass(frozen=True)
class RecommendationRequest:
    """Which products go with one customer; not `personalised`, what most customers take."""

    customer_id: str
    personalised: bool = True

    def as_record(self) -> dict[str, object]:
        """The request's fields, as a decision record keeps them."""
        return dict(vars(self))


@dataclass(frozen=True)
class OfferRequest:
    """What should this customer be offered, at most `top` things, in a conversation on `channel`?

    Not `personalised`, no profile of the customer is used.
    """

    customer_id: str
    channel: str | None = None
    top: int = 3
    personalised: bool = True

    def as_record(self) -> dict[str, object]:
        """The request's fields, as a decision record keeps them."""
        return dict(vars(self))


@dataclass(frozen=True)
class SuitabilityRequest:
    """May this customer have this product now? Asked before it is sold."""

    customer_id: str
    product_id: str

    def as_record(self) -> dict[str, object]:
        """The request's fields, as a decision record keeps them."""
        return dict(vars(self))


@dataclass(frozen=True)
class CreditRequest:
    """An application: money in the base currency, a term in months, what the applicant declares.

    `customer_id` is None for somebody new to the bank; what is None is unknown. `language` is that of the
    notice: "en", "zh", or None for the policy's.
    """

    customer_id: str | None
    amount: float
    term_months: int
    declared_income: float | None = None
    co_applicant: bool | None = None
    purpose: str | None = None
    language: str | None = None

    def as_record(self) -> dict[str, object]:
        """The request's fields, as a decision record keeps them."""
        return dict(vars(self))
