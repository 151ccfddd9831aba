"""Random answers, each looked at for a product its customer may not hold: by a table written here alone.

The shelf is one of risky products, in every arm, with new and mandatory offers among them; the customers
may have everything, but for what decides suitability, which is drawn at random.
"""

import copy
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

from tests.reference.moment import moment
from tests.reference.product import Shelf, answers
from tests.reference.running import CUSTOMERS, standard
from tests.reference.shapes import NAN, Offer, Person, Product, World
from tests.reference.stories import NOON, somebody

# What a customer of a level (row C1..C5) may hold at most: products of these risks (R1..R5).
MATRIX = {1: {1}, 2: {1, 2}, 3: {1, 2, 3}, 4: {1, 2, 3, 4}, 5: {1, 2, 3, 4, 5}}
ZONES = ("Asia/Shanghai", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago", None)


def unsuitable(seed: int) -> list[str]:
    """The offers of one crowd's answers that should not be there."""
    rng = Random(seed)
    world = _shelf(rng)
    people = [_person(rng, f"draw {seed} {n}") for n in range(CUSTOMERS)]
    risks = {each.product_id: each.risk for each in world.products}
    offered = {each.offer_id: each.product_id or "" for each in world.offers} | {name: name for name in risks}
    found = []
    for person, decision in zip(people, answers(Shelf.of(world), people), strict=True):
        for offer in decision.order:
            if why := "; ".join(_unfit(person, risks[offered[offer]])):
                found.append(f"{person.customer_id} is offered {offer}: {why}")
    return found


def _shelf(rng: Random) -> World:
    rules = copy.deepcopy(dict(standard()))
    rules["arms"] |= {"random_control": 0.25, "non_personalised": 0.2, "exploration": 0.5}
    products = [
        Product(
            f"P{n}", rng.choice(("fund", "deposit", "savings")), float(rng.randint(1, 5)), value=rng.random()
        )
        for n in range(12)
    ]
    offers = [
        Offer(
            f"O{n}", group="fund", product_id=rng.choice(products).product_id, mandatory=rng.random() < 0.02,
            start=rng.choice([None, 0.5]), start_evidence=10,
        )
        for n in range(6)
    ]  # fmt: skip
    offers = [each if each.start is not None else replace(each, start_evidence=None) for each in offers]
    return World(rules, products, offers, has_recommender=rng.random() < 0.5)


def _person(rng: Random, name: str) -> Person:
    chances = {f"P{n}": rng.random() for n in range(12)}
    return somebody(
        customer_id=name,
        at=NOON + timedelta(seconds=rng.randrange(10**8)),
        personalised=rng.random() < 0.9,
        age_years=rng.choice([NAN, *map(float, range(19, 90))]),
        risk_level=rng.choice([NAN, 0.0, 6.0, -1.0, 1.0, 2.0, 3.0, 3.0, 4.0, 5.0, 5.0]),
        risk_assessment_age_days=rng.choice([NAN, -1.0, rng.uniform(0, 365), rng.uniform(-800, 800)]),
        is_company=rng.choice([0.0, 0.0, NAN, 1.0]),
        time_zone=rng.choice(ZONES),
        income_monthly=1e6,
        chances=chances,
        popularity=dict(sorted(chances.items())),
        segments={"behind_with_payments": False},
    )


def _unfit(person: Person, risk: float) -> Iterator[str]:
    """Why such a product is nothing for this customer; nothing where it is."""
    level = int(person.risk_level) if person.risk_level in MATRIX else None
    if risk not in MATRIX[level or 1]:
        yield f"R{risk:g} for level {person.risk_level}"
    now = moment(person, "Asia/Shanghai")
    if risk > 1 and (level is None or not 0 <= now.assessed_days <= 365):
        yield f"R{risk:g} without an assessment in force ({now.assessed_days} days)"
    if risk >= 3 and person.is_company != 1 and not now.age < 65:
        yield f"R{risk:g} for somebody of {now.age}"
