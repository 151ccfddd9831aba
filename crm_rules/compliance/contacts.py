"""What the rules of conduct read: contacts of the bank with customers, and holdings after a re-rating."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from crm_rules.contact.clock import I64Array, Local, local
from crm_rules.rules import F64Array, Mask

UNKNOWN = np.iinfo(np.int64).min  # of a time


@dataclass(frozen=True)
class Contacts:
    """n talks, offers or sales, with what the bank knew at that moment: arrays of length n, NaN is unknown.

    `channel` is its place in CHANNELS. Consents to marketing are 1 given, 0 withdrawn, NaN never asked: on
    this channel, and on whichever of the policy's channels. `product_risk` is 1 to 5, of what it was about;
    `since_assessment` and `since_refusal` are whole days by the customer's calendar.
    """

    offers: Mask  # it offered something, other than a sale that only tells what was bought
    about_product: Mask
    channel: F64Array
    minute: I64Array
    zone_known: Mask
    consent_here: F64Array
    consent_anywhere: F64Array
    product_risk: F64Array
    risk_level: F64Array
    since_assessment: F64Array
    since_refusal: F64Array

    @staticmethod
    def of(numbers: Mapping[str, F64Array], moments: Mapping[str, I64Array], bank_zone: str) -> "Contacts":
        """From numbers by name and `at`, `assessed_at`, `refused_at` in microseconds, UNKNOWN where none."""
        zone = numbers["zone"]
        then = local(moments["at"], zone, bank_zone)
        return Contacts(
            offers=numbers["offers"] == 1,
            about_product=numbers["about_product"] == 1,
            channel=numbers["channel"],
            minute=then.minute,
            zone_known=then.known,
            consent_here=numbers["consent_here"],
            consent_anywhere=numbers["consent_anywhere"],
            product_risk=numbers["product_risk"],
            risk_level=numbers["risk_level"],
            since_assessment=_days_since(then, moments["assessed_at"], zone, bank_zone),
            since_refusal=_days_since(then, moments["refused_at"], zone, bank_zone),
        )

    def __len__(self) -> int:
        return len(self.channel)

    def where(self, which: Mask | NDArray[np.intp] | slice) -> "Contacts":
        """Some of them."""
        return Contacts(**{field.name: getattr(self, field.name)[which] for field in fields(self)})

    def one(self, row: int) -> "Contacts":
        """One of them."""
        return self.where(slice(row, row + 1))


@dataclass(frozen=True)
class Rerated:
    """n holdings whose product was given another rating: its risk before and now, and the holder's level."""

    risk_before: F64Array
    risk_now: F64Array
    risk_level: F64Array

    def __len__(self) -> int:
        return len(self.risk_now)

    def one(self, row: int) -> "Rerated":
        """One of them."""
        some = slice(row, row + 1)
        return Rerated(self.risk_before[some], self.risk_now[some], self.risk_level[some])


def _days_since(then: Local, moment: I64Array, zone: F64Array, bank_zone: str) -> F64Array:
    """Whole days from each moment to `then` by the customer's calendar; NaN where the moment is unknown."""
    unknown = moment == UNKNOWN
    day = local(np.where(unknown, 0, moment), zone, bank_zone).day
    return np.where(unknown, np.nan, (then.day - day).astype(np.float64))
