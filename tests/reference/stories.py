"""The smallest world and a customer who may have all of it: what edge tests change one thing of."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.reference.product import Shelf, answers
from tests.reference.running import standard
from tests.reference.shapes import Decision, Offer, Person, Product, World

NOON = datetime(2026, 6, 15, 4, tzinfo=UTC)  # in Shanghai
PRODUCT = Product("P", "savings")
OFFER = Offer("offer", group="savings", product_id="P")
SOMEBODY = Person(
    "C1", NOON, datetime(2026, 6, 1, tzinfo=UTC), age_years=40.0, risk_level=5.0,
    risk_assessment_age_days=9.0, is_company=0.0, income_monthly=1_000.0, days_past_due=0.0,
    complaints_365d=0.0, consent={"email": 1.0, "phone": 1.0, "app": 1.0}, consent_profiling=1.0,
    time_zone="Asia/Shanghai", preferred_channel="app", churn=0.0, chances={"P": 0.5}, popularity={"P": 0.5},
)  # fmt: skip


def somebody(**changed: Any) -> Person:
    """Who may have everything, but for what the arguments change."""
    return replace(SOMEBODY, **changed)


def shelf(*offers: Offer, product: Product = PRODUCT, **policy: Any) -> World:
    """One product and these offers, under the standard policy with other numbers: `table__key=number`."""
    rules: dict[str, Any] = copy.deepcopy(dict(standard()))
    rules["arms"] |= {"random_control": 0.0, "non_personalised": 0.0, "exploration": 0.0}
    for name, number in policy.items():
        *tables, key = name.split("__")
        table: Any = rules
        for each in tables:
            table = table[each]
        table[key] = number
    return World(rules, [product], list(offers or (OFFER,)))


def decided(world: World, person: Person) -> Decision:
    """What the product decides about them."""
    return answers(Shelf.of(world), [person])[0]


def codes(world: World, person: Person, offer: str = "offer") -> tuple[str, ...]:
    """What removes that offer for them; empty where it is left."""
    return tuple(decided(world, person).removed[offer])


def of_product(**changed: Any) -> Mapping[str, Product]:
    """A shelf's product with other facts."""
    return {"product": replace(PRODUCT, **changed)}
