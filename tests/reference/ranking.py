"""P x C x V x L of one offer, and the order of what is left."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from tests.reference.shapes import NAN, Factors, Offer, Person, Product, World


def factors(world: World, offer: Offer, product: Product | None, person: Person, personal: bool) -> Factors:
    """The four factors and their product, multiplied in this order."""
    weights = world.policy["arbitration"]
    family = product.family if product else ""
    chance = _personal(offer, product, person) if personal else _popular(world, offer, product, person)
    percent = weights["context_percent"].get(person.channel, {}).get(family, 0.0)
    context = 1 + percent / 100
    value = _worth(offer, product, weights["value_weight"])
    lever = _lever(weights["lever"], offer)
    return Factors(chance, context, value, lever, chance * context * value * lever)


def _personal(offer: Offer, product: Product | None, person: Person) -> float:
    if offer.product_id is None:
        if offer.start is None:
            return NAN
        return offer.start * person.churn if offer.issue == "keep" else offer.start
    known = person.chances.get(offer.product_id, NAN)
    start, weight = declared(offer, product)
    if start is None:
        return known
    p, m = (0.0, 0.0) if math.isnan(known) or product is None else (known, product.evidence)
    total = weight + m + 1
    return weight / total * start + m / total * p


def declared(offer: Offer, product: Product | None) -> tuple[float | None, float]:
    """The start and its evidence: the offer's own, else its product's."""
    if offer.start is not None:
        return offer.start, float(offer.start_evidence or 0)
    if product is not None and product.start is not None:
        return product.start, float(product.start_evidence or 0)
    return None, 0.0


def _popular(world: World, offer: Offer, product: Product | None, person: Person) -> float:
    start = declared(offer, product)[0]
    start = NAN if start is None else start
    if offer.product_id is None:
        return start
    if not world.has_recommender:
        return 1.0
    popular = person.popularity.get(offer.product_id, NAN)
    return start if math.isnan(popular) else popular


def _worth(offer: Offer, product: Product | None, weight: float) -> float:
    value = offer.value if offer.value is not None else (product.value if product else NAN)
    return NAN if value < 0 else value**weight


def _lever(lever: Mapping[str, Mapping[str, Any]], offer: Offer) -> float:
    issue = lever["issue"].get(offer.issue, 0.0)
    group = lever["group"].get(offer.group, 0.0)
    action = lever["offer"].get(offer.offer_id, 0.0)
    return 1 + (issue + group + action) / 100


def ordered(left: Iterable[Offer], found: Mapping[str, Factors]) -> list[str]:
    """Mandatory first, then priority downward, then id upward."""
    ranked = sorted(
        left, key=lambda offer: (not offer.mandatory, -found[offer.offer_id].priority, offer.offer_id)
    )
    return [offer.offer_id for offer in ranked]
