"""How far two marginals are apart, as numbers between 0 (the same) and 1."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]


def ks(one: Reals, other: Reals) -> float:
    """Kolmogorov-Smirnov: the largest difference of the two distribution functions.

    >>> ks(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0])), ks(np.array([0.0]), np.array([1.0]))
    (0.0, 1.0)
    """
    points = np.unique(np.concatenate([one, other]))
    below = [np.searchsorted(np.sort(sample), points, side="right") / len(sample) for sample in (one, other)]
    return float(np.abs(below[0] - below[1]).max())


def total_variation(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Half the sum of differences of shares: the part that would have to change its name.

    >>> total_variation({"a": 3, "b": 1}, {"b": 2, "c": 2})
    0.75
    """
    first, second = shares(one), shares(other)
    return sum(abs(first.get(name, 0.0) - second.get(name, 0.0)) for name in first.keys() | second.keys()) / 2


def shares(counts: Mapping[str, float]) -> dict[str, float]:
    """Each name's part of the whole."""
    whole = sum(counts.values()) or 1.0
    return {name: count / whole for name, count in counts.items()}


def shape(sample: Reals) -> Reals:
    """The sample in medians, so that currency and decade fall away; as it is when the median is zero."""
    middle = float(np.median(sample)) if len(sample) else 0.0
    return sample / middle if middle > 0 else sample
