"""The economy around the bank, month by month, and the shocks that can befall its last months."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from feature_repo.errors import BankError
from feature_repo.raw.generate.clock import Calendar
from feature_repo.raw.generate.people import Reals

UNEMPLOYMENT, POLICY_RATE = 0.05, 0.03


class Shock(StrEnum):
    """What may happen from some month on."""

    RECESSION = "recession"
    CAMPAIGN = "campaign"
    UPSTREAM_BUG = "upstream-bug"


class ShockTooLong(BankError, ValueError):
    """A shock is to last longer than the bank's whole history."""

    def __init__(self, wanted: int, months: int) -> None:
        self.wanted, self.months = wanted, months
        super().__init__(
            f"The shock should hold for the last {wanted} months, but the bank has {months}. "
            f"Give --shock-from a number from 1 to {months}, or the bank more --months."
        )


@dataclass(frozen=True)
class Economy:
    """What everybody lives in, (months,) each; `first` is the shock's first month, else past the end."""

    shock: Shock | None
    first: int
    unemployment: Reals  # share of those who could work
    policy_rate: Reals  # a year
    job_loss: Reals  # factor on the chance to lose one's work
    arrears: Reals  # added to the log odds that a loan gets into trouble
    income: Reals  # factor on wages and turnover
    spending: Reals  # factor

    def under(self, shock: Shock, month: int) -> bool:
        """Whether that shock holds in that month."""
        return self.shock is shock and month >= self.first

    @property
    def reach(self) -> Reals:
        """The share of customers each campaign of a month writes to, (months,)."""
        return np.where(self._burst, 0.30, 0.10)

    @property
    def campaigns(self) -> Reals:
        """How many campaigns a month has, (months,)."""
        return np.where(self._burst, 4.0, 2.0)

    @property
    def _burst(self) -> Reals:
        months = np.arange(len(self.income))
        return np.asarray((months >= self.first) & (self.shock is Shock.CAMPAIGN))


def economy(
    calendar: Calendar, rng: np.random.Generator, shock: Shock | None = None, last_months: int = 6
) -> Economy:
    """A mild cycle; a recession comes on top of it. Raises ShockTooLong."""
    months = calendar.months
    if shock and not 1 <= last_months <= months:
        raise ShockTooLong(last_months, months)
    first = months - last_months if shock else months
    cycle, news = np.zeros(months), rng.normal(0, 0.35, months)
    for month in range(1, months):
        cycle[month] = 0.92 * cycle[month - 1] + news[month]
    bad = np.where((np.arange(months) >= first) & (shock is Shock.RECESSION), 1.0, 0.0).astype(np.float64)
    return Economy(
        shock, first,
        unemployment=UNEMPLOYMENT * np.exp(0.08 * cycle + 0.6 * bad),
        policy_rate=np.clip(POLICY_RATE - 0.004 * cycle - 0.012 * bad, 0.0, None),
        job_loss=np.exp(0.15 * cycle) * (1 + 4 * bad),
        arrears=0.12 * cycle + 1.1 * bad,
        income=1.0 - 0.10 * bad,
        spending=1 - 0.15 * bad,
    )  # fmt: skip
