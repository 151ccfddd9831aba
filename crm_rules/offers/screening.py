"""All offer rules in order, and which of them removed which offer for whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm_rules.offers.contacting import CONTACTING
from crm_rules.offers.customers import Customers
from crm_rules.offers.eligibility import ELIGIBILITY
from crm_rules.offers.offers import Offers
from crm_rules.offers.stopping import STOPPING
from crm_rules.offers.suitability import SUITABILITY
from crm_rules.offers.targeting import PROFILED, TARGETING
from crm_rules.policy import Policy
from crm_rules.rules import UNAVAILABLE, Mask, Rule, Stage, judge

OFFER_RULES = (*STOPPING, *ELIGIBILITY, *TARGETING, *SUITABILITY, *CONTACTING)
OVERRIDDEN, NO_MODEL = "OVER-01", "NEED-00"
CODES = (*(rule.code for rule in OFFER_RULES), UNAVAILABLE, OVERRIDDEN, NO_MODEL)
STAGES = (Stage.ELIGIBILITY, Stage.APPLICABILITY, Stage.SUITABILITY, Stage.CONTACT, Stage.ARBITRATION)
STAGE_OF = np.array(
    [STAGES.index(rule.stage) for rule in OFFER_RULES] + 3 * [STAGES.index(Stage.ARBITRATION)]
)
STAGE_OF_FIRST = np.append(STAGE_OF, len(STAGES))  # by a place in CODES; the last, at -1, is none
SUITABLE = tuple(at for at, rule in enumerate(OFFER_RULES) if rule.stage is Stage.SUITABILITY)
AT_UNAVAILABLE, AT_OVERRIDDEN, AT_NO_MODEL = (len(OFFER_RULES) + at for at in range(3))
BYTES = 4  # of the bits of all codes
BITS = (1 << np.arange(8, dtype=np.uint8))[:, None, None]
AT_PROFILED = tuple(OFFER_RULES.index(rule) for rule in PROFILED)


@dataclass(frozen=True)
class Screening:
    """`removed` is (codes, n, P): where each code of CODES took an offer away."""

    removed: Mask

    @cached_property
    def blocked(self) -> Mask:
        """(n, P): where any code took the offer away."""
        return np.asarray(self.removed.any(axis=0))

    @cached_property
    def held(self) -> NDArray[np.uint32]:
        """(n, P): the codes that took the offer away, the bit of each at its place in CODES."""
        codes, *shape = self.removed.shape
        padded = np.zeros((8 * BYTES, *shape), np.uint8)
        padded[:codes] = self.removed
        packed = np.add.reduce(padded.reshape(BYTES, 8, *shape) * BITS, axis=1, dtype=np.uint8)
        return np.ascontiguousarray(packed.transpose(1, 2, 0)).view("<u4")[:, :, 0]

    @cached_property
    def first(self) -> NDArray[np.int8]:
        """(n, P): the place in CODES of the first that took the offer away, -1 where none did."""
        return np.asarray(np.frexp(self.lowest.astype(np.float64))[1] - 1, np.int8)

    @cached_property
    def lowest(self) -> NDArray[np.uint32]:
        """(n, P): the bit of the first alone."""
        return self.held & -self.held

    def told(self, row: int) -> dict[int, tuple[str, ...]]:
        """Every code that took an offer away from one customer, by the place of the offer."""
        return {offer: codes_of(held) for offer, held in enumerate(self.held[row].tolist()) if held}

    def codes(self, row: int, offer: int) -> tuple[str, ...]:
        """Every code that took this offer away from this customer."""
        return codes_of(int(self.held[row, offer]))


@lru_cache(maxsize=65_536)
def codes_of(held: int) -> tuple[str, ...]:
    """The codes whose bits are set."""
    return tuple(code for at, code in enumerate(CODES) if held >> at & 1)


def screen(customers: Customers, offers: Offers, policy: Policy) -> Screening:
    """Ask every offer rule about every customer and offer; one without a verdict denies the customer all."""
    removed = np.zeros((len(CODES), len(customers), len(offers)), np.bool_)
    _ask(OFFER_RULES, range(len(OFFER_RULES)), customers, offers, policy, removed)
    return Screening(removed)


def screen_both(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """What is `removed` from the customers, and from the same without what was learned about them.

    (2, codes, n, P); only the rules that read what was learned are asked again.
    """
    removed = np.zeros((2, len(CODES), len(customers), len(offers)), np.bool_)
    _ask(OFFER_RULES, range(len(OFFER_RULES)), customers, offers, policy, removed[0])
    removed[1] = removed[0]
    _ask(PROFILED, AT_PROFILED, customers.without_profile(), offers, policy, removed[1])
    return removed


def _ask(
    rules: Sequence[Rule[Any]], places: Sequence[int], customers: Customers, offers: Offers, policy: Policy,
    removed: Mask,
) -> None:  # fmt: skip
    """Lay the verdicts of these rules down at their places of `removed`, (codes, n, P)."""
    for at, verdict in zip(places, judge(rules, customers, offers, policy, across=len(offers)), strict=True):
        removed[at] = verdict.holds
        if verdict.unjudged is not None:
            removed[AT_UNAVAILABLE] |= verdict.unjudged[:, None]
