"""The oracle: what anybody could foretell who saw the hidden state of every customer.

Probabilities are as of the start of a month, from all state left by the months before it: traits,
wealth, holdings, needs, what fades and how fast, loans and how far they are behind, the campaigns
planned and the economy to come. They leave out, and no model can know, whom the dice of the
window hit: who is chosen for an offer, asks, moves, complains, loses work (averaged over).
Approximated, since exact values would need a simulation within the simulation: wealth, income
and holdings other than the one in question stay as they are within the window; the chance that a
loan is granted is averaged over five terms and three amounts, the normal distribution taken as
logistic.
"""

import numpy as np

from feature_repo.raw.contracts import FAMILIES
from feature_repo.raw.generate.arrow import Array
from feature_repo.raw.generate.contact import INTEREST, TREATED, Contact, asks, complaint
from feature_repo.raw.generate.credit import (
    ASKED,
    BLUR,
    CUT_OFF,
    SEEN,
    TERMS,
    TROUBLE,
    UNSEEN,
    WITHDRAWN,
    Credit,
)  # fmt: skip
from feature_repo.raw.generate.economy import Economy
from feature_repo.raw.generate.holdings import AGAIN, Holdings
from feature_repo.raw.generate.life import (
    FADES,
    FAREWELL,
    JUST_MOVED,
    PULSE_FADES,
    SPELL,
    Leaving,
    job_loss,
    moves,
)
from feature_repo.raw.generate.loans import CURE, JOBLESS, Loans
from feature_repo.raw.generate.needs import EFFECT, MOVED, SOLD, Needs, sigmoid
from feature_repo.raw.generate.people import FAMILY, RETIRED, Flags, People, Reals, Whole
from feature_repo.raw.generate.shelf import OF_FAMILY, RATE, chance_of_new

WINDOW = 3
"""Months within which a purchase counts."""
LATEST_FALL = 9
"""To be 90 days past due within 12 months, the first missed instalment is among the next nine."""


