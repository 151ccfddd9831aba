"""The whole funnel: from every offer there is to those this customer is shown, and why not the others.

eligibility -> applicability -> suitability -> contact -> arbitration; one customer is a batch of one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crm_rules.offers import arms
from crm_rules.offers.arbitration import Order, begun_with, first_in, first_of, priorities, ranked, turned
from crm_rules.offers.arms import Among, Drawn
from crm_rules.offers.chances import Chances
from crm_rules.offers.customers import Customers, I64Array
from crm_rules.offers.offers import Offers
from crm_rules.offers.screening import (
    AT_NO_MODEL,
    AT_OVERRIDDEN,
    STAGE_OF_FIRST,
    STAGES,
    Screening,
    screen_both,
)
from crm_rules.policy import Policy
from crm_rules.rules import F64Array, Mask


@dataclass(frozen=True)
class Asked:
    """Whom a decision is about: ids, moments (microseconds UTC), who asks to be decided with a profile."""

    customer_ids: Sequence[str]
    at_us: I64Array
    personalised: Mask


@dataclass(frozen=True)
class Funnel:
    """n customers after the funnel; arrays (n, P) unless said otherwise.

    `order` holds places of offers, best first, then -1. `arm` (n,) is a place in `arms.NAMES`, `explored`
    (n,) says whose first offer is a new one drawn. `probability` (n,) is that of the first offer.
    """

    screening: Screening
    chance: F64Array
    context: F64Array
    priority: F64Array
    order: Order
    arm: NDArray[np.int8]
    explored: Mask
    probability: F64Array

    @cached_property
    def by_stage(self) -> NDArray[np.int64]:
        """How many offers each stage of STAGES removed, (n, stages)."""
        n, kinds = len(self.order), len(STAGES) + 1  # the last for what is left
        places = STAGE_OF_FIRST[self.screening.first] + kinds * np.arange(n)[:, None]
        return np.bincount(places.ravel(), minlength=kinds * n).reshape(n, kinds)[:, :-1]

    def removed_by_stage(self, row: int) -> dict[str, int]:
        """How many offers each stage removed for one customer."""
        return dict(zip(map(str, STAGES), self.by_stage[row].tolist(), strict=True))

    @cached_property
    def profiled(self) -> Mask:
        """Whose profile was used, (n,)."""
        return np.asarray((self.arm == arms.BEST) | (self.arm == arms.RANDOM))

    def personal(self, row: int) -> bool:
        """Whether a profile of the customer was used."""
        return bool(self.profiled[row])


def run(customers: Customers, offers: Offers, policy: Policy, said: Chances, asked: Asked) -> Funnel:
    """Decide n customers over P offers."""
    context = offers.contexts[customers.channel]
    profiled = asked.personalised & (customers.consent_profiling == 1)
    drawn = arms.draw(asked.customer_ids, asked.at_us, profiled, policy.arms)
    both = _left(screen_both(customers, offers, policy), offers, said, context)
    taken = both.taken((drawn.arm == arms.UNPROFILED) | (drawn.arm == arms.NON_PERSONALISED))
    mandatory = offers.mandatory if offers.some_mandatory else None
    order = ranked(taken.priority, ~taken.left, mandatory)
    among = arms.Among.of(both.left[0], offers.is_new, mandatory)
    explored = _draw_first(order, among, drawn, asked, offers, policy)
    firsts = arms.Firsts(*first_of(both.priority, ~both.left, mandatory))
    probability = arms.chance_of_first(policy.arms, drawn, first_in(order), firsts, among)
    screening = Screening(taken.removed)
    return Funnel(screening, taken.chance, context, taken.priority, order, drawn.arm, explored, probability)


class _Left(NamedTuple):
    """n customers with their profile, and the same without: (2, n, P) each, `removed` (2, codes, n, P).

    `left` is what nothing removed, `priority` how that counts.
    """

    chance: F64Array
    removed: Mask
    left: Mask
    priority: F64Array

    def taken(self, general: Mask) -> "_Left":
        """For each customer one of the two, the one without a profile where the mask (n,) says so."""
        if not general.any():
            return _Left(*(each[0] for each in self))
        if general.all():
            return _Left(*(each[1] for each in self))
        return _Left(*(np.where(general[:, None], each[1], each[0]) for each in self))


def _left(removed: Mask, offers: Offers, said: Chances, context: F64Array) -> _Left:
    """Arbitrate what the rules left; the codes of arbitration are added to what they removed."""
    chance = np.array([said.personal, said.general])
    priority = priorities(chance, context, offers.worth, offers.lever)
    left: Mask = ~np.asarray(removed.any(axis=1))
    if offers.overrides:
        passed = left
        for over, under in offers.overrides:
            removed[:, AT_OVERRIDDEN, :, under] |= passed[:, :, over]
        left = passed & ~removed[:, AT_OVERRIDDEN]
    known = np.isfinite(priority)
    removed[:, AT_NO_MODEL] = left & ~known
    left = left & known
    return _Left(chance, removed, left, np.where(left, priority, np.nan))


def _draw_first(
    order: Order, among: Among, drawn: Drawn, asked: Asked, offers: Offers, policy: Policy
) -> Mask:
    """Draw the first place where an arm says so, changing `order`; who got a new offer that way, (n,)."""
    explored, salt = np.zeros(len(order), np.bool_), policy.arms.salt
    for row, arm in enumerate(drawn.arm.tolist()):
        may_explore = arm == arms.BEST and among.news[row] and not among.fixed[row]
        if not may_explore and not (arm == arms.RANDOM and among.counts[row]):
            continue
        day, name = drawn.days[row], asked.customer_ids[row]
        pick = arms.uniform(salt, "pick", day, name)
        if arm == arms.RANDOM:
            free = int((among.left[row] & ~offers.mandatory).sum())
            order[row] = turned(order[row], int(pick * free), offers.mandatory)
        elif arms.uniform(salt, "explore", day, name) < policy.arms.exploration:
            fresh = np.flatnonzero(among.new[row])
            order[row] = begun_with(order[row], int(fresh[int(pick * len(fresh))]))
            explored[row] = True
    return explored
