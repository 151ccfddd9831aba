"""Which rules remove an offer for one customer: the meaning in crm_rules/README.md, written a second time."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from tests.reference.moment import Moment
from tests.reference.shapes import NAN, Factors, Offer, Person, Product, World

STAGE_OF = {
    "STOP": "eligibility", "ELIG": "eligibility", "OFFR": "eligibility",
    "TARG": "applicability", "KEEP": "applicability", "SUIT": "suitability",
    "CONS": "contact", "CONT": "contact", "OVER": "arbitration", "NEED": "arbitration",
}  # fmt: skip


Shelf: TypeAlias = list[tuple[Offer, Product | None]]


def shelf(world: World) -> Shelf:
    """Every offer with its product; a product without an offer of its own is offered plainly."""
    products = {each.product_id: each for each in world.products}
    named = {offer.product_id for offer in world.offers}
    missing = Product("", "", withdrawn=True, risk=NAN, minimum=0.0, value=NAN)
    found: Shelf = [
        (offer, None if offer.product_id is None else products.get(offer.product_id, missing))
        for offer in world.offers
    ]
    for product in world.products:
        if product.product_id not in named:
            name = product.product_id
            plain = Offer(name, group=product.family, product_id=name)
            found.append((plain, product))
    return found


def funnel(
    world: World,
    shelf: Shelf,
    person: Person,
    now: Moment,
    factors: Mapping[str, Factors],
    personal: bool,
) -> dict[str, tuple[str, ...]]:
    """The codes of every rule that removes each offer, in the order of the table; empty for what is left."""
    once = customer_codes(world.policy, person, now)
    codes = {
        offer.offer_id: [
            *eligibility(world, offer, product, person, now),
            *applicability(world, offer, product, person, personal),
            *suitability(world.policy["suitability"], product, person, now),
            *once,
        ]
        for offer, product in shelf
    }
    passed = {offer.offer_id for offer, _ in shelf if not codes[offer.offer_id]}
    overridden = {name for offer, _ in shelf if offer.offer_id in passed for name in offer.overrides}
    for offer_id, found in codes.items():
        if offer_id in overridden:
            found.append("OVER-01")
        if not found and not math.isfinite(factors[offer_id].priority):
            found.append("NEED-00")
    return {offer_id: tuple(found) for offer_id, found in codes.items()}


def eligibility(
    world: World, offer: Offer, product: Product | None, person: Person, now: Moment
) -> Iterable[str]:
    """May the customer have it?"""
    limits = world.policy["eligibility"]
    if offer.product_id in world.stopped_products:
        yield "STOP-01"
    if offer.offer_id in world.stopped_offers or offer.product_id in world.stopped_offers:
        yield "STOP-02"
    yield from _product_codes(limits, offer, product, person)
    is_person = person.is_company != 1
    credit = product is not None and product.family in limits["credit_families"]
    adult = limits["adult_from_age"]
    if is_person and (now.age < adult or (credit and (math.isnan(now.age) or now.age == adult))):
        yield "ELIG-05"
    needed = offer.tier or (product.tier if product else None)
    if needed and not reaches(limits["tiers"], person.tier, needed):
        yield "ELIG-06"
    yield from _offer_codes(offer, person, now)


def _product_codes(
    limits: Mapping[str, Any], offer: Offer, product: Product | None, person: Person
) -> Iterable[str]:
    if offer.product_id in person.owned:
        yield "ELIG-01"
    if product is not None and product.withdrawn:
        yield "ELIG-02"
    income = 0.0 if math.isnan(person.income_monthly) else person.income_monthly
    if (product.minimum if product else 0.0) > income * limits["minimum_amount_monthly_incomes"]:
        yield "ELIG-03"
    is_credit = product is not None and product.family in limits["credit_families"]
    if is_credit and person.days_past_due >= limits["arrears_from_days"]:
        yield "ELIG-04"


def _offer_codes(offer: Offer, person: Person, now: Moment) -> Iterable[str]:
    early = offer.valid_from is not None and now.day < offer.valid_from
    late = offer.valid_to is not None and now.day > offer.valid_to
    if early or late:
        yield "OFFR-01"
    by_all = person.used_by_all.get(offer.offer_id, 0.0)
    paid = offer.budget is None or by_all * offer.cost + offer.cost <= offer.budget
    if not paid or (offer.cap is not None and not by_all < offer.cap):
        yield "OFFR-02"
    if offer.cap_each is not None and not person.used.get(offer.offer_id, 0.0) < offer.cap_each:
        yield "OFFR-03"


def reaches(tiers: list[str], has: str | None, needed: str) -> bool:
    """Whether a customer of tier `has` may have what needs `needed`; lowest tier first."""
    if needed not in tiers or has not in tiers:
        return False
    return tiers.index(has) >= tiers.index(needed)


def applicability(
    world: World, offer: Offer, product: Product | None, person: Person, personal: bool
) -> Iterable[str]:
    """Does it make sense for them now?"""
    targeting = world.policy["targeting"]
    names = {offer.offer_id, *([product.product_id, product.family] if product else [])}
    known = {**person.segments, **(person.learned if personal else {})}
    only = [set(segments) for name, segments in targeting["only_for"].items() if name in names]
    kept = [name for key, segments in targeting["kept_from"].items() if key in names for name in segments]
    if any(not any(known.get(name, False) for name in segments) for segments in only):
        yield "TARG-01"
    if any(known.get(name, True) for name in kept):
        yield "TARG-02"
    if offer.preferred and person.preferred_channel not in offer.preferred:
        yield "TARG-03"
    churn = person.churn if personal else NAN
    if offer.issue == "keep" and not churn >= world.policy["keep"]["likely_to_leave_from"]:
        yield "KEEP-01"


def suitability(
    limits: Mapping[str, Any], product: Product | None, person: Person, now: Moment
) -> Iterable[str]:
    """Is it good for them?"""
    risk = product.risk if product else 1.0
    stated = 1 <= person.risk_level <= 5
    level = person.risk_level if stated else 1
    if not 1 <= risk <= 5 or risk > level:
        yield "SUIT-01"
    in_force = stated and 0 <= now.assessed_days <= limits["assessment_valid_days"]
    needs_one = math.isnan(risk) or risk >= limits["assessment_needed_from_risk"]
    if needs_one and not in_force:
        yield "SUIT-02"
    is_person = person.is_company != 1
    old = math.isnan(now.age) or now.age >= limits["extra_care_from_age"]
    risky = math.isnan(risk) or risk >= limits["extra_care_from_risk"]
    if is_person and old and risky:
        yield "SUIT-03"


def customer_codes(policy: Mapping[str, Any], person: Person, now: Moment) -> list[str]:
    """May we say so here and now? The same for every offer."""
    channels, codes = policy["consent"]["marketing_channels"], []
    if not any(person.consent.get(channel) == 1 for channel in channels):
        codes.append("CONS-01")
    asks = person.channel in ("email", "phone", "app")
    if asks and not (person.channel in channels and person.consent.get(person.channel) == 1):
        codes.append("CONS-03")
    if person.complaints_365d >= policy["contact"]["quiet_from_complaints_365d"]:
        codes.append("CONT-01")
    hours = policy["contact"]["hours"].get(person.channel)
    if hours and (now.minute is None or not _open(hours, now.minute)):
        codes.append("CONT-02")
    return codes


def _open(hours: Mapping[str, str], minute: int) -> bool:
    opens, closes = (int(text[:2]) * 60 + int(text[3:]) for text in (hours["from"], hours["to"]))
    if opens < closes:
        return opens <= minute < closes
    return minute >= opens or minute < closes