class Outlook:
    """Foretells purchases, farewells and defaults of one partition."""

    def __init__(
        self, crowd: People, needs: Needs, holdings: Holdings, credit: Credit, loans: Loans,
        leaving: Leaving,
        contact: Contact, economy: Economy,
    ) -> None:  # fmt: skip
        self._crowd, self._needs, self._holdings = crowd, needs, holdings
        self._credit, self._loans = credit, loans
        self._leaving, self._contact, self._economy = leaving, contact, economy
        self._asks: dict[str, Reals] = {}

    def taken(self, family: str) -> Reals:
        """The chance that wanting the family ends in a new holding of it, (n,)."""
        crowd = self._crowd
        income = np.log(np.maximum(crowd.declared, 500) / 9000)
        new = chance_of_new(family, crowd.persona, income, crowd.risk, crowd.held)
        return new * self._granted(family) if family in ASKED else new

    def purchases(self, month: int, stays: Reals) -> dict[str, Reals]:
        """To open a holding of each family in this month or the two after it, (n,) each.

        `stays` is (window, n): the chance not to have decided to leave by each month.
        """
        crowd = self._crowd
        there = crowd.present(month) & (crowd.leaving < 0)
        left, self._asks = {name: np.ones(crowd.n) for name in SOLD}, asks(crowd)
        returns = np.zeros(crowd.n)
        for ahead in range(WINDOW):
            fades = FADES ** (ahead + 1)
            again = self._holdings.matures(month + ahead - 1) if ahead else np.zeros(crowd.n, np.bool_)
            returns = returns * PULSE_FADES + AGAIN * again
            pulse = crowd.pulse * PULSE_FADES ** (ahead + 1)
            pulse[:, FAMILIES.index("deposit")] += returns * PULSE_FADES
            odds = self._needs.odds(month, crowd.moved * fades, pulse, crowd.complaints * fades)
            for name in SOLD:
                left[name] *= 1 - stays[ahead] * self._wanted(name, odds[name], month, ahead)
        taken = {name: self.taken(name) for name in SOLD}
        return {name: np.where(there, taken[name] * (1 - left[name]), 0.0) for name in SOLD}

    def _wanted(self, family: str, odds: Reals, month: int, ahead: int) -> Reals:
        """The chance to want the family `ahead` months on, averaged over what may raise it on the way."""
        crowd, plain = self._crowd, sigmoid(odds)
        able, asked, total = self._contact.able(month), self._asks.get(family, 0.0), plain
        for since in range(ahead + 1):
            sent = min(month + ahead - since, crowd.calendar.months - 1)
            chances: list[tuple[Array | float, float]] = []
            if family in self._contact.families(sent):
                chosen = able * float(self._economy.reach[sent]) * TREATED
                chances.append((chosen, EFFECT[family] * PULSE_FADES**since))
            if family in MOVED:
                chances.append((moves(crowd), MOVED[family] * JUST_MOVED * FADES**since))
            if family in self._asks and since:
                chances.append((asked, INTEREST * PULSE_FADES**since))
            for chance, effect in chances:
                total = total + chance * (sigmoid(odds + effect) - plain)
        return np.clip(total, 0.0, 1.0)

    def farewells(self, month: int, horizon: int) -> tuple[Reals, Reals]:
        """To have closed every account within `horizon` months, (n,); to be undecided, (horizon, n)."""
        crowd, edges = self._crowd, self._crowd.calendar.edges
        bound = self._loans.months_left(month)
        closes, stays = np.zeros(crowd.n), np.ones(crowd.n)
        path, angry = [], complaint(crowd)
        for ahead in range(horizon):
            at = int(edges[month]) + ahead * 30 * 86_400_000_000
            activity = np.where(
                (crowd.dip > 0) & (crowd.dip <= ahead + 1), crowd.activity / 0.4, crowd.activity
            )
            grudge = crowd.complaints * FADES ** (ahead + 1)
            plain = sigmoid(self._leaving.odds(at, activity, grudge))
            decides = plain * (1 - angry * ahead)
            for since in range(1, ahead + 1):
                decides = decides + angry * sigmoid(self._leaving.odds(at, activity, grudge + FADES**since))
            decides = np.where(bound > ahead, 0.0, np.clip(decides, 0, 1))
            closes += stays * decides * FAREWELL[: horizon - ahead].sum()
            stays = stays * (1 - decides)
            path.append(stays)
        going = (crowd.leaving > 0) & (crowd.leaving <= horizon)
        known = np.where(crowd.leaving > 0, going, closes)
        return np.where(crowd.present(month), known, 0.0), np.array(path)

    def default(self, month: int, who: Whole, trouble: Reals, due: Whole, behind: Whole) -> Reals:
        """To be 90 days past due within 12 months, for loans in the months from `month` on.

        `due` is how many instalments are still to come, `behind` how many months a loan is late.
        """
        works, late = self._jobless(month, who), behind > 0
        fine, first = np.where(late, 0.0, 1.0), np.where(behind == 1, 1.0, 0.0)
        second, lost = np.where(behind == 2, 1.0, 0.0), np.where(behind >= 3, 1.0, 0.0)
        last = self._crowd.calendar.months - 1
        for ahead in range(LATEST_FALL + 2):
            odds = trouble + self._economy.arrears[min(month + ahead, last)]
            out = works[ahead]
            falls = (1 - out) * sigmoid(odds) + out * sigmoid(odds + JOBLESS)
            falls = np.where((ahead < due) & (ahead < LATEST_FALL), falls, 0.0)
            lost = lost + second * (1 - CURE)
            back = CURE * (first + second)
            fine, first, second = fine * (1 - falls) + back, fine * falls, first * (1 - CURE)
        return np.asarray(lost, np.float64)

    def _jobless(self, month: int, who: Whole) -> Reals:
        """The chance to be without work in this month and those after it, (months, n)."""
        crowd, last = self._crowd, self._crowd.calendar.months - 1
        loss = np.where(crowd.persona[who] == RETIRED, 0.0, job_loss(crowd)[who])
        lasts = np.array([(age < SPELL).mean() for age in range(LATEST_FALL + 2)])
        factor = self._economy.job_loss[np.minimum(month + np.arange(LATEST_FALL + 2), last)]
        path = []
        for ahead in range(LATEST_FALL + 2):
            new = loss * float(factor[: ahead + 1] @ lasts[ahead::-1])
            path.append(np.where(crowd.jobless[who] > ahead + 1, 1.0, np.clip(new, 0, 0.9)))
        return np.array(path)

    def _granted(self, family: str) -> Reals:
        """The chance that an application for the family is granted, (n,)."""
        crowd, everyone = self._crowd, np.arange(self._crowd.n)
        times, spread = ASKED[family]
        rate = float(RATE[OF_FAMILY[family]].mean()) / 12
        partner = np.where(crowd.persona == FAMILY, 0.4, 0.08)
        blur, chance = float(np.hypot(BLUR, SEEN * UNSEEN)), np.zeros(crowd.n)
        for term in TERMS[family]:
            for step, weight in ((-np.sqrt(3), 1 / 6), (0.0, 2 / 3), (np.sqrt(3), 1 / 6)):
                cents = np.clip(times * crowd.declared * np.exp(step * spread), 2000, 5_000_000) * 100
                instalment = cents * rate / (1 - (1 + rate) ** -float(term))
                odds = self._credit.trouble(everyone, instalment.astype(np.int64), partner)
                normal = 1.702 * (CUT_OFF - SEEN * (odds - TROUBLE)) / blur
                chance += weight * sigmoid(np.clip(normal, -30, 30)) / len(TERMS[family])
        return chance * (1 - WITHDRAWN)


def arms(odds: Reals, treated: Flags, family: str, taken: Reals) -> tuple[Reals, Reals]:
    """The chances of a new holding this month were the offer shown, and were it withheld.

    `odds` are the month's log odds, in which the effect of shown offers is contained.
    """
    bare = odds - EFFECT[family] * treated
    return taken * sigmoid(bare + EFFECT[family]), taken * sigmoid(bare)
