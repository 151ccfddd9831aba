"""Lives change: work is lost and found, incomes rise, people move, graduate, retire, drift away."""

import numpy as np

from feature_repo.raw.generate.accounts import Accounts
from feature_repo.raw.generate.arrow import NULL
from feature_repo.raw.generate.clock import DAY, HOUR
from feature_repo.raw.generate.drafts import Drafts
from feature_repo.raw.generate.economy import Economy, Shock
from feature_repo.raw.generate.holdings import Holdings
from feature_repo.raw.generate.needs import sigmoid
from feature_repo.raw.generate.people import (
    FAMILY,
    REGIONS,
    RETIRED,
    STUDENT,
    WORKER,
    Flags,
    People,
    Reals,
    version,
)

FADES, PULSE_FADES = 0.72, 0.62
"""What is left after a month of a move or a complaint, and of an interest raised."""
JUST_MOVED = 1.6
"""How much a move weighs in its own month."""
JOB_LOSS = 0.0045
"""The chance a month to lose one's work in an average economy, at average stress."""
SPELL = np.arange(2, 8)
"""Months a spell without work may last, each as likely."""
SCREENS = 0.8
"""How much more at home with screens a campaign makes everybody."""


class Life:
    """Moves every customer one month on, and records what the bank is told."""

    def __init__(self, crowd: People, drafts: Drafts, economy: Economy, rng: np.random.Generator) -> None:
        self._crowd, self._drafts, self._economy, self._rng = crowd, drafts, economy, rng

    def begin(self) -> None:
        """The first version of every customer, in force once their risk level was assessed."""
        crowd = self._crowd
        everyone = np.arange(crowd.n)
        columns = version(crowd, everyone)
        seen = crowd.joined_at + self._rng.integers(0, 400, crowd.n) * DAY
        assessed = np.minimum(seen, np.maximum(crowd.joined_at, crowd.calendar.start - 30 * DAY))
        self._assessed = np.where(everyone % 17 == 3, NULL, assessed)
        self._drafts.add("customers", **columns, valid_from=assessed, assessed_at=self._assessed,
                         recorded_at=assessed + HOUR)  # fmt: skip

    def month(self, month: int) -> None:
        """Fade what fades, draw events, record new versions of the customers they touch."""
        crowd, rng = self._crowd, self._rng
        there = crowd.present(month)
        crowd.moved *= FADES
        crowd.jobless_before *= 0.85
        crowd.pulse *= PULSE_FADES
        crowd.complaints *= FADES
        drift = rng.normal(0, 0.12, crowd.n)
        crowd.stress[:] = 0.985 * crowd.stress + drift
        crowd.jobless = np.maximum(crowd.jobless - 1, 0)
        if self._economy.under(Shock.CAMPAIGN, month) and month == self._economy.first:
            crowd.digital += SCREENS
        told = self._work(there, month) | self._home(there) | self._stages(there, month)
        assessed = there & (rng.random(crowd.n) < 0.035) & (np.arange(crowd.n) % 17 != 3)
        shift = rng.choice([-1, 0, 1], crowd.n, p=[0.15, 0.7, 0.15])
        crowd.risk = np.where(assessed, np.clip(crowd.risk + shift, 1, 5), crowd.risk)
        self._tell(month, told, assessed)
        self._dips(there)

    def _work(self, there: Flags, month: int) -> Flags:
        crowd, rng = self._crowd, self._rng
        works = there & (crowd.persona != RETIRED)
        chance = job_loss(crowd) * self._economy.job_loss[month]
        lost = works & (crowd.jobless == 0) & (rng.random(crowd.n) < chance)
        crowd.jobless = np.where(lost, rng.choice(SPELL, crowd.n), crowd.jobless)
        crowd.jobless_before = np.where(lost, 1.0, crowd.jobless_before)
        raised = works & (crowd.jobless == 0) & (rng.random(crowd.n) < 0.014)
        crowd.income = np.where(raised, crowd.income * np.exp(rng.normal(0.12, 0.12, crowd.n)), crowd.income)
        return np.asarray(raised, np.bool_)

    def _home(self, there: Flags) -> Flags:
        crowd, rng = self._crowd, self._rng
        moved = there & (rng.random(crowd.n) < moves(crowd))
        crowd.moved = np.where(moved, JUST_MOVED, crowd.moved)
        far = moved & (rng.random(crowd.n) < 0.3)
        crowd.region = np.where(far, rng.integers(0, len(REGIONS), crowd.n), crowd.region)
        return np.asarray(moved, np.bool_)

    def _stages(self, there: Flags, month: int) -> Flags:
        crowd, rng = self._crowd, self._rng
        age, draw = crowd.age(month), rng.random(crowd.n)
        graduates = there & (crowd.persona == STUDENT) & (age >= 21) & (draw < 0.03)
        settles = there & (crowd.persona == WORKER) & (age >= 26) & (draw < 0.006)
        retires = there & np.isin(crowd.persona, (WORKER, FAMILY)) & (age >= 58) & (draw < 0.015)
        crowd.persona = np.select([graduates, settles, retires], [WORKER, FAMILY, RETIRED], crowd.persona)
        crowd.occupation = np.select([graduates, retires], [1, 4], crowd.occupation)
        factor = np.select([graduates, settles, retires], [2.1, 1.1, 0.55], 1.0)
        crowd.income = crowd.income * factor
        crowd.moved = np.where(settles, 1.8, crowd.moved)
        return np.asarray(graduates | settles | retires, np.bool_)

    def _tell(self, month: int, told: Flags, assessed: Flags) -> None:
        crowd, rng = self._crowd, self._rng
        start, end = crowd.calendar.edges[month : month + 2]
        who = np.flatnonzero(told | assessed)
        noise = np.exp(rng.normal(0, 0.10, len(who)))
        crowd.declared[who] = np.where(told[who], crowd.income[who] * noise, crowd.declared[who])
        at = start + rng.integers(0, 24, len(who)) * DAY + 5 * HOUR
        self._assessed[who] = np.where(assessed[who], at, self._assessed[who])
        late = np.minimum(
            at + rng.exponential(4 * DAY, len(who)).astype(np.int64) // 1_000_000 * 1_000_000, end - HOUR
        )
        self._drafts.add("customers", **version(crowd, who), valid_from=at, assessed_at=self._assessed[who],
                         recorded_at=np.maximum(late, at + HOUR))  # fmt: skip

    def _dips(self, there: Flags) -> None:
        """Some are away for a while and come back: less activity is not always a farewell."""
        crowd, rng = self._crowd, self._rng
        starts = there & (crowd.dip == 0) & (crowd.leaving < 0) & (rng.random(crowd.n) < 0.016)
        ends = crowd.dip == 1
        crowd.activity = np.where(
            starts, crowd.activity * 0.4, np.where(ends, crowd.activity / 0.4, crowd.activity)
        )
        crowd.dip = np.where(starts, rng.integers(2, 5, crowd.n), np.maximum(crowd.dip - 1, 0))


