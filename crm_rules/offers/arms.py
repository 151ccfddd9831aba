"""Who is in which arm: drawn by a hash, so that it stays the same for its period and can be drawn again.

>>> uniform("2026", "arm", "2026-03", "C1") == uniform("2026", "arm", "2026-03", "C1")
True
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crm_rules.offers.customers import I64Array
from crm_rules.offers.limits import Arms
from crm_rules.rules import F64Array, Mask

NAMES = ("best", "random", "non_personalised", "unprofiled")
BEST, RANDOM, NON_PERSONALISED, UNPROFILED = range(4)
BITS = 53


def uniform(salt: str, what: str, period: str, customer_id: str) -> float:
    """A number in [0, 1) that nobody chose: the first 53 bits of a SHA-256."""
    text = "\x1f".join((salt, what, period, customer_id))
    start = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8]
    return float((int.from_bytes(start, "big") >> (64 - BITS)) / 2**BITS)


@dataclass(frozen=True)
class Drawn:
    """n customers: `arm` (n,) as a place in NAMES; `days` the period of exploration, a text each."""

    arm: NDArray[np.int8]
    days: tuple[str, ...]


def draw(customer_ids: Sequence[str], at_us: I64Array, profiled: Mask, limits: Arms) -> Drawn:
    """The arm of n customers; `profiled` (n,) says who agreed to a profile and asks for no other answer."""
    days = days_of(at_us)
    edge, end = limits.random_control, limits.random_control + limits.non_personalised
    arm = np.full(len(days), UNPROFILED, np.int8)
    for row in np.flatnonzero(profiled).tolist():
        u = uniform(limits.salt, "arm", days[row][:7], customer_ids[row])
        arm[row] = RANDOM if u < edge else NON_PERSONALISED if u < end else BEST
    return Drawn(arm, days)


def days_of(at_us: I64Array) -> tuple[str, ...]:
    """The UTC days of these moments, as YYYY-MM-DD.

    >>> days_of(np.array([0, 86_399_999_999, 86_400_000_000]))
    ('1970-01-01', '1970-01-01', '1970-01-02')
    """
    return tuple(_day(moment // 86_400_000_000) for moment in at_us.tolist())


@lru_cache(maxsize=4_096)
def _day(since_1970: int) -> str:
    return datetime.fromtimestamp(since_1970 * 86_400, UTC).date().isoformat()


class Firsts(NamedTuple):
    """The place of what comes first by the best order, and by that without a profile, (n,); -1 for none."""

    best: NDArray[np.intp]
    general: NDArray[np.intp]


class Among(NamedTuple):
    """What the first place is drawn among: offers left with a profile, and the new ones of them, (n, P).

    `counts` and `news` say how many, `fixed` where a mandatory one is left, so that nothing is drawn.
    """

    left: Mask
    new: Mask
    counts: list[int]
    news: list[int]
    fixed: list[bool]

    @staticmethod
    def of(left: Mask, is_new: Mask, mandatory: Mask | None) -> "Among":
        """Counted; `mandatory` is None where no offer is."""
        new = left & is_new
        fixed: list[bool] = [False] * len(left)
        if mandatory is not None:
            fixed = np.asarray((left & mandatory).any(axis=1)).tolist()
        return Among(left, new, left.sum(axis=1).tolist(), new.sum(axis=1).tolist(), fixed)


def chance_of_first(
    limits: Arms, drawn: Drawn, first: NDArray[np.intp], firsts: Firsts, among: Among
) -> F64Array:
    """The probability, over all arms, that the first offer is the one that came first, (n,)."""
    found = np.ones(len(first))
    rows = zip(drawn.arm.tolist(), first.tolist(), firsts.best.tolist(), firsts.general.tolist(), strict=True)
    for row, (arm, place, best, general) in enumerate(rows):
        if place >= 0 and arm != UNPROFILED:
            found[row] = _chance(limits, row, place, (place == best, place == general), among)
    return found


def _chance(limits: Arms, row: int, place: int, ours: tuple[bool, bool], among: Among) -> float:
    r, h, (best, general) = limits.random_control, limits.non_personalised, ours
    if among.fixed[row]:
        return h * general + (1 - h) * best
    news = among.news[row]
    x = limits.exploration if news else 0.0
    drawn = r * bool(among.left[row, place]) / max(among.counts[row], 1) + h * general
    explored = x * bool(among.new[row, place]) / max(news, 1)
    return drawn + (1 - r - h) * ((1 - x) * best + explored)
