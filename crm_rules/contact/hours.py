"""The hours of a channel, held against the customer's own clock."""

import numpy as np
from numpy.typing import NDArray

from crm_rules.contact.limits import Hours
from crm_rules.rules import Mask


def within(hours: Hours, minute: NDArray[np.int64], known: Mask) -> Mask:
    """Whether the channel is open at each local minute of the day, (n,); never where the zone is not known.

    >>> night = Hours("22:00", "06:00")
    >>> within(night, np.array([1319, 1320, 0, 359, 360]), np.ones(5, np.bool_)).tolist()
    [False, True, True, True, False]
    """
    opened, closed = minute >= hours.opens, minute >= hours.closes
    inside = opened & ~closed if hours.opens < hours.closes else opened | ~closed
    return np.asarray(inside & known)