def moves(crowd: People) -> Reals:
    """The chance a month to move house."""
    young = np.isin(crowd.persona, (WORKER, FAMILY))
    return np.select([crowd.company, young], [0.0, 0.009], 0.004)


def job_loss(crowd: People) -> Reals:
    """The chance a month of those who work to lose it, in an average economy."""
    return np.asarray(JOB_LOSS * np.exp(0.35 * crowd.stress), np.float64)


FAREWELL = np.array([0.36, 0.16, 0.18, 0.16, 0.14])
"""The chances to close 0, 1, 2, 3 or 4 months after deciding to leave."""


class Leaving:
    """Customers who are unhappy, loosely bound or ignored decide to leave, fade, and close."""

    def __init__(
        self, crowd: People, accounts: Accounts, holdings: Holdings, rng: np.random.Generator
    ) -> None:
        self._crowd, self._accounts, self._holdings, self._rng = crowd, accounts, holdings, rng

    def hazard(self, month: int, bound: Flags) -> Reals:
        """The chance to decide this month to leave, (n,); `bound` customers have a running loan."""
        crowd = self._crowd
        stays = ~crowd.present(month) | (crowd.leaving >= 0) | bound
        odds = self.odds(crowd.calendar.edges[month], crowd.activity, crowd.complaints)
        return np.where(stays, 0.0, sigmoid(odds))

    def odds(self, at: int, activity: Reals, complaints: Reals) -> Reals:
        """Log odds to decide to leave in the month that begins at `at`, for those free to go."""
        crowd = self._crowd
        products = crowd.held.sum(axis=1) - 1.0
        drive = -4.05 + 1.15 * np.minimum(complaints, 2.5) - 0.5 * np.minimum(products, 4)
        drive = drive + 0.6 * (at - crowd.joined_at < 365 * DAY) + 0.45 * crowd.grievance
        return np.asarray(drive - 0.8 * np.log(np.clip(activity, 0.2, 3)), np.float64)

    def month(self, month: int, hazard: Reals) -> None:
        """Draw who leaves, let the leaving fade, close the accounts of those whose time has come."""
        crowd, rng = self._crowd, self._rng
        fading = crowd.leaving > 0
        crowd.activity = np.where(fading, crowd.activity * 0.6, crowd.activity)
        crowd.redirected |= fading & (rng.random(crowd.n) < 0.35)
        crowd.leaving = np.where(fading, crowd.leaving - 1, crowd.leaving)
        decides = rng.random(crowd.n) < hazard
        crowd.leaving = np.where(decides, rng.choice(len(FAREWELL), crowd.n, p=FAREWELL), crowd.leaving)
        who = np.flatnonzero((crowd.leaving == 0) & (crowd.closed_at == np.iinfo(np.int64).max))
        at = (
            int(crowd.calendar.edges[month])
            + rng.integers(3, 27, len(who)) * DAY
            + rng.integers(2, 9, len(who)) * HOUR
        )
        crowd.closed_at[who] = at
        self._accounts.close(who, at)
        self._holdings.leave(who, at)
