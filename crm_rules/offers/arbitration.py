"""Which offer that is left comes first: mandatory ones, then priority = P x C x V x L, then the id.

Only element-wise products of float64 are used, so a row does not depend on its neighbours to the last bit.
"""

import numpy as np
from numpy.typing import NDArray

from crm_rules.rules import F64Array, Mask

Order = NDArray[np.intp]


def priorities(chance: F64Array, context: F64Array, worth: F64Array, lever: F64Array) -> F64Array:
    """P x C x V x L, (n, P); P and C are (n, P), the others (P,)."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(chance * context * worth * lever, np.float64)


def ranked(priority: F64Array, out: Mask, mandatory: Mask | None) -> Order:
    """(n, P): places of the offers left, best first, then -1. Offers are sorted by id, so ties go by id.

    `mandatory` (P,) come before all others; None where there are none.
    """
    key = np.where(out, np.inf, -priority)
    order = np.argsort(key, axis=1, kind="stable")
    if mandatory is not None:
        late = ~mandatory[order] | np.take_along_axis(out, order, axis=1)
        order = np.take_along_axis(order, np.argsort(late, axis=1, kind="stable"), axis=1)
    left = (~out).sum(axis=1)
    return np.where(np.arange(order.shape[1]) < left[:, None], order, -1)


def first_in(order: Order) -> Order:
    """The place that comes first in each order, (n,); -1 for none."""
    return order[:, 0].copy() if order.shape[1] else np.full(len(order), -1, np.intp)


def first_of(priority: F64Array, out: Mask, mandatory: Mask | None) -> Order:
    """The place that comes first in each order, of (..., P) as (...); -1 where nothing is left."""
    *shape, offers = priority.shape
    if not offers:
        return np.full(shape, -1, np.intp)
    if mandatory is not None:
        flat = ranked(priority.reshape(-1, offers), out.reshape(-1, offers), mandatory)
        return flat[:, 0].reshape(shape)
    best = np.argmin(np.where(out, np.inf, -priority), axis=-1)
    return np.where(out.all(axis=-1), -1, best)


def begun_with(order: Order, place: int) -> Order:
    """One customer's order (P,) with that place first, the others as they were."""
    return np.concatenate([[place], order[order != place]])


def turned(order: Order, start: int, mandatory: Mask) -> Order:
    """One customer's order (P,) drawn: ids upward from the one at `start` on, around; mandatory ones first.

    `start` counts among the offers left that are not mandatory, by id.
    """
    left = order[order >= 0]
    first = left[mandatory[left]]
    rest = np.sort(left[~mandatory[left]])
    empty = np.full(len(order) - len(left), -1, order.dtype)
    return np.concatenate([first, rest[start:], rest[:start], empty])
