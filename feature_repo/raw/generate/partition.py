"""One partition of the generated bank: it lives alone, month by month, and writes its own files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from feature_repo.raw.contracts import BY_NAME
from feature_repo.raw.generate.accounts import BOOKED_IN, FOREIGN, Accounts
from feature_repo.raw.generate.clock import DAY, Calendar
from feature_repo.raw.generate.contact import Bureau, Contact
from feature_repo.raw.generate.credit import Credit
from feature_repo.raw.generate.drafts import Drafts
from feature_repo.raw.generate.economy import Economy, Shock
from feature_repo.raw.generate.files import write
from feature_repo.raw.generate.flows import Flows
from feature_repo.raw.generate.holdings import Holdings
from feature_repo.raw.generate.journal import Journal
from feature_repo.raw.generate.life import Leaving, Life
from feature_repo.raw.generate.loans import Loans
from feature_repo.raw.generate.needs import Needs
from feature_repo.raw.generate.outlook import Outlook
from feature_repo.raw.generate.people import FAMILY, People, Whole, people
from feature_repo.raw.generate.truth import Truth
from feature_repo.raw.generate.witness import Witness


@dataclass(frozen=True)
class Plan:
    """One partition to make: its number, its customers, and what every partition shares."""

    number: int
    customers: int
    newcomers: bool  # everybody joins while a campaign runs
    seed: int
    calendar: Calendar
    economy: Economy
    raw: Path
    truth: Path

    def rng(self, *stream: int) -> np.random.Generator:
        """A generator of this partition's own; no other partition draws from it."""
        return np.random.default_rng(np.random.SeedSequence([self.seed, 1 + self.number, *stream]))


@dataclass(frozen=True)
class Made:
    """What a partition wrote: rows by table, cents booked by currency."""

    number: int
    rows: dict[str, int]
    cents: dict[str, int]


def live(plan: Plan) -> Made:
    """Make one partition. The same plan writes the same bytes, wherever and whenever it runs."""
    accounts = 4 * plan.customers
    names = [
        name for name in ("customers", "hazards", "outlook", "applications", "loans", "behaviour", "offers")
    ]
    if plan.economy.shock is Shock.UPSTREAM_BUG:
        names.append("wrong_rows")
    with (
        Journal(plan.raw, plan.number, plan.calendar.end, accounts, plan.rng(1)) as journal,
        Truth(plan.truth, plan.number, tuple(names)) as truth,
    ):
        bank = Bank(plan, journal, truth)
        bank.begin()
        for month in range(plan.economy.first if plan.newcomers else 0, plan.calendar.months):
            bank.month(month)
        rows = bank.finish()
    booked, *cents = journal.booked.tolist()
    return Made(plan.number, rows | {"bookings": booked}, dict(zip(BOOKED_IN.tolist(), cents, strict=True)))


