"""The offers as rules read them: P of them under one policy, sorted by id, each with what its product is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crm_rules.offers.catalogue import Catalogue, Offer
from crm_rules.offers.customers import I64Array
from crm_rules.offers.listing import NO_PRODUCT, Listing
from crm_rules.offers.products import Products
from crm_rules.offers.smoothing import Smoothing
from crm_rules.policy import Policy
from crm_rules.rules import F64Array, Mask
from crm_rules.vocabulary import CHANNELS, CONTEXTS

LOWEST, HIGHEST = 1.0, 5.0  # levels of risk
FIRST, LAST = -(2**31), 2**31  # days since 1970 that no decision reaches
Targets = tuple[tuple[tuple[str, ...], Mask], ...]


@dataclass(frozen=True)
class Offers:
    """P offers; arrays of length P, NaN for unknown, infinite where there is no bound.

    `position` is the place of the product among the products on sale, -1 for none or one not on sale.
    `only_for` and `kept_from` hold for some segments the offers (P,) that the policy names with them.
    `contexts` (channels + 1, P) is C by the channel of the conversation, `prefers` who is meant by the
    channel a customer prefers, the last row without any. `is_new` has a start and too little evidence.
    `rated` has a level of risk; `asks_assessment` and `asks_advice` by the policy, an unknown risk as well.
    `overrides` holds pairs of places: who over whom.
    """

    entries: tuple[Offer, ...]
    position: NDArray[np.intp]
    family: NDArray[np.str_]
    risk_level: F64Array
    minimum_amount: F64Array
    is_credit: Mask
    keeps: Mask
    of_no_product: Mask
    tier_needed: F64Array
    first_day: I64Array
    last_day: I64Array
    budget: F64Array
    cost: F64Array
    cap: F64Array
    cap_per_customer: F64Array
    withdrawn: Mask
    stopped: Mask
    not_offered: Mask
    chooses_channel: Mask
    prefers: Mask
    rated: Mask
    asks_assessment: Mask
    asks_advice: Mask
    only_for: Targets
    kept_from: Targets
    mandatory: Mask
    value: F64Array
    worth: F64Array
    lever: F64Array
    contexts: F64Array
    start: F64Array
    start_evidence: F64Array
    evidence: F64Array
    is_new: Mask
    overrides: tuple[tuple[int, int], ...]

    @staticmethod
    def of(
        catalogue: Catalogue, products: Products, policy: Policy, learned: Mapping[str, float] | None = None
    ) -> "Offers":
        """The offers, and each product without one plainly; `learned` is the models' evidence by product."""
        them, sale = Listing.of(catalogue, products), products
        own = them.flags(lambda each: each.product_id is None)
        risk = np.where(own, LOWEST, them.of_product(sale.risk_level, np.nan))
        value = them.said_or(lambda each: each.value, sale.value, np.nan)
        start = them.said_or(lambda each: each.starting_propensity, sale.start, np.nan)
        evidence = np.array([(learned or {}).get(name, 0.0) for name in them.product_ids], np.float64)
        gone = ~own & (them.position == NO_PRODUCT)
        return Offers(
            entries=them.entries,
            position=them.position,
            family=them.family,
            risk_level=risk,
            minimum_amount=np.where(own, 0.0, them.of_product(sale.minimum_amount, 0.0)),
            is_credit=np.isin(them.family, policy.eligibility.credit_families),
            keeps=them.flags(lambda each: each.issue == "keep"),
            of_no_product=own,
            tier_needed=them.tiers_needed(policy.eligibility.tiers),
            first_day=them.days(lambda each: each.valid_from, FIRST),
            last_day=them.days(lambda each: each.valid_to, LAST),
            budget=them.said(lambda each: each.budget, np.inf),
            cost=them.said(lambda each: each.cost, 0.0),
            cap=them.said(lambda each: each.cap, np.inf),
            cap_per_customer=them.said(lambda each: each.cap_per_customer, np.inf),
            withdrawn=gone | them.flags(lambda each: each.product_id in sale.withdrawn),
            stopped=np.zeros(len(them.entries), np.bool_),
            not_offered=np.zeros(len(them.entries), np.bool_),
            chooses_channel=them.flags(lambda each: each.preferred_channels),
            prefers=_preferring(them),
            rated=(risk >= LOWEST) & (risk <= HIGHEST),
            asks_assessment=~(risk < policy.suitability.assessment_needed_from_risk),
            asks_advice=~(risk < policy.suitability.extra_care_from_risk),
            only_for=tuple((s, them.named(name)) for name, s in policy.targeting.only_for.items()),
            kept_from=tuple((s, them.named(name)) for name, s in policy.targeting.kept_from.items()),
            mandatory=them.flags(lambda each: each.mandatory),
            value=value,
            worth=np.array([_worth(v, policy.arbitration.value_weight) for v in value.tolist()], np.float64),
            lever=_levers(them.entries, policy),
            contexts=_contexts(them.family, policy),
            start=start,
            start_evidence=them.said_or(lambda each: each.starting_evidence, sale.start_evidence, 0.0),
            evidence=evidence,
            is_new=(evidence < policy.arms.new_until_evidence) & ~np.isnan(start),
            overrides=them.overrides(),
        )

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def offer_id(self) -> tuple[str, ...]:
        """The ids, upward."""
        return tuple(each.offer_id for each in self.entries)

    @cached_property
    def smoothing(self) -> Smoothing:
        """How a start mixes with what the models say."""
        return Smoothing.of(self.start, self.start_evidence, self.evidence)

    @cached_property
    def some_start(self) -> bool:
        """Whether a start is declared of any."""
        return not bool(np.isnan(self.start).all())

    @cached_property
    def some_alone(self) -> bool:
        """Whether any is of no product."""
        return bool(self.of_no_product.any())

    @cached_property
    def some_mandatory(self) -> bool:
        """Whether any is mandatory."""
        return bool(self.mandatory.any())

    @cached_property
    def place(self) -> Mapping[str, int]:
        """The place of each offer, by its id."""
        return {name: at for at, name in enumerate(self.offer_id)}

    @cached_property
    def limited(self) -> tuple[str, ...]:
        """The offers whose uses have to be counted."""
        return tuple(each.offer_id for each in self.entries if each.limited)

    def under(self, products: Collection[str], offering: Collection[str]) -> "Offers":
        """The same while stop switches name these products, and the offering of these products or offers."""
        stopped = np.array([each.product_id in products for each in self.entries], np.bool_)
        silent = [each.product_id in offering or each.offer_id in offering for each in self.entries]
        return replace(self, stopped=stopped, not_offered=np.array(silent, np.bool_))

    def counts(self, uses: Sequence[Mapping[str, int]]) -> F64Array:
        """Uses by offer id, for each of n customers, as (n, P)."""
        return np.array([[each.get(name, 0) for name in self.offer_id] for each in uses], np.float64)

    def across(self, of_products: Mask) -> Mask:
        """What is known of products (n, products), for each offer (n, P); no for one of no product."""
        if not of_products.shape[1]:
            return np.zeros((len(of_products), len(self)), np.bool_)
        return np.asarray(of_products[:, self.position] & ~self._without)

    def chance(self, of_products: F64Array) -> F64Array:
        """Numbers of products (n, products) for each offer (n, P); NaN for one of no product."""
        if not of_products.shape[1]:
            return np.full((len(of_products), len(self)), np.nan)
        return np.where(self._without, np.nan, of_products[:, self.position])

    @cached_property
    def _without(self) -> Mask:
        return np.asarray(self.position == NO_PRODUCT)


def _preferring(them: Listing) -> Mask:
    """(channels + 1, P): by the channel a customer may prefer the offers meant for it; none at the end."""
    rows = [[name in each.preferred_channels for each in them.entries] for name in (*CHANNELS, "none")]
    return np.array(rows, np.bool_)


def _worth(value: float, weight: float) -> float:
    """V of one offer; unknown for a value below 0."""
    return np.nan if value < 0 else float(value**weight)


def _levers(entries: Sequence[Offer], policy: Policy) -> F64Array:
    lever = policy.arbitration.lever
    return np.array(
        [
            1
            + (
                lever.issue.get(each.issue, 0.0)
                + lever.group.get(each.group, 0.0)
                + lever.offer.get(each.offer_id, 0.0)
            )
            / 100
            for each in entries
        ],
        np.float64,
    )


def _contexts(family: NDArray[np.str_], policy: Policy) -> F64Array:
    """C for each channel of a conversation, and as the last row without one."""
    percent = [policy.arbitration.context_percent.get(name, {}) for name in CONTEXTS]
    return np.array([[1 + each.get(str(name), 0.0) / 100 for name in family] for each in [*percent, {}]])
