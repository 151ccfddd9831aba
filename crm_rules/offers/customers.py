"""What offer rules read of customers: n of them, at the moment of their decisions; NaN means unknown."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crm_rules.contact.clock import Local, local
from crm_rules.rules import F64Array, Mask
from crm_rules.vocabulary import CONTEXTS, MARKETING_CHANNELS

I64Array = NDArray[np.int64]
COLUMNS = (
    "age_years", "risk_level", "risk_assessment_age_days", "is_company", "income_monthly", "days_past_due",
    "complaints_365d", "consent_marketing_email", "consent_marketing_phone", "consent_marketing_app",
    "consent_profiling", "time_zone", "preferred_channel",
)  # fmt: skip
NO_CHANNEL = -1
PLACE: dict[str | None, int] = {None: NO_CHANNEL} | {name: at for at, name in enumerate(CONTEXTS)}
DAY_US = 86_400_000_000
EARLIEST, LATEST = -(10**16), 10**16  # microseconds: 317 years either way of 1970


@dataclass(frozen=True)
class Moments:
    """When n customers are decided about, and as of when they are known; microseconds UTC, (n,) each.

    `event_us` is that of the profile, negative where there is none. `zone` is the bank's own.
    """

    at_us: I64Array
    event_us: I64Array
    zone: str


@dataclass(frozen=True)
class Customers:
    """n customers: float arrays of length n; `owned`, `used` and `used_by_all` (n, P), None for never used.

    `age` is in calendar years by year of birth, `assessment_days` whole local days since the risk level was
    assessed. `consents` (n, marketing channels) are 1 given, 0 withdrawn. `tier` counts from 0 in the
    policy's order. `leaving` is the chance to leave. `channel` is that of the conversation as its place
    in CONTEXTS, -1 for none. `ruled` and `learned` say who is in which segment, (n,) each, by id.
    """

    age: F64Array
    risk_level: F64Array
    assessment_days: F64Array
    is_company: F64Array
    income_monthly: F64Array
    days_past_due: F64Array
    complaints_365d: F64Array
    consents: F64Array
    consent_profiling: F64Array
    preferred_channel: F64Array
    tier: F64Array
    leaving: F64Array
    channel: NDArray[np.int8]
    local: Local
    owned: Mask
    used: F64Array | None = None
    used_by_all: F64Array | None = None
    ruled: Mapping[str, Mask] = field(default_factory=dict)
    learned: Mapping[str, Mask] = field(default_factory=dict)

    @staticmethod
    def known(
        columns: Mapping[str, F64Array], moments: Moments, owned: Mask, channels: Sequence[str | None]
    ) -> "Customers":
        """From the features named in COLUMNS at their moments; KeyError when one is not there.

        Tier, chance to leave, uses and segments are added with `having`.
        """
        here, assessment_days = _here(columns, moments)
        same = {name: columns[name] for name in SAME}
        nothing = np.full(len(owned), np.nan)
        consents = np.array([columns[f"consent_marketing_{name}"] for name in MARKETING_CHANNELS]).T
        return Customers(
            **same,
            age=calendar_age(columns["age_years"], moments.event_us, here),
            assessment_days=assessment_days,
            consents=consents,
            tier=nothing,
            leaving=nothing,
            channel=np.array([PLACE[name] for name in channels], np.int8),
            local=here,
            owned=owned,
            used=None,
            used_by_all=None,
            ruled={},
            learned={},
        )

    def __len__(self) -> int:
        return len(self.age)

    def one(self, row: int) -> "Customers":
        """One of them, as a batch of one."""
        at = slice(row, row + 1)
        taken = {name: getattr(self, name)[at] for name in ARRAYS}
        here = Local(self.local.day[at], self.local.minute[at], self.local.year[at], self.local.known[at])
        return Customers(
            **taken,
            local=here,
            used=None if self.used is None else self.used[at],
            used_by_all=None if self.used_by_all is None else self.used_by_all[at],
            ruled={name: mask[at] for name, mask in self.ruled.items()},
            learned={name: mask[at] for name, mask in self.learned.items()},
        )

    @property
    def segments(self) -> frozenset[str]:
        """The segments it is known who is in."""
        return frozenset((*self.ruled, *self.learned))

    def in_any(self, segments: Collection[str]) -> Mask:
        """Who is in at least one of these segments, (n,); nobody is in one that is not known."""
        inside = np.zeros(len(self), np.bool_)
        for name in segments:
            for known in (self.ruled, self.learned):
                if name in known:
                    inside |= known[name]
        return inside

    def without_profile(self) -> "Customers":
        """The same, without what was learned about them: no learned segment, no chance to leave."""
        return self.having(learned={}, leaving=np.full(len(self), np.nan))

    def having(self, **known: object) -> "Customers":
        """The same, with other content in some of the fields."""
        other = object.__new__(Customers)  # `replace` would set each of twenty fields anew
        vars(other).update(vars(self), **known)
        return other


SAME = (
    "risk_level", "is_company", "income_monthly", "days_past_due", "complaints_365d", "consent_profiling",
    "preferred_channel",
)  # fmt: skip
ARRAYS = (*SAME, "age", "assessment_days", "consents", "tier", "leaving", "channel", "owned")


def calendar_age(years: F64Array, event_us: I64Array, here: Local) -> F64Array:
    """Calendar years on the local day: that of the event tells the year of birth."""
    event_year = event_us.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
    born = event_year - years
    return np.where((event_us >= 0) & np.isfinite(years), here.year - born, np.nan)


def _here(columns: Mapping[str, F64Array], moments: Moments) -> tuple[Local, F64Array]:
    """The local time, and whole local days since the assessment; NaN where it is not known, or lies ahead."""
    days, zone, n = columns["risk_assessment_age_days"], columns["time_zone"], len(moments.at_us)
    known = (moments.event_us >= 0) & (np.abs(days) < LATEST / DAY_US)
    at = moments.event_us - np.rint(np.where(known, days, 0.0) * DAY_US).astype(np.int64)
    known &= (at <= moments.at_us) & (at > EARLIEST)
    both = np.concatenate([moments.at_us, np.where(known, at, moments.at_us)])
    there = local(both, np.concatenate([zone, zone]), moments.zone)
    here = Local(there.day[:n], there.minute[:n], there.year[:n], there.known[:n])
    return here, np.where(known, here.day - there.day[n:], np.nan)
