"""P of arbitration: how likely each offer is wanted, by what is known of the customer and without it."""

from dataclasses import dataclass

import numpy as np

from crm_rules.offers.offers import Offers
from crm_rules.rules import F64Array


@dataclass(frozen=True)
class Estimates:
    """What the models say of P products, NaN for nothing.

    `chance` (n, products) is of this customer, `popularity` (n or 1, products) of everybody alike, None where
    the release has no recommender. `leaving` is the chance to leave (n,).
    """

    chance: F64Array
    popularity: F64Array | None
    leaving: F64Array


@dataclass(frozen=True)
class Chances:
    """P of n customers and P offers, (n, P) each: of this customer, and of anybody."""

    personal: F64Array
    general: F64Array


def chances(offers: Offers, said: Estimates) -> Chances:
    """The chances of offers, from what the models say of products."""
    personal = offers.chance(said.chance)
    if offers.some_start:
        personal = offers.smoothing(personal)
    if offers.some_alone:
        own = offers.of_no_product
        alone = np.where(offers.keeps, offers.start * said.leaving[:, None], offers.start)
        personal = np.where(own, alone, personal)
    return Chances(personal, _general(offers, said))


def _general(offers: Offers, said: Estimates) -> F64Array:
    if said.popularity is None:
        return np.where(offers.of_no_product, offers.start, np.ones((len(said.chance), len(offers))))
    popular = offers.chance(said.popularity)
    general = np.where(np.isnan(popular), offers.start, popular)
    return np.broadcast_to(general, (len(said.chance), len(offers)))
