"""A made-up shelf of 100 offers under the standard policy, and people before it; no models."""

import resource
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

import numpy as np

from crm_rules.offers import funnel
from crm_rules.offers.catalogue import Catalogue, Offer, Text
from crm_rules.offers.chances import Estimates, chances
from crm_rules.offers.customers import Customers, Moments
from crm_rules.offers.funnel import Asked, Funnel
from crm_rules.offers.offers import Offers
from crm_rules.offers.products import Products
from crm_rules.policy import STANDARD, Policy
from crm_rules.vocabulary import CONTEXTS, FAMILIES
from feature_repo.zones import CODE

OFFERS, PRODUCTS, TOP, CHUNK = 100, 60, 3, 2_000
AT = int(datetime(2026, 6, 15, 4, tzinfo=UTC).timestamp()) * 1_000_000
DAY = 86_400_000_000


@dataclass(frozen=True)
class Stand:
    """The shelf and the policy."""

    offers: Offers
    policy: Policy


@dataclass(frozen=True)
class Crowd:
    """n customers as a store would give them, and what the models say."""

    columns: dict[str, np.ndarray]
    event_us: np.ndarray
    owned: np.ndarray
    tier: np.ndarray
    used: np.ndarray
    said: Estimates
    ruled: dict[str, np.ndarray]
    learned: dict[str, np.ndarray]
    ids: list[str]
    channels: list[str | None]

    def one(self, row: int) -> "Crowd":
        """One of them."""
        at = slice(row, row + 1)
        popular = None if self.said.popularity is None else self.said.popularity[at]
        return Crowd(
            {name: values[at] for name, values in self.columns.items()},
            self.event_us[at],
            self.owned[at],
            self.tier[at],
            self.used[at],
            Estimates(self.said.chance[at], popular, self.said.leaving[at]),
            {name: mask[at] for name, mask in self.ruled.items()},
            {name: mask[at] for name, mask in self.learned.items()},
            self.ids[at],
            self.channels[at],
        )


def decided(stand: Stand, crowd: Crowd) -> Funnel:
    """The funnel, from columns on."""
    n = len(crowd.ids)
    at = np.full(n, AT, np.int64)
    moments = Moments(at, crowd.event_us, stand.policy.calendar.zone)
    known = Customers.known(crowd.columns, moments, stand.offers.across(crowd.owned), crowd.channels)
    customers = replace(
        known, tier=crowd.tier, leaving=crowd.said.leaving, used=crowd.used, ruled=crowd.ruled,
        learned=crowd.learned,
    )  # fmt: skip
    asked = Asked(crowd.ids, at, np.ones(n, np.bool_))
    return funnel.run(customers, stand.offers, stand.policy, chances(stand.offers, crowd.said), asked)


def told(stand: Stand, found: Funnel, row: int) -> tuple[list[str], dict[str, list[str]]]:
    """The ids of the best, and every code by the id of what it removed."""
    ids = stand.offers.offer_id
    best = [ids[at] for at in found.order[row, :TOP].tolist() if at >= 0]
    return best, {ids[at]: codes for at, codes in found.screening.told(row).items()}


@cache
def stand() -> Stand:
    """A hundred offers: most products have one or two of their own, some are offered plainly."""
    rng, policy = np.random.default_rng(7), Policy.load(STANDARD)
    products = Products.from_catalogue(
        [
            {
                "product_id": f"P{n:03}",
                "family": FAMILIES[n % len(FAMILIES)],
                "risk_level": int(rng.integers(1, 6)),
                "minimum_amount": float(rng.choice([0, 1_000, 50_000])),
                "value": float(rng.uniform(10, 500)),
                "tier_required": None if n % 9 else "gold",
            }
            for n in range(PRODUCTS)
        ]
    )
    offers = [
        Offer(
            f"O{n:03}", ("grow", "serve", "keep")[n % 3], "group", Text("an offer", "优惠"), f"P{n % 45:03}",
            cap_per_customer=1 if n % 4 == 0 else None, cap=10_000 if n % 5 == 0 else None,
            preferred_channels=("app", "email") if n % 6 == 0 else (),
            starting_propensity=0.05 if n % 7 == 0 else None,
            starting_evidence=100 if n % 7 == 0 else None, overrides=("O000",) if n == 10 else (),
        )
        for n in range(OFFERS - (PRODUCTS - 45))
    ]  # fmt: skip
    return Stand(Offers.of(Catalogue("bench", tuple(offers)), products, policy, {}), policy)


def crowd(n: int, seed: int) -> Crowd:
    """Customers of all kinds; most may have something."""
    rng, offers = np.random.default_rng(seed), stand().offers
    zones = [CODE[name] for name in ("Asia/Shanghai", "Asia/Urumqi", "Europe/Berlin")]
    consent = {
        f"consent_marketing_{name}": rng.choice([1.0, 1.0, 0.0, np.nan], n)
        for name in ("email", "phone", "app")
    }
    columns = {
        "age_years": rng.integers(16, 90, n).astype(float),
        "risk_level": rng.choice([1.0, 2.0, 3.0, 4.0, 5.0, np.nan], n),
        "risk_assessment_age_days": rng.uniform(0, 500, n),
        "is_company": (rng.random(n) < 0.05).astype(float),
        "income_monthly": rng.choice([np.nan, 3_000.0, 8_000.0, 40_000.0], n),
        "days_past_due": rng.choice([np.nan, 0.0, 0.0, 5.0], n),
        "complaints_365d": rng.choice([0.0, 0.0, 1.0, 4.0], n),
        "consent_profiling": rng.choice([1.0, 1.0, 1.0, 0.0], n),
        "time_zone": rng.choice([*zones, np.nan], n),
        "preferred_channel": rng.integers(0, 6, n).astype(float),
        **consent,
    }
    segments = {name: rng.random(n) < 0.2 for name in ("behind_with_payments", "idle_money", "newcomer")}
    chance = rng.random((n, PRODUCTS))
    return Crowd(
        columns,
        np.full(n, AT - DAY, np.int64),
        rng.random((n, PRODUCTS)) < 0.05,
        rng.choice([np.nan, 0.0, 1.0, 2.0], n),
        (rng.random((n, len(offers))) < 0.02).astype(float),
        Estimates(chance, chance.mean(axis=0, keepdims=True).repeat(n, axis=0), rng.random(n)),
        segments,
        {f"S{at}": rng.random(n) < 0.25 for at in range(1, 5)},
        [f"c{seed}-{at:07}" for at in range(n)],
        [None if at == len(CONTEXTS) else CONTEXTS[at] for at in rng.integers(0, len(CONTEXTS) + 1, n)],
    )


def chunk(seed: int) -> int:
    """Decide one chunk; how many offers are shown in it."""
    found = decided(stand(), crowd(CHUNK, seed))
    return int((found.order[:, :TOP] >= 0).sum())


def peak(_: int) -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
