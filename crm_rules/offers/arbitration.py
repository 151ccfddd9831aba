"""Which allowed offer comes first: priority = P x C x V x L, then product id; alone as among many.

Only element-wise products of float64 are used, so a row does not depend on its neighbours to the last bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm_rules.offers.limits import Arbitration
from crm_rules.rules import F64Array, Mask


@dataclass(frozen=True)
class Ranking:
    """`order` (n, top): product positions, best first, then -1; `priority` (n, P), NaN if out."""

    order: NDArray[np.int64]
    priority: F64Array


def levers(families: Sequence[str] | NDArray[np.str_], policy: Arbitration) -> F64Array:
    """L for each product: 1 + its family's lever in percent / 100."""
    return np.array([1 + policy.lever_percent.get(str(family), 0.0) / 100 for family in families])


def context(families: Sequence[str] | NDArray[np.str_], channel: str, policy: Arbitration) -> F64Array:
    """C for each product in a conversation on this channel; 1 where the policy names no weight."""
    percent = policy.context_percent.get(channel, {})
    return np.array([1 + percent.get(str(family), 0.0) / 100 for family in families])


def worth(value: F64Array, policy: Arbitration) -> F64Array:
    """V for each product: its value to the power of the policy's value weight.

    >>> from crm_rules.policy import STANDARD, Policy
    >>> worth(np.array([4.0, 9.0]), Policy.load(STANDARD).arbitration).tolist()
    [2.0, 3.0]
    """
    return np.array([float(v) ** policy.value_weight for v in value])


def arbitrate(
    propensity: F64Array,
    context: F64Array,
    value: F64Array,
    lever: F64Array,
    blocked: Mask,
    product_ids: Sequence[str],
    top: int,
) -> Ranking:
    """Rank what is not blocked; `propensity` and `blocked` are (n, P), the other factors (P,) or (n, P).

    A priority that is not finite takes its product out: an unknown propensity never wins.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        priority = propensity * context * value * lever
    out = blocked | ~np.isfinite(priority)
    by_id = np.argsort(np.argsort(np.array(list(product_ids), dtype=np.str_), kind="stable"), kind="stable")
    descending = np.where(out, np.inf, -priority)
    order = np.lexsort((np.broadcast_to(by_id, descending.shape), descending), axis=-1)
    left = (~out).sum(axis=1)
    filled = np.full((len(priority), top), -1, dtype=np.int64)
    width = min(top, priority.shape[1])
    filled[:, :width] = np.where(np.arange(width) < left[:, None], order[:, :width], -1)
    return Ranking(filled, np.where(out, np.nan, priority))
