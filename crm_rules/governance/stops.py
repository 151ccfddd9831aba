"""What a stop switch keeps from being used: a model, a product, an offer or a campaign, by kind and name."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What can be stopped.

    A stopped **model** is not asked: its scores answer 503, applications go to a person, the next best
    action is decided without it. `credit_risk` stops every model of that part, `credit_risk/application`
    one of them. A stopped **product** is neither recommended nor offered to anybody; applications name no
    product, so stopping a loan refuses none. A stopped **offer** names a product as well: nobody is
    offered it next, but scores that only inform (recommendations) go on naming it. A stopped **campaign**
    is kept; nothing reads it yet.
    """

    MODEL = "model"
    PRODUCT = "product"
    OFFER = "offer"
    CAMPAIGN = "campaign"


@dataclass(frozen=True)
class Stops:
    """Everything that is stopped at one moment.

    >>> stops = Stops.of([(Kind.MODEL, "propensity"), (Kind.PRODUCT, "card-gold")])
    >>> stops.model("propensity/card"), stops.model("propensity"), stops.model("segmentation")
    (True, True, False)
    >>> stops.as_record() == ["model/propensity", "product/card-gold"]
    True
    >>> Stops.from_record(stops.as_record()) == stops
    True
    """

    named: frozenset[tuple[Kind, str]] = frozenset()

    @staticmethod
    def of(named: Iterable[tuple[Kind, str]]) -> "Stops":
        """From kinds and names."""
        return Stops(frozenset(named))

    @staticmethod
    def from_record(record: Iterable[str]) -> "Stops":
        """From the list a decision record keeps."""
        return Stops.of((Kind(kind), name) for kind, _, name in (each.partition("/") for each in record))

    def as_record(self) -> list[str]:
        """`kind/name` of all that a decision could read, sorted; campaigns are read by none."""
        return sorted(f"{kind}/{name}" for kind, name in self.named if kind is not Kind.CAMPAIGN)

    def names(self, kind: Kind) -> frozenset[str]:
        """The names of one kind."""
        return frozenset(name for has, name in self.named if has is kind)

    def model(self, name: str) -> bool:
        """Whether a model is stopped, by itself or with the whole part it belongs to."""
        return not {name, name.partition("/")[0]}.isdisjoint(self.names(Kind.MODEL))

    def __bool__(self) -> bool:
        return bool(self.named)


NONE = Stops()
