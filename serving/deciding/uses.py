"""How often the limited offers of a catalogue were used, by each customer and by everybody."""

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from crm_rules.errors import DatabaseUnavailable
from crm_rules.offers.offers import Offers
from crm_rules.offers.uses import NOTHING, Counted
from serving.deciding.online import F64Array

Uses = Mapping[str, tuple[int, int]] | None
"""By offer the uses of one customer and of everybody, never used left out; None where it is not known."""
log = logging.getLogger("bank.serving")


class UsesReader(Protocol):
    """Counts uses of offers; `OfferUses` is one."""

    def counted(self, customer_ids: Sequence[str]) -> Counted:
        """The uses of these customers, and of everybody together."""


class NoUses:
    """Nobody has used any offer yet."""

    def counted(self, customer_ids: Sequence[str]) -> Counted:
        """Nothing."""
        return NOTHING


def uses_of(reader: UsesReader, customer_ids: Sequence[str], offers: Offers) -> list[Uses]:
    """The uses of each customer, of limited offers alone; nothing is read where no offer is limited."""
    if not offers.limited:
        return [{}] * len(customer_ids)
    try:
        found = reader.counted(customer_ids)
    except DatabaseUnavailable as error:
        log.error("uses of offers cannot be read (%s); limited offers are closed", type(error).__name__)
        return [None] * len(customer_ids)
    limited = [name for name in offers.limited if found.everybodys.get(name)]
    return [
        {name: (found.mine.get(customer, {}).get(name, 0), found.everybodys[name]) for name in limited}
        for customer in customer_ids
    ]


def counts(uses: Sequence[Uses], offers: Offers) -> tuple[F64Array, F64Array]:
    """Uses by the customer and by everybody, (n, P) each; NaN for limited offers where they are not known."""
    found = np.zeros((2, len(uses), len(offers)))
    for row, each in enumerate(uses):
        if each is None:
            found[:, row, [offers.place[name] for name in offers.limited]] = np.nan
            continue
        for name, (mine, everybodys) in each.items():
            if name in offers.place:
                found[:, row, offers.place[name]] = mine, everybodys
    return found[0], found[1]
