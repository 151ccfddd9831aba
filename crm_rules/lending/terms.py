"""What a loan costs: an annuity in exact cents, and the terms an approval carries.

Only the grade, what is asked for and what is owed already decide price and limit; who asks does not.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

import numpy as np

from crm_rules.rules import F64Array

MOST_MONEY = 1e12
MOST_MONTHS = 600
UNIT = 10**12  # a factor is kept in whole numbers of this part


@dataclass(frozen=True)
class Terms:
    """The terms of n applications, (n,) each, NaN where the grade has none; money in the base currency.

    `rate` is interest a year, `limit` the most the policy lends in this grade beside what is owed.
    """

    amount: F64Array
    term_months: F64Array
    rate: F64Array
    instalment: F64Array
    limit: F64Array

    def as_answer(self, row: int) -> dict[str, float | int]:
        """One application's terms; only for one that has them all."""
        return {
            "amount": float(self.amount[row]),
            "term_months": int(self.term_months[row]),
            "rate": float(self.rate[row]),
            "instalment": float(self.instalment[row]),
            "limit": float(self.limit[row]),
        }


def cents(money: F64Array | float) -> F64Array:
    """Money in whole cents, a half to the even one.

    >>> cents(np.array([0.29, 0.125, np.nan]))
    array([29., 12., nan])
    """
    return np.asarray(np.rint(np.asarray(money, np.float64) * 100.0))


@lru_cache(maxsize=8_192)
def annuity_factor(rate: float, months: int) -> int:
    """A month's payment for each unit lent, in parts of UNIT, rounded half up; exact until then.

    i / (1 - (1 + i) ** -n) with i = rate / 12, the rate as the decimal number that is written.

    >>> annuity_factor(0.12, 12), annuity_factor(0.0, 3)
    (88848788678, 333333333333)
    """
    monthly = Fraction(Decimal(repr(float(rate)))) / 12
    top, bottom = monthly.numerator, monthly.denominator
    grown, plain = (bottom + top) ** months, bottom**months
    exact = Fraction(top * grown, bottom * (grown - plain)) if top else Fraction(1, months)
    return int((2 * exact.numerator * UNIT + exact.denominator) // (2 * exact.denominator))


def instalments(amount_cents: F64Array, rate: F64Array, months: F64Array) -> F64Array:
    """The monthly instalment in whole cents, rounded half up; NaN where one of the three is unknown.

    >>> instalments(np.array([600_000.0, np.nan]), np.array([0.07, 0.07]), np.array([24.0, 24.0]))
    array([26864.,    nan])
    """
    found = np.full(len(amount_cents), np.nan)
    rows = np.flatnonzero(~np.isnan(amount_cents + rate + months))
    pairs = zip(rate[rows].tolist(), months[rows].astype(np.int64).tolist(), strict=True)
    factors = np.array([annuity_factor(*pair) for pair in pairs], np.object_)
    whole = amount_cents[rows].astype(np.int64).astype(np.object_)
    found[rows] = ((2 * whole * factors + UNIT) // (2 * UNIT)).astype(np.float64)
    return found
