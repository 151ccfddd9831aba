"""One decision about offers, slowly: the funnel, the arms and the probability of what came first.

Written from crm_rules/README.md alone. Nothing of crm_rules is imported, and no numpy.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.reference.funnel import STAGE_OF, Shelf, funnel, shelf
from tests.reference.moment import Moment, day_of, moment, month_of
from tests.reference.ranking import declared, factors, ordered
from tests.reference.shapes import Decision, Factors, Offer, Person, Product, World


@dataclass(frozen=True)
class View:
    """The shelf as it stands for one customer, personal or not."""

    removed: dict[str, tuple[str, ...]]
    factors: dict[str, Factors]
    left: list[Offer]  # by id
    new: list[Offer]  # those of them the models know too little of
    order: list[str]

    @property
    def mandatory(self) -> bool:
        """Whether a mandatory offer is left."""
        return any(offer.mandatory for offer in self.left)


def draw(salt: str, what: str, period: str, customer: str) -> float:
    """A share in [0, 1) that anybody can compute again."""
    digest = hashlib.sha256("\x1f".join((salt, what, period, customer)).encode()).digest()
    return (int.from_bytes(digest, "big") >> (256 - 53)) / 2**53


def decide(world: World, person: Person) -> Decision:
    """What is offered to one customer at one moment."""
    limits = world.policy["arms"]
    offers, now = shelf(world), moment(person, world.policy["calendar"]["zone"])
    everyones = _view(world, offers, person, now, False)
    if person.consent_profiling != 1 or not person.personalised:
        return _answer("unprofiled", everyones, everyones.order, 1.0)
    mine = _view(world, offers, person, now, True)
    u, r = draw(limits["salt"], "arm", month_of(person.at), person.customer_id), limits["random_control"]
    if u < r:
        arm, seen = "random", mine
        order = _rotated(mine, person, limits["salt"])
    elif u < r + limits["non_personalised"]:
        arm, seen, order = "non_personalised", everyones, everyones.order
    else:
        arm, seen = "best", mine
        order = _explored(mine, person, limits)
    return _answer(arm, seen, order, _probability(world, mine, everyones, order))


def _view(world: World, offers: Shelf, person: Person, now: Moment, personal: bool) -> View:
    found = {offer.offer_id: factors(world, offer, product, person, personal) for offer, product in offers}
    removed = funnel(world, offers, person, now, found, personal)
    left = sorted(
        (offer for offer, _ in offers if not removed[offer.offer_id]), key=lambda offer: offer.offer_id
    )
    until = world.policy["arms"]["new_until_evidence"]
    new = {offer.offer_id for offer, product in offers if _is_new(offer, product, until)}
    return View(removed, found, left, [each for each in left if each.offer_id in new], ordered(left, found))


def _is_new(offer: Offer, product: Product | None, until: float) -> bool:
    seen = product.evidence if product else 0.0
    return declared(offer, product)[0] is not None and seen < until


def _pick(offers: Sequence[Offer], person: Person, salt: str) -> int:
    return math.floor(draw(salt, "pick", day_of(person.at), person.customer_id) * len(offers))


def _rotated(view: View, person: Person, salt: str) -> list[str]:
    must = {offer.offer_id for offer in view.left if offer.mandatory}
    free = [offer for offer in view.left if not offer.mandatory]
    first = _pick(free, person, salt) if free else 0
    return [
        *(each for each in view.order if each in must),
        *(offer.offer_id for offer in free[first:] + free[:first]),
    ]


def _explored(view: View, person: Person, limits: Mapping[str, Any]) -> list[str]:
    new = view.new
    u = draw(limits["salt"], "explore", day_of(person.at), person.customer_id)
    if view.mandatory or not new or u >= limits["exploration"]:
        return view.order
    first = new[_pick(new, person, limits["salt"])].offer_id
    return [first, *(each for each in view.order if each != first)]


def _probability(world: World, mine: View, everyones: View, order: list[str]) -> float:
    """That of the first offer, over all arms."""
    if not order:
        return 1.0
    limits, first = world.policy["arms"], order[0]
    r, h = limits["random_control"], limits["non_personalised"]
    plain = float(everyones.order[:1] == [first])
    best = float(mine.order[:1] == [first])
    if mine.mandatory:
        return h * plain + (1 - h) * best
    x = limits["exploration"] if mine.new else 0.0
    drawn = r / len(mine.left) if any(offer.offer_id == first for offer in mine.left) else 0.0
    is_new = float(any(offer.offer_id == first for offer in mine.new))
    explored = x * is_new / len(mine.new) if mine.new else 0.0
    return drawn + h * plain + (1 - r - h) * ((1 - x) * best + explored)


def _answer(arm: str, view: View, order: list[str], probability: float) -> Decision:
    stages: dict[str, int] = {}
    for codes in view.removed.values():
        if codes:
            stage = STAGE_OF[codes[0].split("-")[0]]
            stages[stage] = stages.get(stage, 0) + 1
    return Decision(arm, view.removed, view.factors, tuple(order), probability, stages)
