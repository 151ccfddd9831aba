"""Numbers that stand for something else: -9 for "no record", 999 for "never", 98 for "refused"."""

import numpy as np
import numpy.typing as npt

from training.validation import F64

BELOW = frozenset(
    [-1.0, -7.0, -8.0, -9.0, -77.0, -88.0, -97.0, -98.0, -99.0, -777.0, -888.0, -997.0, -998.0, -999.0]
    + [1.0 - 10.0**digits for digits in range(4, 10)]
)
ABOVE = frozenset(
    [96.0, 97.0, 98.0, 99.0, 996.0, 997.0, 998.0, 999.0, 9996.0, 9997.0, 9998.0]
    + [10.0**digits - 1 for digits in range(4, 10)]
)
Counts = npt.NDArray[np.intp]
APART = 3.0  # a code above lies so many times above the largest value that is none
LEAST_ROWS, LEAST_VALUES = 2, 3


def missing_codes(values: F64) -> dict[float, int]:
    """Values that are codes, with the rows that hold them.

    Below zero: where the only negative values are usual codes, and others reach further above zero.
    Above: a usual code that occurs again and again, far from every other value.

    >>> missing_codes(np.array([0, 3, 6, 27, 999, 999, 999.0]))
    {999.0: 3}
    >>> missing_codes(np.array([-9, -9, -8, -7, 12, 55, 80, 61.0]))
    {-9.0: 2, -8.0: 1, -7.0: 1}
    >>> missing_codes(np.array([-9, -5, 0, 4, 99.0])), missing_codes(np.array([18, 40, 54, 60, 99, 99.0]))
    ({}, {})
    """
    distinct, rows = np.unique(values[~np.isnan(values)], return_counts=True)
    found = {**_below(distinct, rows), **_above(distinct, rows)}
    return found if len(distinct) - len(found) >= LEAST_VALUES else {}


def _below(distinct: F64, rows: Counts) -> dict[float, int]:
    negative = distinct < 0
    if not negative.any() or not set(distinct[negative].tolist()) <= BELOW:
        return {}
    # -1, 0, 1 is a scale, not a code.
    if rows[negative].sum() < LEAST_ROWS or distinct[-1] <= -distinct[negative][-1]:
        return {}
    return {float(v): int(n) for v, n in zip(distinct[negative], rows[negative], strict=True)}


def _above(distinct: F64, rows: Counts) -> dict[float, int]:
    usual = np.array([value in ABOVE for value in distinct.tolist()], bool)
    while usual.any():
        largest = distinct[~usual].max(initial=0.0)
        near = usual & (distinct < APART * max(largest, 1.0))
        if not near.any():
            break
        usual &= ~near
    often = usual & (rows >= LEAST_ROWS)
    return {float(v): int(n) for v, n in zip(distinct[often], rows[often], strict=True)}


def outliers(values: F64) -> tuple[int, float] | None:
    """How many values lie absurdly far out, and the furthest; None when there are none.

    Absurd is more than 20 times the 99th percentile of the distances from the median.

    >>> outliers(np.r_[np.linspace(0, 1, 999), 50_000.0])
    (1, 50000.0)
    """
    known = values[~np.isnan(values)]
    if len(known) < 100:
        return None
    distance = np.abs(known - np.median(known))
    limit = 20 * np.quantile(distance, 0.99)
    far = distance > limit
    if not far.any() or limit == 0:
        return None
    return int(far.sum()), float(known[np.argmax(distance)])
