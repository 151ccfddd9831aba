"""All offer rules in order, and which of them removed which product for whom."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm_rules.offers.columns import Customers, Products
from crm_rules.offers.consent import CONSENT
from crm_rules.offers.eligibility import ELIGIBILITY
from crm_rules.offers.stopping import STOPPING
from crm_rules.offers.suitability import SUITABILITY
from crm_rules.offers.targeting import TARGETING
from crm_rules.policy import Policy
from crm_rules.rules import Mask

OFFER_RULES = (*STOPPING, *ELIGIBILITY, *SUITABILITY, *CONSENT, *TARGETING)
OFFER_CODES = tuple(rule.code for rule in OFFER_RULES)


@dataclass(frozen=True)
class Screening:
    """`removed` is (rules, n, P): where each rule of `codes` took a product away."""

    codes: tuple[str, ...]
    removed: Mask

    @property
    def blocked(self) -> Mask:
        """(n, P): where any rule took the product away."""
        return np.asarray(self.removed.any(axis=0))

    @property
    def first_rule(self) -> NDArray[np.int8]:
        """(n, P): the position in `codes` of the first rule that took the product away, -1 where none did."""
        return np.where(self.blocked, self.removed.argmax(axis=0), -1).astype(np.int8)


def screen(customers: Customers, products: Products, policy: Policy) -> Screening:
    """Ask every offer rule about every customer and product."""
    masks = [rule.mask(customers, products, policy) for rule in OFFER_RULES]
    return Screening(OFFER_CODES, np.stack(masks))
