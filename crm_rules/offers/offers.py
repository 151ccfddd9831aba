"""The offers as rules read them: P of them under one policy, sorted by id, each with what its product is."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm_rules.errors import InvalidPolicy
from crm_rules.offers.catalogue import Catalogue, Offer, Text
from crm_rules.offers.customers import I64Array
from crm_rules.offers.products import Products
from crm_rules.policy import Policy
from crm_rules.rules import F64Array, Mask
from crm_rules.vocabulary import CHANNELS, CONTEXTS

NO_PRODUCT = -1
NO_TIER, NO_SUCH_TIER = -1.0, np.inf
FIRST, LAST = -(2**31), 2**31  # days since 1970 that no decision reaches
EPOCH = date(1970, 1, 1).toordinal()
Targets = tuple[tuple[tuple[str, ...], Mask], ...]


@dataclass(frozen=True)
class Offers:
    """P offers; arrays of length P, NaN for unknown, infinite where there is no bound.

    `position` is the place of the product among the products on sale, -1 for none or one not on sale.
    `only_for` and `kept_from` hold for some segments the offers (P,) that the policy names with them.
    `contexts` (channels + 1, P) is C by the channel of the conversation, `prefers` who is meant by the
    channel a customer prefers, the last row without any. `is_new` has a start and too little evidence.
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
        entries = _entries(catalogue, products)
        ids = [each.offer_id for each in entries]
        place = {name: at for at, name in enumerate(products.product_id)}
        position = np.array([place.get(each.product_id or "", NO_PRODUCT) for each in entries], np.intp)
        family = _of_product(products.family, position, "")
        of_product = [each.product_id or "" for each in entries]
        named = _named(ids, of_product, family)
        value = _own_or(_given(entries, lambda each: each.value, np.nan), products.value, position, np.nan)
        declared = _given(entries, lambda each: each.starting_propensity, np.nan)
        weight = _given(entries, lambda each: each.starting_evidence, np.nan)
        gone = (position == NO_PRODUCT) & np.array(
            [each.product_id is not None for each in entries], np.bool_
        )
        own = np.array([each.product_id is None for each in entries], np.bool_)
        start = _own_or(declared, products.start, position, np.nan)
        evidence = np.array([(learned or {}).get(name, 0.0) for name in of_product], np.float64)
        return Offers(
            entries=entries,
            position=position,
            family=family,
            risk_level=np.where(own, 1.0, _of_product(products.risk_level, position, np.nan)),
            minimum_amount=np.where(own, 0.0, _of_product(products.minimum_amount, position, 0.0)),
            is_credit=np.isin(family, policy.eligibility.credit_families),
            keeps=np.array([each.issue == "keep" for each in entries], np.bool_),
            of_no_product=own,
            tier_needed=_tiers(entries, products, position, policy.eligibility.tiers),
            first_day=_days([each.valid_from for each in entries], FIRST),
            last_day=_days([each.valid_to for each in entries], LAST),
            budget=_given(entries, lambda each: each.budget, np.inf),
            cost=_given(entries, lambda each: each.cost, 0.0),
            cap=_given(entries, lambda each: each.cap, np.inf),
            cap_per_customer=_given(entries, lambda each: each.cap_per_customer, np.inf),
            withdrawn=gone | np.array([name in products.withdrawn for name in of_product], np.bool_),
            stopped=np.zeros(len(entries), np.bool_),
            not_offered=np.zeros(len(entries), np.bool_),
            chooses_channel=np.array([bool(each.preferred_channels) for each in entries], np.bool_),
            prefers=np.array(
                [[name in each.preferred_channels for each in entries] for name in (*CHANNELS, "none")],
                np.bool_,
            ),
            only_for=tuple((s, named(name)) for name, s in policy.targeting.only_for.items()),
            kept_from=tuple((s, named(name)) for name, s in policy.targeting.kept_from.items()),
            mandatory=np.array([each.mandatory for each in entries], np.bool_),
            value=value,
            worth=np.array([_worth(v, policy.arbitration.value_weight) for v in value.tolist()], np.float64),
            lever=_levers(entries, policy),
            contexts=_contexts(family, policy),
            start=start,
            start_evidence=_own_or(weight, products.start_evidence, position, 0.0),
            evidence=evidence,
            is_new=(evidence < policy.arms.new_until_evidence) & ~np.isnan(start),
            overrides=tuple(
                (at, ids.index(other)) for at, each in enumerate(entries) for other in each.overrides
            ),
        )

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def offer_id(self) -> tuple[str, ...]:
        """The ids, upward."""
        return tuple(each.offer_id for each in self.entries)

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
        return np.asarray(of_products[:, self.position] & (self.position != NO_PRODUCT))

    def chance(self, of_products: F64Array) -> F64Array:
        """Numbers of products (n, products) for each offer (n, P); NaN for one of no product."""
        if not of_products.shape[1]:
            return np.full((len(of_products), len(self)), np.nan)
        return np.where(self.position == NO_PRODUCT, np.nan, of_products[:, self.position])


