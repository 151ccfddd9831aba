"""The product's own answer to the reference's cases: the shelf as its TOML, the people as its columns."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from crm_rules.offers import arms, funnel
from crm_rules.offers.catalogue import Catalogue
from crm_rules.offers.chances import Estimates, chances
from crm_rules.offers.customers import Customers, Moments
from crm_rules.offers.funnel import Asked, Funnel
from crm_rules.offers.offers import Offers
from crm_rules.offers.products import Products
from crm_rules.policy import Policy
from feature_repo.zones import CODE, ZONES
from tests.reference.cases import PREFERRED
from tests.reference.policies import toml
from tests.reference.shapes import NAN, Decision, Factors, Offer, Person, World

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOTHING = (NAN, -1.0, 0.5, 1e9, float("inf"), float("-inf"))  # codes that name no zone and no channel
PLAIN = (
    "age_years", "risk_level", "risk_assessment_age_days", "is_company", "income_monthly", "days_past_due",
    "complaints_365d", "consent_profiling",
)  # fmt: skip


@dataclass(frozen=True)
class Shelf:
    """What every customer of a world meets, as the product keeps it."""

    policy: Policy
    products: Products
    offers: Offers
    world: World

    @staticmethod
    def of(world: World) -> "Shelf":
        """Through the product's own readers of policy and catalogue."""
        policy = Policy.parse(toml(world.policy).encode())
        catalogue = Catalogue.parse(
            toml({"version": "1", "offers": [_entry(o) for o in world.offers]}).encode()
        )
        entries = [
            {
                "product_id": each.product_id,
                "family": each.family,
                "risk_level": each.risk,
                "minimum_amount": each.minimum,
                "value": each.value,
                "tier_required": each.tier,
                "starting_propensity": each.start,
                "starting_evidence": each.start_evidence,
            }
            for each in world.products
        ]
        products = Products.from_catalogue(entries, [p.product_id for p in world.products if p.withdrawn])
        evidence = {each.product_id: each.evidence for each in world.products}
        offers = Offers.of(catalogue, products, policy, evidence)
        offers = offers.under(world.stopped_products, world.stopped_offers)
        return Shelf(policy, products, offers, world)


def _entry(offer: Offer) -> dict[str, object]:
    """An offer as a table of offers.toml, without what it does not say."""
    said = {
        "offer_id": offer.offer_id, "issue": offer.issue, "group": offer.group,
        "product_id": offer.product_id, "value": offer.value, "tier": offer.tier,
        "valid_from": offer.valid_from, "valid_to": offer.valid_to, "budget": offer.budget,
        "cost": offer.cost, "cap": offer.cap, "cap_per_customer": offer.cap_each,
        "preferred_channels": offer.preferred or None, "mandatory": offer.mandatory or None,
        "starting_propensity": offer.start, "starting_evidence": offer.start_evidence,
        "overrides": offer.overrides or None, "title": {"en": offer.offer_id, "zh": offer.offer_id},
    }  # fmt: skip
    return {key: value for key, value in said.items() if value is not None}


def run(shelf: Shelf, people: Sequence[Person]) -> Funnel:
    """The product's funnel over all of them at once."""
    said = chances(shelf.offers, _estimates(shelf, people))
    asked = Asked(
        [each.customer_id for each in people],
        np.array([_micro(each.at) for each in people], np.int64),
        np.array([each.personalised for each in people], np.bool_),
    )
    return funnel.run(customers(shelf, people), shelf.offers, shelf.policy, said, asked)


def customers(shelf: Shelf, people: Sequence[Person]) -> Customers:
    """The people as columns."""
    columns = {name: np.array([getattr(each, name) for each in people], np.float64) for name in PLAIN}
    for channel in ("email", "phone", "app"):
        given = [each.consent.get(channel, NAN) for each in people]
        columns[f"consent_marketing_{channel}"] = np.array(given, np.float64)
    columns["time_zone"] = np.array([_zone(each) for each in people], np.float64)
    columns["preferred_channel"] = np.array([_preferred(each) for each in people], np.float64)
    moments = Moments(
        np.array([_micro(each.at) for each in people], np.int64),
        np.array([-1 if each.event is None else _micro(each.event) for each in people], np.int64),
        shelf.policy.calendar.zone,
    )
    owned = np.array(
        [[name in each.owned for name in shelf.products.product_id] for each in people], np.bool_
    ).reshape(len(people), len(shelf.products))
    known = Customers.known(columns, moments, shelf.offers.across(owned), [each.channel for each in people])
    tiers = shelf.policy.eligibility.tiers
    return replace(
        known,
        tier=np.array([tiers.index(p.tier) if p.tier in tiers else NAN for p in people], np.float64),
        leaving=np.array([each.churn for each in people], np.float64),
        used=_table(shelf, [each.used for each in people]),
        used_by_all=_table(shelf, [each.used_by_all for each in people]),
        ruled={name: _mask(people, "segments", name) for name in shelf.world.rule_segments},
        learned={name: _mask(people, "learned", name) for name in shelf.world.learned_segments},
    )


def _table(shelf: Shelf, of_people: Sequence[Mapping[str, float]]) -> np.ndarray:
    rows = [[each.get(name, 0.0) for name in shelf.offers.offer_id] for each in of_people]
    return np.array(rows, np.float64).reshape(len(of_people), len(shelf.offers))


def answers(shelf: Shelf, people: Sequence[Person]) -> list[Decision]:
    """The product's decisions in the reference's shape."""
    found = run(shelf, people)
    return [_decision(shelf.offers, found, row) for row in range(len(people))]


def _decision(offers: Offers, found: Funnel, row: int) -> Decision:
    ids, told = offers.offer_id, found.screening.told(row)
    factors = {
        name: Factors(
            float(found.chance[row, at]),
            float(found.context[row, at]),
            float(offers.worth[at]),
            float(offers.lever[at]),
            float(found.priority[row, at]),
        )
        for at, name in enumerate(ids)
    }
    return Decision(
        arm=arms.NAMES[found.arm[row]],
        removed={name: tuple(told.get(at, ())) for at, name in enumerate(ids)},
        factors=factors,
        order=tuple(ids[at] for at in found.order[row].tolist() if at >= 0),
        probability=float(found.probability[row]),
        stages={stage: n for stage, n in found.removed_by_stage(row).items() if n},
    )


def _mask(people: Sequence[Person], kind: str, name: str) -> np.ndarray:
    return np.array([getattr(each, kind)[name] for each in people], np.bool_)


def _micro(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _zone(person: Person) -> float:
    if person.time_zone is not None:
        return float(CODE[person.time_zone])
    return _nothing(person, len(ZONES))


def _nothing(person: Person, codes: int) -> float:
    """A number that is no code, the first after the last one among them."""
    numbers = (*NOTHING, float(codes))
    return numbers[zlib.crc32(person.customer_id.encode()) % len(numbers)]


def _preferred(person: Person) -> float:
    if person.preferred_channel is not None:
        return float(PREFERRED.index(person.preferred_channel))
    return _nothing(person, len(PREFERRED))


def _estimates(shelf: Shelf, people: Sequence[Person]) -> Estimates:
    names = shelf.products.product_id

    def table(kind: str) -> np.ndarray:
        rows = [[getattr(each, kind).get(name, NAN) for name in names] for each in people]
        return np.array(rows, np.float64).reshape(len(people), len(names))

    return Estimates(
        table("chances"),
        table("popularity") if shelf.world.has_recommender else None,
        np.array([each.churn for each in people], np.float64),
    )
