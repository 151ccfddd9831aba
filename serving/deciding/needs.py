"""How likely each product is a customer's next: the need of its family times its share in the family."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serving.deciding.loaded import Loaded, Mask
from serving.deciding.online import Snapshot
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


def needs(loaded: Loaded, snapshot: Snapshot, margins: dict[str, F32Array], owned: Mask) -> Needs:
    """The needs of n customers, from the margins of the merged graph."""
    members = {
        member.name: member.calibration.probability(margins[f"propensity/{member.name}"].astype(np.float64))
        for member in loaded.runtime.propensity.members
    }
    chance = affinity(loaded, snapshot)
    share, product = _shares(loaded, chance, owned), _sooner(loaded, chance)
    for member in loaded.runtime.propensity.members:
        if member.family in loaded.families:
            positions = loaded.families[member.family]
            product[:, positions] = members[member.name][:, None] * share[:, positions]
    return Needs(members, share, product)


def offered(loaded: Loaded, margins: dict[str, F32Array]) -> dict[str, tuple[F64Array, F64Array]]:
    """By family the chances of a purchase soon after, with an offer shown and withheld, (n,) each."""
    return {
        family: effect.arms(margins[f"propensity/{family}"].astype(np.float64))
        for family, effect in loaded.runtime.propensity.offers.items()
    }


def affinity(loaded: Loaded, snapshot: Snapshot) -> F64Array:
    """The chance (n, products of the catalogue) of adding each within the recommender's horizon.

    NaN where it says nothing of a family, and everywhere in a release without a recommender.
    """
    recommender = loaded.runtime.affinities
    if recommender is None:
        return np.full((len(snapshot), len(loaded.rulebook.products)), np.nan)
    segmentation, segments = loaded.segments_it_learned, None
    if segmentation is not None:
        segments = segmentation.assign(snapshot.matrix(segmentation.columns, {}))
    features = snapshot.matrix(recommender.columns, {})
    return recommender.probabilities(loaded.shelf, loaded.held_by_recommender(snapshot), features, segments)


def popularity(loaded: Loaded, customers: int) -> F64Array:
    """What is said of everybody alike, (customers, products of the catalogue): nothing personal is read."""
    said = np.where(loaded.shelf.estimated, loaded.shelf.popularity, np.nan)
    return np.repeat(said[None, :], customers, axis=0)


def _sooner(loaded: Loaded, chance: F64Array) -> F64Array:
    """The chance within NEED_DAYS, as if what comes within the horizon were spread evenly over it."""
    recommender = loaded.runtime.affinities
    if recommender is None or recommender.horizon_days == NEED_DAYS:
        return chance.copy()
    if recommender.horizon_days == 2 * NEED_DAYS:
        return 1.0 - np.sqrt(1.0 - chance)  # exactly rounded, where a power is not
    return chance * (NEED_DAYS / recommender.horizon_days)


def _shares(loaded: Loaded, chance: F64Array, owned: Mask) -> F64Array:
    """Each product's part of its family's chances; equal parts where nothing is said of any."""
    weight = np.where(owned, 0.0, np.nan_to_num(chance))
    share = np.zeros(weight.shape)
    for positions in loaded.families.values():
        total = added(weight[:, positions])
        left = np.where(owned[:, positions], 0.0, 1.0)
        equal = left / np.maximum(added(left), 1.0)[:, None]
        part = weight[:, positions] / np.where(total > 0, total, 1.0)[:, None]
        share[:, positions] = np.where((total > 0)[:, None], part, equal)
    return share


def added(values: F64Array) -> F64Array:
    """Row sums (n,), column after column, so that a row's sum does not depend on its neighbours.

    >>> added(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([3., 7.])
    """
    total = np.zeros(len(values))
    for column in values.T:
        total += column
    return total