def _entries(catalogue: Catalogue, products: Products) -> tuple[Offer, ...]:
    """Every offer, sorted by id; a product without an offer of its own is one itself.

    InvalidPolicy when an offer has the id of a product it is not of: a rule, or a switch, that names one of
    the two would mean the other as well.
    """
    sold = {*products.product_id, *products.withdrawn}
    for each in catalogue.offers:
        if each.offer_id in sold and each.product_id != each.offer_id:
            raise InvalidPolicy(f"offers.{each.offer_id}.offer_id", "is the id of another product")
    proposed = {each.product_id for each in catalogue.offers}
    plain = [
        Offer(name, "grow", str(family), Text(name, name), name)
        for name, family in zip(products.product_id, products.family, strict=True)
        if name not in proposed
    ]
    return tuple(sorted((*catalogue.offers, *plain), key=lambda each: each.offer_id))


def _of_product(values: Any, position: NDArray[np.intp], missing: Any) -> Any:
    """What the product of each offer has (numbers or texts alike), `missing` without one."""
    if not len(values):
        return np.full(len(position), missing)
    return np.where(position == NO_PRODUCT, missing, values[position])


def _own_or(own: F64Array, of_products: F64Array, position: NDArray[np.intp], missing: float) -> F64Array:
    """What each offer says itself, else what its product says."""
    return np.asarray(np.where(np.isnan(own), _of_product(of_products, position, missing), own))


def _given(entries: Sequence[Offer], of: Callable[[Offer], float | int | None], missing: float) -> F64Array:
    said = [of(each) for each in entries]
    return np.array([missing if each is None else float(each) for each in said], np.float64)


def _days(days: Sequence[date | None], missing: int) -> I64Array:
    return np.array([missing if day is None else day.toordinal() - EPOCH for day in days], np.int64)


def _tiers(
    entries: Sequence[Offer], products: Products, position: NDArray[np.intp], tiers: Sequence[str]
) -> F64Array:
    """The rank of the tier each offer needs: its own, else its product's."""
    rank = {name: float(at) for at, name in enumerate(tiers)}
    needed = [
        each.tier or (products.tier_required[at] if at != NO_PRODUCT else "")
        for each, at in zip(entries, position.tolist(), strict=True)
    ]
    return np.array([rank.get(name, NO_SUCH_TIER) if name else NO_TIER for name in needed], np.float64)


def _named(ids: Sequence[str], products: Sequence[str], family: NDArray[np.str_]) -> Callable[[str], Mask]:
    """By an id or a family the offers it names, (P,)."""

    def offers(name: str) -> Mask:
        by_id = [name in pair for pair in zip(ids, products, strict=True)]
        return np.asarray(np.array(by_id, np.bool_) | (family == name), np.bool_)

    return offers


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
