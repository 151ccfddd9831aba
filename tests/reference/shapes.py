"""What the reference reads and answers: plain values of one customer; what is not known is None or NaN."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

NAN = float("nan")


@dataclass(frozen=True)
class Product:
    """One product of the catalogue; `risk` may be unknown, `evidence` is what its model has seen."""

    product_id: str
    family: str
    risk: float = 1.0
    minimum: float = 0.0
    value: float = 100.0
    tier: str | None = None
    withdrawn: bool = False
    start: float | None = None
    start_evidence: int | None = None
    evidence: float = 0.0


@dataclass(frozen=True)
class Offer:
    """One action of the bank."""

    offer_id: str
    issue: str = "grow"
    group: str = ""
    product_id: str | None = None
    value: float | None = None
    tier: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    budget: float | None = None
    cost: float = 0.0
    cap: int | None = None
    cap_each: int | None = None
    preferred: tuple[str, ...] = ()
    mandatory: bool = False
    start: float | None = None
    start_evidence: int | None = None
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class World:
    """All that customers have in common: policy, shelf, stop switches, and what the release can do."""

    policy: Mapping[str, Any]
    products: Sequence[Product]
    offers: Sequence[Offer]
    stopped_products: frozenset[str] = frozenset()
    stopped_offers: frozenset[str] = frozenset()
    has_recommender: bool = True
    learned_segments: tuple[str, ...] = ()
    rule_segments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Person:
    """One customer at one moment, as a request asks about them."""

    customer_id: str
    at: datetime
    event: datetime | None
    channel: str | None = None
    personalised: bool = True
    age_years: float = NAN
    risk_level: float = NAN
    risk_assessment_age_days: float = NAN
    is_company: float = NAN
    income_monthly: float = NAN
    days_past_due: float = NAN
    complaints_365d: float = NAN
    consent: Mapping[str, float] = field(default_factory=dict)  # by marketing channel
    consent_profiling: float = NAN
    time_zone: str | None = None
    preferred_channel: str | None = None
    tier: str | None = None
    churn: float = NAN
    owned: frozenset[str] = frozenset()  # product ids
    used: Mapping[str, float] = field(default_factory=dict)  # offer id: times by them, NaN for not known
    used_by_all: Mapping[str, float] = field(default_factory=dict)  # the same by everybody together
    segments: Mapping[str, bool] = field(default_factory=dict)  # by rule
    learned: Mapping[str, bool] = field(default_factory=dict)  # of the segmentation
    chances: Mapping[str, float] = field(default_factory=dict)  # product id: p of the models
    popularity: Mapping[str, float] = field(default_factory=dict)  # product id: how popular


@dataclass(frozen=True)
class Factors:
    """P, C, V, L of one offer and their product."""

    chance: float
    context: float
    value: float
    lever: float
    priority: float


@dataclass(frozen=True)
class Decision:
    """What is decided: codes and factors by offer id, what is left in order, the chance of the first."""

    arm: str
    removed: Mapping[str, tuple[str, ...]]
    factors: Mapping[str, Factors]
    order: tuple[str, ...]
    probability: float
    stages: Mapping[str, int]  # how many offers each stage removed first
