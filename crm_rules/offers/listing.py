"""Offers lined up with the products they are of, so that each becomes a column over the offers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm_rules.errors import InvalidPolicy
from crm_rules.offers.catalogue import Catalogue, Offer, Text
from crm_rules.offers.customers import I64Array
from crm_rules.offers.products import Products
from crm_rules.rules import F64Array, Mask

NO_PRODUCT = -1
NO_TIER, NO_SUCH_TIER = -1.0, np.inf
EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Listing:
    """P offers, sorted by id, and the products on sale."""

    entries: tuple[Offer, ...]
    products: Products

    @staticmethod
    def of(catalogue: Catalogue, products: Products) -> "Listing":
        """Every offer; a product without an offer of its own is one itself.

        InvalidPolicy when an offer has the id of a product it is not of: a rule, or a switch, that names one
        of the two would mean the other as well.
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
        offers = sorted((*catalogue.offers, *plain), key=lambda each: each.offer_id)
        return Listing(tuple(offers), products)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The ids of the offers."""
        return tuple(each.offer_id for each in self.entries)

    @cached_property
    def product_ids(self) -> tuple[str, ...]:
        """The product of each offer, "" for none."""
        return tuple(each.product_id or "" for each in self.entries)

    @cached_property
    def position(self) -> NDArray[np.intp]:
        """The place of each offer's product, -1 for none and for one that is not on sale."""
        place = {name: at for at, name in enumerate(self.products.product_id)}
        return np.array([place.get(name, NO_PRODUCT) for name in self.product_ids], np.intp)

    @cached_property
    def family(self) -> NDArray[np.str_]:
        """The family of each offer's product, "" for none."""
        return np.asarray(self.of_product(self.products.family, ""), np.str_)

    def flags(self, of: Callable[[Offer], object]) -> Mask:
        """Where something holds of the offers, (P,)."""
        return np.array([bool(of(each)) for each in self.entries], np.bool_)

    def said(self, of: Callable[[Offer], float | int | None], missing: float) -> F64Array:
        """What the offers themselves say, (P,)."""
        numbers = [of(each) for each in self.entries]
        return np.array([missing if each is None else float(each) for each in numbers], np.float64)

    def of_product(self, values: Any, missing: Any) -> Any:
        """What the product of each offer has (numbers or texts alike), `missing` without one."""
        if not len(values):
            return np.full(len(self.position), missing)
        return np.where(self.position == NO_PRODUCT, missing, values[self.position])

    def said_or(
        self, of: Callable[[Offer], float | int | None], of_products: F64Array, missing: float
    ) -> F64Array:
        """What each offer says itself, else what its product says."""
        own = self.said(of, np.nan)
        return np.asarray(np.where(np.isnan(own), self.of_product(of_products, missing), own))

    def days(self, of: Callable[[Offer], date | None], missing: int) -> I64Array:
        """Days since 1970, (P,)."""
        found = [of(each) for each in self.entries]
        return np.array([missing if day is None else day.toordinal() - EPOCH for day in found], np.int64)

    def tiers_needed(self, tiers: Sequence[str]) -> F64Array:
        """The rank of the tier each offer needs: its own, else its product's."""
        rank = {name: float(at) for at, name in enumerate(tiers)}
        of_products = self.products.tier_required
        needed = [
            each.tier or (of_products[at] if at != NO_PRODUCT else "")
            for each, at in zip(self.entries, self.position.tolist(), strict=True)
        ]
        return np.array([rank.get(name, NO_SUCH_TIER) if name else NO_TIER for name in needed], np.float64)

    def named(self, name: str) -> Mask:
        """The offers of that id, of that product or of that family, (P,)."""
        by_id = [name in pair for pair in zip(self.ids, self.product_ids, strict=True)]
        return np.asarray(np.array(by_id, np.bool_) | (self.family == name), np.bool_)

    def overrides(self) -> tuple[tuple[int, int], ...]:
        """Who takes whose place: pairs of places."""
        place = {name: at for at, name in enumerate(self.ids)}
        return tuple((at, place[other]) for at, each in enumerate(self.entries) for other in each.overrides)
