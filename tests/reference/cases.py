"""Random shelves and customers, seeded, drawn towards the edges where rules change their minds."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tests.reference.policies import (
    CHANNELS,
    FAMILIES,
    ISSUES,
    LEARNED,
    SEGMENTS_BY_RULE,
    TIERS,
    ZONES,
    random_policy,
)  # fmt: skip
from tests.reference.shapes import NAN, Offer, Person, Product, World

ODD = (NAN, math.inf, -math.inf, -1.0, 1e308, -1e308, 5e-324, 1e18, -0.0)
PREFERRED = ("phone", "email", "chat", "app", "social", "branch")
# Days whose clocks jump somewhere, the leap day and the year's edges, among ordinary ones.
DAYS = (
    date(2024, 2, 29), date(2025, 3, 9), date(2025, 3, 30), date(2025, 4, 6), date(2025, 10, 5),
    date(2025, 10, 26), date(2025, 11, 2), date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 15),
)  # fmt: skip
EDGES = (0, 1, 2, 6 * 60, 8 * 60, 9 * 60, 20 * 60, 22 * 60, 24 * 60 - 1)  # minutes of the day hours turn at


def near(rng: Random, *edges: float, odd: float = 0.1) -> float:
    """One of the edges, just below, just above, or something no column should hold."""
    if rng.random() < odd:
        return rng.choice(ODD)
    edge = rng.choice(edges)
    return rng.choice(
        [edge - 1, edge, edge, edge + 1, math.nextafter(edge, -math.inf), math.nextafter(edge, math.inf)]
    )


def world(standard: Mapping[str, Any], seed: int) -> World:
    """A shelf of up to 14 offers, its policy and its stop switches."""
    rng = Random(seed)
    hot = rng.choice([0.02, 0.1, 0.3])
    products = [_product(rng, n, hot) for n in range(rng.randint(0, 7))]
    ids = [each.product_id for each in products]
    offers: list[Offer] = []
    for n in range(rng.randint(0, 7)):
        offers.append(_offer(rng, n, hot, ids, [each.offer_id for each in offers]))
    names = [*ids, *(each.offer_id for each in offers)]
    return World(
        policy=random_policy(standard, rng, names),
        products=products,
        offers=offers,
        stopped_products=frozenset(name for name in ids if rng.random() < hot / 5),
        stopped_offers=frozenset(name for name in names if rng.random() < hot / 5),
        has_recommender=rng.random() < 0.8,
        learned_segments=LEARNED,
        rule_segments=SEGMENTS_BY_RULE,
    )


def _product(rng: Random, n: int, hot: float) -> Product:
    odd: dict[str, Any] = {
        "risk": rng.choice([1.0, 2.0, 3.0, 4.0, 5.0, NAN, 0.0, 6.0]),
        "minimum": rng.choice([0.01, 1_000.0, 24_000.0]),
        "value": rng.choice([0.0, 1.0, 50.0, 100.0]),
        "tier": rng.choice(TIERS),
        "withdrawn": True,
    }
    some = {name: value for name, value in odd.items() if rng.random() < hot}
    plain: dict[str, Any] = {
        "value": rng.uniform(0, 500),
        "evidence": rng.choice([0.0, 1.0, 199.0, 200.0, 5_000.0]),
    }
    if rng.random() < 0.2:
        plain |= {"start": rng.random(), "start_evidence": rng.choice([0, 50])}
    return Product(f"product_{n}", rng.choice(FAMILIES), **(plain | some))


def _offer(rng: Random, n: int, hot: float, products: list[str], earlier: list[str]) -> Offer:
    product = rng.choice([*products, None, "gone"] if rng.random() < hot else [*products, None])
    start = rng.random() if product is None or rng.random() < 0.7 else None
    odd: dict[str, Any] = {
        "value": rng.choice([0.0, 80.0, rng.uniform(0, 500)]),
        "tier": rng.choice(TIERS),
        "valid_from": _day(rng),
        "budget": rng.choice([1_000.0, 0.3, 0.1]),
        "cap": rng.choice([1, 100]),
        "preferred": tuple(rng.sample(PREFERRED, 3)),
        "overrides": tuple(rng.sample(earlier, 1)) if earlier else (),
        "mandatory": True,
        "issue": "keep",
    }
    some = {name: value for name, value in odd.items() if rng.random() < hot}
    plain: dict[str, Any] = {
        "issue": rng.choice(ISSUES),
        "group": rng.choice(FAMILIES),
        "cap_each": rng.choice([None, 1, 2]),
    }
    plain |= {"cost": rng.choice([0.1, 10.0]), "valid_to": rng.choice([None, None, DAYS[-1], _day(rng)])}
    if product is None:
        plain["value"] = rng.uniform(0, 500)
    if start is not None:
        plain |= {"start": start, "start_evidence": rng.choice([0, 1, 10, 1_000])}
    if plain["valid_to"] is not None and "valid_from" in some:
        some["valid_from"], plain["valid_to"] = sorted([some["valid_from"], plain["valid_to"]])
    return Offer(f"{rng.choice('abz')}_offer_{n}", product_id=product, **(plain | some))


def _day(rng: Random) -> date:
    return rng.choice(DAYS) + timedelta(days=rng.choice([-400, -1, 0, 1]))


def people(world: World, seed: int, count: int) -> list[Person]:
    """Customers of that world, each at a moment of their own."""
    rng = Random(seed)
    return [_person(world, rng, f"customer {seed} {n}") for n in range(count)]


def _person(world: World, rng: Random, name: str) -> Person:
    """Somebody who may have almost everything, but for what is drawn to an edge: little, or nearly all."""
    hot = rng.choice([0.02, 0.1, 0.3])
    zone = rng.choice([*ZONES, *ZONES, None])
    home = zone or world.policy["calendar"]["zone"]
    at = _moment(rng, home)
    event = at - timedelta(seconds=rng.choice([0, 1, 3_600, 86_400, 40 * 86_400, 400 * 86_400]))
    event = min(at, event.replace(microsecond=0))
    harmless = {
        "channel": rng.choice([None, *CHANNELS]), "age_years": 40.0, "risk_level": 5.0,
        "risk_assessment_age_days": 0.0 if (at - event).days else 0.5, "is_company": 0.0,
        "income_monthly": 1e6, "days_past_due": 0.0, "complaints_365d": 0.0, "tier": TIERS[-1],
        "consent": dict.fromkeys(("email", "phone", "app"), 1.0), "consent_profiling": 1.0,
        "preferred_channel": rng.choice(PREFERRED), "churn": rng.random(),
    }  # fmt: skip
    odd = _odd(world.policy, rng, at, event, home)
    drawn = {key: value for key, value in odd.items() if rng.random() < hot}
    return Person(
        **(harmless | drawn),  # type: ignore[arg-type]  # one table of columns of all kinds
        customer_id=name,
        at=at,
        event=None if rng.random() < hot / 20 else event,
        time_zone=zone,
        personalised=rng.random() < 0.9,
        owned=frozenset(each.product_id for each in world.products if rng.random() < hot / 3),
        used={each.offer_id: rng.choice([1, 2, NAN]) for each in world.offers if rng.random() < hot},
        used_by_all={
            each.offer_id: rng.choice([1, 2, 3, 98, 99, 100, 101, NAN])
            for each in world.offers
            if rng.random() < hot
        },
        segments=_segments(rng, SEGMENTS_BY_RULE),
        learned=_segments(rng, LEARNED),
        chances=_chances(rng, world.products),
        popularity=_chances(rng, world.products),
    )


def _odd(
    policy: Mapping[str, Any], rng: Random, at: datetime, event: datetime, home: str
) -> dict[str, object]:
    """Every column at an edge of the rules that read it, or at something it should not hold."""
    suit, may = policy["suitability"], policy["eligibility"]
    consents = {each: rng.choice([1.0, 0.0, NAN, 0.5]) for each in ("email", "phone", "app")}
    return {
        "age_years": round_or_odd(rng, near(rng, may["adult_from_age"], suit["extra_care_from_age"])),
        "risk_level": near(rng, 5, 3, 2, 4, 1),
        "risk_assessment_age_days": _assessed(rng, suit["assessment_valid_days"], at, event, home),
        "is_company": rng.choice([1.0, 1.0, NAN, math.inf, 0.5]),
        "income_monthly": near(rng, 1_000.0, 0.01, 10_000.0, 24_000.0),
        "days_past_due": near(rng, may["arrears_from_days"]),
        "complaints_365d": near(rng, policy["contact"]["quiet_from_complaints_365d"]),
        "consent": consents,
        "consent_profiling": rng.choice([0.0, NAN, 2.0]),
        "preferred_channel": None,
        "tier": rng.choice([None, *TIERS, "unheard of"]),
        "churn": near(rng, policy["keep"]["likely_to_leave_from"]),
    }


def round_or_odd(rng: Random, age: float) -> float:
    """Ages are whole, but a column can hold anything."""
    return float(round(age)) if math.isfinite(age) and rng.random() < 0.9 else age


def _segments(rng: Random, names: Sequence[str]) -> dict[str, bool]:
    return {name: rng.random() < 0.5 for name in names}


def _chances(rng: Random, products: Sequence[Product]) -> dict[str, float]:
    """Some alike, so that ids break ties; a few unknown."""
    return {
        each.product_id: rng.choice([0.5, 0.5, NAN, 0.0]) if rng.random() < 0.2 else rng.random()
        for each in products
    }


def _moment(rng: Random, zone: str) -> datetime:
    """Mostly within a microsecond of an edge of a local day or of somebody's hours."""
    day = rng.choice(DAYS) + timedelta(days=rng.choice([-1, 0, 0, 1]))
    minute = rng.choice([0, 0, rng.choice(EDGES), rng.randrange(1440)])
    local = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=ZoneInfo(zone))
    local = local.replace(fold=rng.randint(0, 1))
    return local.astimezone(UTC) + timedelta(microseconds=rng.choice([-1, 0, 1, rng.randrange(10**9)]))


def _assessed(rng: Random, valid: int, at: datetime, event: datetime, home: str) -> float:
    """Days before the event, such that the local day of the assessment is about `valid` days ago."""
    if rng.random() < 0.2:
        return rng.choice([*ODD, 0.0, float(valid)])
    local = at.astimezone(ZoneInfo(home))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    edge = midnight - timedelta(days=rng.choice([valid - 1, valid, valid + 1, 0]))
    assessed = edge.replace(tzinfo=local.tzinfo).astimezone(UTC) + timedelta(seconds=rng.choice([-1, 0, 1]))
    return (event.replace(microsecond=0) - assessed).total_seconds() / 86_400
