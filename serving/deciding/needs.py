"""How likely each product is a customer's next: the need of its family times its share in the family."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serving.deciding.families import NO_MODEL, Families
from serving.deciding.loaded import Loaded, Mask
from serving.deciding.seen import Seen
from training.release.segmentation import F32Array

F64Array = npt.NDArray[np.float64]
NEED_DAYS = 90  # within how long a propensity is about


@dataclass(frozen=True)
class Needs:
    """`members` are probabilities (n,) by model name; `product` is P of arbitration, (n, products).

    Where a propensity model estimates the family, P is its probability times `share`, which adds
    up to 1 in a family over the products the customer does not hold. Elsewhere it is the
    recommender's own; NaN where nothing is said of the family.
    """

    members: dict[str, F64Array]
    share: F64Array
    product: F64Array


def needs(seen: Seen) -> Needs:
    """The needs of n customers."""
    loaded, margins = seen.loaded, seen.margins
    names, families = [member.name for member in loaded.runtime.propensity.members], loaded.families
    asked = np.array([margins[f"propensity/{name}"] for name in names], np.float64).reshape(-1, len(seen))
    chances, chance = loaded.curves.probability(asked), affinity(seen)
    share, product = _shares(families, chance, seen.owned), _sooner(loaded, chance)
    if names:
        estimated = families.member != NO_MODEL
        product = np.where(estimated, chances[families.member].T * share, product)
    return Needs(dict(zip(names, chances, strict=True)), share, product)


def offered(loaded: Loaded, margins: dict[str, F32Array]) -> dict[str, tuple[F64Array, F64Array]]:
    """By family the chances of a purchase soon after, with an offer shown and withheld, (n,) each."""
    return {
        family: effect.arms(margins[f"propensity/{family}"].astype(np.float64))
        for family, effect in loaded.runtime.propensity.offers.items()
    }


def affinity(seen: Seen) -> F64Array:
    """The chance (n, products of the catalogue) of adding each within the recommender's horizon.

    NaN where it says nothing of a family, and everywhere in a release without a recommender.
    """
    loaded, held = seen.loaded, seen.held
    if held is None:
        return np.full((len(seen), len(loaded.rulebook.products)), np.nan)
    recommender = loaded.runtime.recommender
    segments = seen.placed.position if loaded.segments_it_learned is not None else None
    return recommender.probabilities(loaded.shelf, held, seen.columns(recommender.columns), segments)


def popularity(loaded: Loaded, customers: int) -> F64Array:
    """What is said of everybody alike, (customers, products of the catalogue): nothing personal is read."""
    return np.repeat(loaded.popularity[None, :], customers, axis=0)


def _sooner(loaded: Loaded, chance: F64Array) -> F64Array:
    """The chance within NEED_DAYS, as if what comes within the horizon were spread evenly over it."""
    recommender = loaded.runtime.affinities
    if recommender is None or recommender.horizon_days == NEED_DAYS:
        return chance
    if recommender.horizon_days == 2 * NEED_DAYS:
        return 1.0 - np.sqrt(1.0 - chance)  # exactly rounded, where a power is not
    return chance * (NEED_DAYS / recommender.horizon_days)


def _shares(families: Families, chance: F64Array, owned: Mask) -> F64Array:
    """Each product's part of its family's chances; equal parts where nothing is said of any."""
    weight = np.where(owned | np.isnan(chance), 0.0, chance)
    left = np.where(owned, 0.0, 1.0)
    total, free = families.totals(np.array([weight, left]))
    some = total > 0
    return np.where(some, weight / np.where(some, total, 1.0), left / np.maximum(free, 1.0))
