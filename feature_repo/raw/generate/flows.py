"""Money in and out of the accounts, one month at a time."""

import numpy as np

from feature_repo.raw.generate.accounts import CARD, CHANNEL, CURRENT, FOREIGN, SAVINGS, Accounts
from feature_repo.raw.generate.clock import DAY, HOUR, Calendar
from feature_repo.raw.generate.economy import POLICY_RATE, Economy
from feature_repo.raw.generate.people import (
    AFFLUENT,
    RETIRED,
    STUDENT,
    Flags,
    People,
    Reals,
    Whole,
)

EMPLOYER, LANDLORD, SHOP, FRIEND = 10_000_000, 20_000_000, 30_000_000, 40_000_000
NEIGHBOURS, FRIENDS = 10_000, 50_000
"""How far apart the employers and landlords, and the friends, of two partitions begin; shops are shared."""


class Flows:
    """Books what a month brings: income, fixed costs, spending, saving, interest."""

    def __init__(
        self, crowd: People, accounts: Accounts, economy: Economy, rng: np.random.Generator, partition: int
    ) -> None:
        self._crowd, self._accounts, self._economy, self._rng = crowd, accounts, economy, rng
        self._calendar: Calendar = crowd.calendar
        self._owed = np.zeros(crowd.n, np.int64)  # cents on the card account
        self._days, self._working = self._calendar.days(0), self._calendar.working_days(0)
        self._busy = self._calendar.busy_days(0)
        self._employer = EMPLOYER + partition * NEIGHBOURS
        self._landlord = LANDLORD + partition * NEIGHBOURS
        self._friend = FRIEND + partition * FRIENDS

    def month(self, month: int) -> None:
        """Book one month for everybody who is there at its beginning or joins during it."""
        start, self._days = int(self._calendar.edges[month]), self._calendar.days(month)
        self._working, self._busy = self._calendar.working_days(month), self._calendar.busy_days(month)
        there = (self._crowd.joined_at < self._calendar.edges[month + 1]) & (self._crowd.closed_at > start)
        wealth = self._accounts.wealth() / np.maximum(self._crowd.income, 500)
        self._arrivals(month)
        self._interest(there, month, start)
        self._income(there, month, start)
        self._fixed(there, start)
        self._spending(there, month, start, wealth)
        self._saving(there, start, wealth)
        self._card(there, start)
        self._abroad(there, start)

    def _income(self, there: Flags, month: int, start: int) -> None:
        crowd, rng = self._crowd, self._rng
        share = np.array([0.45, 1.0, 0.97, 0.9, 1.0, 0.0])[crowd.persona]
        paid = there & (crowd.jobless == 0) & ~crowd.redirected & (rng.random(crowd.n) < share)
        who = np.flatnonzero(paid)
        retired = crowd.persona[who] == RETIRED
        worker = who[~retired]
        wage = crowd.income[worker] * self._economy.income[month]
        amount = wage * np.exp(rng.normal(0, 0.03, len(worker))) * 100
        if self._calendar.bonus(month):
            amount *= 1 + rng.gamma(2.0, 0.5, len(worker)) * (crowd.persona[worker] != STUDENT)
        at = start + self._working[crowd.payday[worker] - 1] * DAY + self._hours(worker, 1, 4)
        self._accounts.book(
            CURRENT, worker, at, amount, "salary", "transfer", counterparty=self._employer + worker // 3
        )
        old = who[retired]
        at = start + self._working[9] * DAY + self._hours(old, 0, 2)
        self._accounts.book(CURRENT, old, at, crowd.income[old] * 100, "pension", "transfer")
        self._turnover(there, month, start)
        helped = self._some(
            there, np.select([crowd.persona == STUDENT, crowd.jobless > 0], [0.8, 0.35], 0.12)
        )
        gift = 0.30 * crowd.income[helped] * np.exp(rng.normal(0, 0.5, len(helped))) * 100
        self._accounts.book(CURRENT, helped, self._any(helped, start), gift, "transfer_in", "mobile",
                            counterparty=self._friend + rng.integers(0, FRIENDS, len(helped)))  # fmt: skip
        cash = self._some(there, np.where(crowd.company, 1.5, 0.12))
        given = 0.12 * crowd.income[cash] * np.exp(rng.normal(0, 0.6, len(cash))) * 100
        self._accounts.book(CURRENT, cash, self._any(cash, start), given, "cash_in", "branch")

    def _arrivals(self, month: int) -> None:
        """Those who join this month bring some money."""
        crowd = self._crowd
        start, end = self._calendar.edges[month : month + 2]
        who = np.flatnonzero((crowd.joined_at >= start) & (crowd.joined_at < end))
        cents = (
            crowd.income[who] * self._rng.gamma(1.5, 0.9, len(who)) * np.exp(-0.4 * crowd.stress[who]) * 100
        )
        self._accounts.book(CURRENT, who, crowd.joined_at[who] + HOUR // 2, cents, "transfer_in", "transfer")

    def _turnover(self, there: Flags, month: int, start: int) -> None:
        crowd, rng = self._crowd, self._rng
        season = self._calendar.spending(month) * self._economy.income[month]
        slump = np.where(crowd.jobless > 0, 0.35, 1.0)
        paid = self._some(there & crowd.company, 7.0 * season * slump)
        amount = crowd.income[paid] / 7.0 * np.exp(rng.normal(-0.2, 0.7, len(paid))) * 100
        self._accounts.book(CURRENT, paid, self._any(paid, start), amount, "transfer_in", "transfer",
                            counterparty=self._friend + rng.integers(0, FRIENDS, len(paid)))  # fmt: skip

    def _fixed(self, there: Flags, start: int) -> None:
        crowd, rng, book = self._crowd, self._rng, self._accounts.book
        rent = np.flatnonzero(there & (crowd.rent_share > 0) & ~crowd.redirected)
        at, cents = (
            start + (rent % 5) * DAY + self._hours(rent, 2, 6),
            crowd.rent_share[rent] * crowd.income[rent] * 100,
        )
        landlord = self._landlord + rent
        book(CURRENT, rent, at, -cents, "rent", "standing_order", counterparty=landlord)
        home = self._some(there & (crowd.persona != STUDENT), 1.2 * np.minimum(crowd.activity, 1.2))
        cost = (180 + 0.02 * crowd.income[home]) * np.exp(rng.normal(0, 0.3, len(home))) * 100
        book(CURRENT, home, self._any(home, start), -cost, "household", "standing_order")
        insured = np.flatnonzero(there & crowd.holds("insurance"))
        premium = (90 + 0.012 * crowd.income[insured]) * 100
        book(
            CURRENT,
            insured,
            start + 11 * DAY + self._hours(insured, 0, 3),
            -premium,
            "insurance",
            "standing_order",
        )
        fee = self._some(there, np.where(crowd.company, 1.0, 0.25))
        book(
            CURRENT,
            fee,
            self._any(fee, start),
            -rng.choice([200, 500, 1000, 1500], len(fee)),
            "fee",
            "online",
        )

    def _spending(self, there: Flags, month: int, start: int, wealth: Reals) -> None:
        crowd, rng, book = self._crowd, self._rng, self._accounts.book
        season = self._calendar.spending(month) * self._economy.spending[month]
        earns = np.where(crowd.redirected, 0.15, 1.0) * np.where(crowd.jobless > 0, 0.65, 1.0)
        earns = earns * np.where(crowd.persona == STUDENT, 0.72, 1.0)
        rate = (
            crowd.spend_rate * np.clip(0.72 + np.where(wealth < 0, 1.0, 0.13) * wealth, 0.06, 1.35) * season
        )
        free = np.maximum(rate - crowd.rent_share - 0.05, 0.05) * earns * crowd.income
        years = self._calendar.years(month)
        cash_share = np.clip(0.32 - 0.05 * years - 0.12 * crowd.digital, 0.03, 0.85)
        level = np.where(crowd.company, 1.2, 1.0) * crowd.activity
        cards = self._some(there, 4.6 * level * season)
        amount = (
            (0.55 * free * (1 - cash_share) / 4.6)[cards] * np.exp(rng.normal(-0.3, 0.78, len(cards))) * 100
        )
        mobile = rng.random(len(cards)) < np.clip(
            0.35 + 0.25 * crowd.digital[cards] + 0.07 * years, 0.05, 0.95
        )
        channel = np.where(mobile, CHANNEL["mobile"], CHANNEL["card"])
        abroad = (
            rng.random(len(cards)) < np.where(crowd.persona[cards] == AFFLUENT, 0.07, 0.012)
        ) * rng.integers(1, 6, len(cards))
        on_card = self._accounts.has(CARD, start)[cards] & (rng.random(len(cards)) < 0.45)
        self._owed += np.bincount(cards[on_card], amount[on_card], crowd.n).astype(np.int64)
        shop, at = SHOP + rng.zipf(1.4, len(cards)) % 60_000, self._busy_day(cards, start)
        for kind, mine in ((CURRENT, ~on_card), (CARD, on_card)):
            book(kind, cards[mine], at[mine], -amount[mine], "card_payment", channel[mine],
                 counterparty=shop[mine], country=abroad[mine])  # fmt: skip
        cash = self._some(there, 1.1 * level * cash_share / 0.3)
        taken = np.round((0.30 * free)[cash] * np.exp(rng.normal(-0.2, 0.5, len(cash))) / 100) * 100 * 100
        book(CURRENT, cash, self._busy_day(cash, start), -np.maximum(taken, 10000), "cash_out",
             np.where(rng.random(len(cash)) < 0.75, CHANNEL["atm"], CHANNEL["branch"]))  # fmt: skip
        sent = self._some(there, 1.3 * level)
        amount = (0.30 * free / 1.3)[sent] * np.exp(rng.normal(-0.3, 0.8, len(sent))) * 100
        mobile = rng.random(len(sent)) < np.clip(0.45 + 0.25 * crowd.digital[sent] + 0.06 * years, 0.05, 0.95)
        book(CURRENT, sent, self._any(sent, start), -amount, "transfer_out",
             np.where(mobile, CHANNEL["mobile"], CHANNEL["online"]),
             counterparty=self._friend + rng.integers(0, FRIENDS, len(sent)))  # fmt: skip

    def _saving(self, there: Flags, start: int, wealth: Reals) -> None:
        """Some of what is left goes to the savings account, and comes back when it is needed."""
        crowd, book = self._crowd, self._accounts.book
        own = self._accounts.balance[: 2 * crowd.n].reshape(2, crowd.n)
        months = own[CURRENT] / 100 / np.maximum(crowd.income, 500)  # of income on the current account
        saves = there & self._accounts.has(SAVINGS, start)
        who = self._some(saves & (crowd.jobless == 0) & (months > 0.8), np.full(crowd.n, 0.7))
        cents = 0.08 * crowd.income[who] * np.clip(wealth[who], 0.5, 4) * 100
        at = start + 20 * DAY + self._hours(who, 1, 9)
        book(CURRENT, who, at, -cents, "transfer_out", "mobile")
        book(SAVINGS, who, at, cents, "transfer_in", "mobile")
        short = np.flatnonzero(saves & (months < 0.2) & (own[SAVINGS] > 0))
        need = (0.6 - months[short]) * crowd.income[short] * 100
        cents = np.minimum(need, 0.95 * own[SAVINGS][short])
        at = start + DAY + self._hours(short, 1, 9)
        book(SAVINGS, short, at, -cents, "transfer_out", "mobile")
        book(CURRENT, short, at, cents, "transfer_in", "mobile")

    def _interest(self, there: Flags, month: int, start: int) -> None:
        balance, policy = self._accounts.balance, float(self._economy.policy_rate[month]) / POLICY_RATE
        for kind, rate in ((CURRENT, 0.0015), (SAVINGS, 0.014 * policy)):
            own = balance[kind * self._crowd.n : (kind + 1) * self._crowd.n]
            cents = (own * (rate / 12)).astype(np.int64)
            who = np.flatnonzero(there & (cents > 0))
            self._accounts.book(kind, who, np.full(len(who), start), cents[who], "interest", "transfer")
        own = balance[: self._crowd.n]
        who = np.flatnonzero(there & (own < 0))
        self._accounts.book(
            CURRENT, who, np.full(len(who), start), own[who] * 0.015 - 500, "penalty_interest", "transfer"
        )

    def _card(self, there: Flags, start: int) -> None:
        who = np.flatnonzero(there & (self._owed > 0))
        at = start + 24 * DAY + self._hours(who, 2, 5)
        paid = self._owed[who]
        self._accounts.book(CURRENT, who, at, -paid, "card_payment", "standing_order")
        self._accounts.book(CARD, who, at, paid, "transfer_in", "standing_order")
        self._owed[who] = 0

    def _abroad(self, there: Flags, start: int) -> None:
        rng = self._rng
        owner = there & self._accounts.has(FOREIGN, start)
        for sign, category in ((1.0, "transfer_in"), (-0.9, "transfer_out")):
            who = self._some(owner, np.full(self._crowd.n, 0.8))
            cents = sign * 0.02 * self._crowd.income[who] * np.exp(rng.normal(0, 0.6, len(who))) * 100
            self._accounts.book(FOREIGN, who, self._any(who, start), cents, category, "online",
                                country=rng.integers(1, 6, len(who)))  # fmt: skip

    def _some(self, there: Flags, rate: Reals) -> Whole:
        """Customers by number, each as often as a Poisson draw of its rate says."""
        return np.repeat(np.arange(self._crowd.n), self._rng.poisson(np.where(there, rate, 0.0)))

    def _any(self, who: Whole, start: int) -> Whole:
        """A daytime moment of the month for each."""
        return start + self._rng.integers(0, self._days, len(who)) * DAY + self._hours(who, 0, 14)

    def _busy_day(self, who: Whole, start: int) -> Whole:
        """The same, more often at a weekend."""
        day = self._busy[self._rng.integers(0, len(self._busy), len(who))]
        return start + day * DAY + self._hours(who, 0, 14)

    def _hours(self, who: Whole, first: int, last: int) -> Whole:
        return self._rng.integers(first * HOUR, last * HOUR, len(who))