class Bank:
    """Everybody and everything of a partition, and the order in which a month happens."""

    def __init__(self, plan: Plan, journal: Journal, truth: Truth) -> None:
        self._plan, self._calendar, self._economy = plan, plan.calendar, plan.economy
        self._journal, self._truth, self._rng = journal, truth, plan.rng(0)
        rng, economy = self._rng, plan.economy
        self._drafts = drafts = Drafts(plan.number)
        since = economy.first if plan.newcomers else None
        self.crowd: People = people(plan.customers, plan.calendar, rng, since)
        self.accounts = Accounts(plan.customers, rng, drafts)
        self.needs = Needs(self.crowd, self.accounts)
        self.holdings = Holdings(self.crowd, self.accounts, drafts, rng)
        self.flows = Flows(self.crowd, self.accounts, economy, rng, plan.number)
        self.loans = Loans(self.crowd, self.accounts, self.holdings, drafts, economy, rng)
        self.credit = Credit(self.crowd, self.accounts, self.loans, drafts, rng)
        self.life = Life(self.crowd, drafts, economy, rng)
        self.leaving = Leaving(self.crowd, self.accounts, self.holdings, rng)
        self.contact = Contact(self.crowd, drafts, economy, rng)
        self.bureau = Bureau(self.crowd, drafts, rng)
        outlook = Outlook(
            self.crowd, self.needs, self.holdings, self.credit, self.loans, self.leaving, self.contact,
            economy,
        )  # fmt: skip
        self.witness = Witness(self.crowd, self.needs, self.loans, outlook, economy, truth)

    def begin(self) -> None:
        """Accounts, holdings, consents and versions of before; opening balances."""
        crowd, rng, everyone = self.crowd, self._rng, np.arange(self.crowd.n)
        self.accounts.open(0, everyone, crowd.joined_at)
        old = crowd.joined_at < self._calendar.start
        months = rng.gamma(1.5, 1.3, crowd.n) * np.exp(-0.5 * crowd.stress) * old
        self.accounts.balance[: crowd.n] = np.round(months * crowd.income * 100).astype(np.int64)
        dollar = np.flatnonzero(rng.random(crowd.n) < np.where(np.isin(crowd.persona, (3, 5)), 0.2, 0.02))
        self.accounts.open(FOREIGN, dollar, crowd.joined_at[dollar] + DAY)
        pair = np.flatnonzero((crowd.persona == FAMILY) & (rng.random(crowd.n) < 0.25))
        if len(pair) > 1:
            other = np.roll(pair, 1)
            since = np.maximum(crowd.joined_at[pair], crowd.joined_at[other]) + DAY
            self.accounts.authorise(pair, other, since)
        self.life.begin()
        self.holdings.begin()
        self.contact.begin()

    def month(self, month: int) -> None:
        """One month: lives change, offers go out, people buy, pay, borrow, talk and leave."""
        self.witness.foretell(month)
        self.life.month(month)
        offers = self.contact.offer(month)
        hazards = self.needs.hazards(month)
        leaving = self.leaving.hazard(month, np.isin(np.arange(self.crowd.n), self.loans.running()))
        self.witness.remember(month, hazards, leaving, offers)
        self.leaving.month(month, leaving)
        hazards = {name: np.where(self.crowd.leaving < 0, hazard, 0.0) for name, hazard in hazards.items()}
        bought = self.holdings.buy(month, hazards)
        self.holdings.mature(month)
        self.holdings.sell(month)
        self.loans.repay(month)
        for family in ("loan", "mortgage"):
            self.witness.judge(month, self.credit.apply(family, month, *bought[family]))
        self.witness.judge(month, self.credit.apply("loan", month, *self._newcomers(month)))
        self.credit.strangers(month, max(1, self.crowd.n // 700))
        self.contact.answers(month, bought)
        self.contact.month(month)
        self.bureau.month(month)
        self.flows.month(month)
        start, end = (int(edge) for edge in self._calendar.edges[month : month + 2])
        broken = self._economy.under(Shock.UPSTREAM_BUG, month)
        if wrong := self._journal.add(self.accounts.post(start, end), broken):
            self._truth.add("wrong_rows", **wrong)

    def finish(self) -> dict[str, int]:
        """Write the small tables and what is left of the truth; rows by table."""
        tables = {name: _known(rows, self._calendar.end) for name, rows in self._drafts.tables().items()}
        for name, rows in tables.items():
            write(BY_NAME[name], rows, self._plan.raw, self._plan.number)
        self.witness.reveal()
        return {name: rows.num_rows for name, rows in tables.items()}

    def _newcomers(self, month: int) -> tuple[Whole, Whole]:
        """Some join because they borrow: they ask two days before they are customers."""
        crowd, edge = self.crowd, int(self._calendar.edges[month])
        asks = (
            (crowd.joined_at > edge + 4 * DAY)
            & (crowd.joined_at < edge + 22 * DAY)
            & (self._rng.random(crowd.n) < 0.18)
        )
        who = np.flatnonzero(asks & (crowd.persona != 0))
        return who, crowd.joined_at[who] - 2 * DAY


def _known(rows: pa.Table, end: int) -> pa.Table:
    """Only rows recorded before the end."""
    recorded = rows["recorded_at"].cast(pa.int64()).to_numpy()
    return rows.filter(pa.array(recorded < end))
