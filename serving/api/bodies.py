"""What bodies may hold. Strict: no extra field, no text for a number, no NaN, everything bounded."""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from crm_rules.governance.plain import LONGEST, plain
from crm_rules.offers.uses import Answer
from serving.deciding.asking import (
    CreditRequest,
    CustomerRequest,
    OfferRequest,
    RecommendationRequest,
    SuitabilityRequest,
)

MOST_ITEMS = 1_000
PRINTABLE = r"^[^\s\x00-\x1f\x7f]+$"


def _plain(text: str) -> str:
    if not plain(text):
        raise ValueError("it holds a sign that is not seen")
    return text


LINE = Field(json_schema_extra={"format": "printable-line"})  # the schema's word for what _plain checks
CustomerId = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=PRINTABLE), AfterValidator(_plain), LINE
]
ProductId = CustomerId
Word = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$"),
    AfterValidator(_plain),
    LINE,
]


def _whole_cents(money: float) -> float:
    if round(money, 2) != money:
        raise ValueError("money has at most two decimals")
    return money


CENTS = Field(json_schema_extra={"multipleOf": 0.01})
Amount = Annotated[float, Field(ge=0.01, le=1e9), AfterValidator(_whole_cents), CENTS]
Income = Annotated[float, Field(ge=0, le=1e9), AfterValidator(_whole_cents), CENTS]
Channel = Literal["app", "branch", "chat", "email", "phone"]
Item = TypeVar("Item", bound="Body")


class Body(BaseModel):
    """The strictness every body shares."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class CustomerBody(Body):
    """A question about one customer."""

    customer_id: CustomerId

    def asked(self) -> CustomerRequest:
        """The question as the Scorer takes it."""
        return CustomerRequest(self.customer_id)


class RecommendationBody(Body):
    """Which products to recommend; not personalised, what most customers take, rules applied."""

    customer_id: CustomerId
    personalised: bool = True

    def asked(self) -> RecommendationRequest:
        """The question as the Scorer takes it."""
        return RecommendationRequest(self.customer_id, self.personalised)


class OfferBody(Body):
    """What to offer a customer next, at most `top` things, in a conversation on `channel`."""

    customer_id: CustomerId
    channel: Channel | None = None
    top: Annotated[int, Field(ge=1, le=10)] = 3
    personalised: bool = True

    def asked(self) -> OfferRequest:
        """The question as the Scorer takes it."""
        return OfferRequest(self.customer_id, self.channel, self.top, self.personalised)


class SuitabilityBody(Body):
    """May this customer have this product now?"""

    customer_id: CustomerId
    product_id: ProductId

    def asked(self) -> SuitabilityRequest:
        """The question as the Scorer takes it."""
        return SuitabilityRequest(self.customer_id, self.product_id)


class OutcomeBody(Body):
    """What the customer said to one offer of a decision."""

    decision_id: CustomerId
    offer_id: ProductId
    outcome: Answer


class CreditBody(Body):
    """An application for credit; without customer_id the applicant is new to the bank."""

    customer_id: CustomerId | None = None
    amount: Amount
    term_months: Annotated[int, Field(ge=1, le=600)]
    declared_income: Income | None = None
    co_applicant: bool | None = None
    purpose: Word | None = None
    language: Literal["en", "zh"] | None = None

    def asked(self) -> CreditRequest:
        """The question as the Scorer takes it."""
        return CreditRequest(
            self.customer_id,
            self.amount,
            self.term_months,
            self.declared_income,
            self.co_applicant,
            self.purpose,
            self.language,
        )


class RedeemBody(Body):
    """Points to spend."""

    customer_id: CustomerId
    points: Annotated[int, Field(ge=1, le=1_000_000_000)]


def _seen(text: str) -> str:
    if not text.strip() or not plain(text):
        raise ValueError("a wish is one line of signs that are seen")
    return text


Wish = Annotated[
    str, StringConstraints(min_length=1, max_length=LONGEST, pattern=r"\S"), AfterValidator(_seen), LINE
]


class ReviewBody(Body):
    """A wish that a person looks at a decision, in the customer's words where they said any."""

    decision_id: CustomerId
    wish: Wish | None = None
    language: Literal["en", "zh"] | None = None

    def wishes(self) -> dict[str, str]:
        """What was said, without what was not."""
        given = {"wish": self.wish, "language": self.language}
        return {name: value for name, value in given.items() if value is not None}


class Batch(Body, Generic[Item]):
    """Up to a thousand questions of one kind."""

    items: Annotated[list[Item], Field(min_length=1, max_length=MOST_ITEMS)]
