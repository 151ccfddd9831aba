"""How likely each product is a customer's next: the need of its family times its share in the family."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serving.loaded import NOT_THERE, Loaded, Mask
from serving.online import Snapshot
from training.release.segmentation import F32Array
from training.release.smoothing import smoothed

F64Array = npt.NDArray[np.float64]
PRIOR = 0.1  # weight of plain popularity in a family's shares, so that no product is unthinkable


@dataclass(frozen=True)
class Needs:
    """`members` are probabilities (n,) by model name; `product` is P of arbitration, (n, products).

    `product` is NaN where no model estimates the family and the catalogue declares no starting
    propensity; `share` adds up to 1 in a family, over the products the customer does not hold.
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
    share = _shares(loaded, affinity(loaded, snapshot), owned)
    product = np.full(share.shape, np.nan)
    for member in loaded.runtime.propensity.members:
        if member.family in loaded.families:
            positions = loaded.families[member.family]
            product[:, positions] = members[member.name][:, None] * share[:, positions]
    return Needs(members, share, _started(loaded, product, owned))


def offered(loaded: Loaded, margins: dict[str, F32Array]) -> dict[str, tuple[F64Array, F64Array]]:
    """By family the chances of a purchase soon after, with an offer shown and withheld, (n,) each."""
    return {
        family: effect.arms(margins[f"propensity/{family}"].astype(np.float64))
        for family, effect in loaded.runtime.propensity.offers.items()
    }


def _started(loaded: Loaded, product: F64Array, owned: Mask) -> F64Array:
    """New products get the propensity the catalogue declares, until there is evidence of their own."""
    start = loaded.rulebook.start
    if np.isnan(start.propensity).all():
        return product
    mixed = smoothed(start.propensity, start.evidence, loaded.evidence, product)
    return np.where(owned, product, mixed)


def affinity(loaded: Loaded, snapshot: Snapshot) -> F64Array:
    """The recommender's scores (n, products of the catalogue); 0 for a product it does not know."""
    scores = np.zeros((len(snapshot), len(loaded.rulebook.products)))
    if loaded.runtime.affinities is not None:
        known = loaded.in_recommender != NOT_THERE
        found = recommended(loaded, snapshot)
        scores[:, known] = found[:, loaded.in_recommender[known]]
    return scores


def recommended(loaded: Loaded, snapshot: Snapshot) -> F64Array:
    """Scores in the recommender's own order, (n, its products)."""
    recommender = loaded.runtime.recommender
    features = snapshot.matrix(recommender.columns, {})
    return recommender.scores(loaded.held_by_recommender(snapshot), features)


def _shares(loaded: Loaded, scores: F64Array, owned: Mask) -> F64Array:
    popularity = _popularity(loaded)
    evidence = np.where(owned, 0.0, np.maximum(scores, 0.0))
    total = added(evidence)
    evidence /= np.where(total > 0, total, 1.0)[:, None]
    weight = np.where(owned, 0.0, (1 - PRIOR) * evidence + PRIOR * popularity)
    share = np.zeros(weight.shape)
    for positions in loaded.families.values():
        total = added(weight[:, positions])
        share[:, positions] = weight[:, positions] / np.where(total > 0, total, 1.0)[:, None]
    return share


def _popularity(loaded: Loaded) -> F64Array:
    known = loaded.in_recommender != NOT_THERE
    popularity = np.full(len(known), 1.0 / max(len(known), 1))
    if loaded.runtime.affinities is not None and loaded.runtime.affinities.popularity.any():
        counts = loaded.runtime.affinities.popularity
        popularity[known] = counts[loaded.in_recommender[known]] / added(counts[None, :])[0]
    return popularity


def added(values: F64Array) -> F64Array:
    """Row sums (n,), column after column, so that a row's sum does not depend on its neighbours.

    >>> added(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([3., 7.])
    """
    total = np.zeros(len(values))
    for column in values.T:
        total += column
    return total
