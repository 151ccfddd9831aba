"""The catalogue of offers: what marketing proposes beside the plain products, read strictly from offers.toml.

>>> catalogue = Catalogue.parse(b'version = "1"')
>>> catalogue.offers
()
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated

from crm_rules import strict_toml
from crm_rules.errors import InvalidPolicy
from crm_rules.strict_toml import Among, Within
from crm_rules.vocabulary import CHANNELS, CONTEXTS, ISSUES, Id, Money, Share

SHIPPED = Path(__file__).parents[1] / "policies" / "offers.toml"
MOST_OFFERS = 10_000
Count = Annotated[int, Within(0, 1_000_000_000)]
Fraction = Annotated[float, Within(-1, 1)]


@dataclass(frozen=True)
class Benefit:
    """What the customer gains: a fee waived (money), a rate better by so much (0.003 is 0.3 %)."""

    fee: Money = 0.0
    rate: Fraction = 0.0


@dataclass(frozen=True)
class Text:
    """Words in English and Chinese."""

    en: str
    zh: str


@dataclass(frozen=True)
class Offer:
    """One action of the catalogue, and how it is put on each channel.

    `budget` and `cost` are money: what may be spent in all, and what one use costs. `cap` bounds the uses
    of everybody together, `cap_per_customer` those of one. Both days of the validity are included.
    """

    offer_id: Id
    issue: Annotated[str, Among(ISSUES)]
    group: str
    title: Text
    product_id: str | None = None
    benefit: Benefit = field(default_factory=Benefit)
    value: Money | None = None
    tier: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    budget: Money | None = None
    cost: Money = 0.0
    cap: Count | None = None
    cap_per_customer: Count | None = None
    preferred_channels: Annotated[tuple[str, ...], Among(CHANNELS)] = ()
    mandatory: bool = False
    starting_propensity: Share | None = None
    starting_evidence: Count | None = None
    overrides: tuple[str, ...] = ()
    treatments: Annotated[Mapping[str, Text], Among(CONTEXTS)] = field(default_factory=dict)

    @property
    def limited(self) -> bool:
        """Whether uses of it have to be counted."""
        return not (self.budget is None and self.cap is None and self.cap_per_customer is None)


@dataclass(frozen=True)
class Catalogue:
    """All offers of one version of offers.toml."""

    version: str
    offers: tuple[Offer, ...] = ()

    @staticmethod
    def parse(data: bytes) -> "Catalogue":
        """Read TOML bytes; InvalidPolicy names the key, the offer or the circle that is wrong."""
        catalogue = strict_toml.read(Catalogue, data)
        _require_ids(catalogue.offers)
        for each in catalogue.offers:
            _require_sense(each)
        _require_no_circle({each.offer_id: each.overrides for each in catalogue.offers})
        return catalogue

    @staticmethod
    def load(path: Path) -> "Catalogue":
        """Read a file; InvalidPolicy when it cannot be read."""
        return strict_toml.load(path, Catalogue.parse)


def _require_ids(offers: Sequence[Offer]) -> None:
    ids = [each.offer_id for each in offers]
    if len(ids) > MOST_OFFERS:
        raise InvalidPolicy("offers", f"holds {len(ids)} offers; at most {MOST_OFFERS} are read")
    for twice in sorted(name for name, times in Counter(ids).items() if times > 1):
        raise InvalidPolicy(f"offers.{twice}", "is there twice; give each offer an id of its own")


def _require_sense(offer: Offer) -> None:
    path = f"offers.{offer.offer_id}"
    if offer.valid_from and offer.valid_to and offer.valid_from > offer.valid_to:
        raise InvalidPolicy(f"{path}.valid_to", f"is {offer.valid_to}, before valid_from {offer.valid_from}")
    if (offer.starting_propensity is None) != (offer.starting_evidence is None):
        raise InvalidPolicy(path, "needs starting_propensity and starting_evidence together, or neither")
    if offer.product_id is None and offer.starting_propensity is None:
        raise InvalidPolicy(path, "is of no product, so it needs a starting_propensity and starting_evidence")
    if offer.product_id is None and offer.value is None:
        raise InvalidPolicy(f"{path}.value", "is missing, and there is no product to take it from")
    if offer.budget is not None and offer.cost == 0.0:
        raise InvalidPolicy(f"{path}.cost", "is missing; a budget needs the cost of one use")


def _require_no_circle(overrides: Mapping[str, Sequence[str]]) -> None:
    """InvalidPolicy names a circle of offers that override each other, or one that is not there."""
    for name, others in overrides.items():
        for other in others:
            if other not in overrides:
                raise InvalidPolicy(f"offers.{name}.overrides", f"names '{other}', which is no offer here")
    done: set[str] = set()
    for start in overrides:
        for circle in _circles(start, overrides, done):
            raise InvalidPolicy(f"offers.{start}.overrides", f"go in a circle: {' > '.join(circle)}")


def _circles(start: str, overrides: Mapping[str, Sequence[str]], done: set[str]) -> Iterator[list[str]]:
    """The circles met on the way from an offer; what leads to none is added to `done`. No recursion."""
    path, ahead = [start], [iter(overrides[start])]
    while path:
        following = next(ahead[-1], None)
        if following is None:
            done.add(path.pop())
            ahead.pop()
        elif following in path:
            yield [*path[path.index(following) :], following]
            return
        elif following not in done:
            path.append(following)
            ahead.append(iter(overrides[following]))
