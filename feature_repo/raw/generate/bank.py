"""Lets the generated bank live month by month, and writes what it knew and what was true."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.raw.contracts import BOOKINGS, FAMILIES
from feature_repo.raw.generate.accounts import FOREIGN, FOREVER, Accounts
from feature_repo.raw.generate.arrow import NULL, Array, identifiers, table, times
from feature_repo.raw.generate.clock import DAY, Calendar, iso
from feature_repo.raw.generate.contact import Bureau, Contact
from feature_repo.raw.generate.credit import Credit
from feature_repo.raw.generate.drafts import Drafts
from feature_repo.raw.generate.flows import Flows
from feature_repo.raw.generate.holdings import Holdings
from feature_repo.raw.generate.life import Leaving, Life
from feature_repo.raw.generate.market import products, rates
from feature_repo.raw.generate.needs import EFFECT, SOLD, Needs
from feature_repo.raw.generate.people import FAMILY, People, Reals, Whole, people
from feature_repo.raw.generate.shelf import PERSONAS
from feature_repo.raw.landing import digest, landing
from feature_repo.raw.source import Source

BOOKED = ("CNY", "USD")
CORRECTED = 0.003
"""The share of bookings first recorded with a wrong amount."""


def make(
    customers: int,
    seed: int,
    raw: Path,
    truth: Path,
    months: int = 48,
    ends: date = date(2026, 1, 1),
    threads: int = 2,
) -> Source:
    """Make a bank of that many customers over the months before `ends`; same seed, same bytes.

    Raw tables go to `raw`, what only the maker knows to `truth`; both are swapped in whole.
    """
    calendar = Calendar.of(ends, months)
    with landing(raw) as draft, landing(truth) as hidden:
        bank = Bank(customers, calendar, np.random.default_rng(seed), draft)
        bank.begin()
        for month in range(calendar.months):
            bank.month(month)
        rows = bank.finish(hidden)
        source = Source(
            "generated", "CNY", iso(calendar.start), iso(calendar.end), digest(draft), rows, bank.totals()
        )
        source.write(draft)
    return source


class Bank:
    """Everybody and everything of the bank, and the order in which a month happens."""

    def __init__(self, customers: int, calendar: Calendar, rng: np.random.Generator, raw: Path) -> None:
        self._calendar, self._rng, self._raw = calendar, rng, raw
        self._drafts = Drafts()
        self.crowd: People = people(customers, calendar, rng)
        self.accounts = Accounts(customers, rng, self._drafts)
        self.needs = Needs(self.crowd, self.accounts)
        self.holdings = Holdings(self.crowd, self.accounts, self._drafts, rng)
        self.flows = Flows(self.crowd, self.accounts, rng)
        self.credit = Credit(self.crowd, self.accounts, self.holdings, self._drafts, rng)
        self.life = Life(self.crowd, self.accounts, self.holdings, self._drafts, rng)
        self.leaving = Leaving(self.crowd, self.accounts, self.holdings, rng)
        self.contact = Contact(self.crowd, self._drafts, rng)
        self.bureau = Bureau(self.crowd, self._drafts, rng)
        self._hazards: list[pa.Table] = []
        self._booked = np.zeros(1 + len(BOOKED), np.int64)  # rows, cents by currency

    def begin(self) -> None:
        """Accounts, holdings, consents and versions of before; opening balances."""
        crowd, rng, everyone = self.crowd, self._rng, np.arange(self.crowd.n)
        self.persona_at_first = crowd.persona.copy()
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
        self.life.month(month)
        self.contact.offer(month)
        hazards = self.needs.hazards(month)
        leaving = self.leaving.hazard(month, np.isin(np.arange(self.crowd.n), self.credit.running()))
        self._remember(month, hazards, leaving)
        self.leaving.month(month, leaving)
        hazards = {name: np.where(self.crowd.leaving < 0, hazard, 0.0) for name, hazard in hazards.items()}
        bought = self.holdings.buy(month, hazards)
        self.holdings.mature(month)
        self.holdings.sell(month)
        self.credit.repay(month)
        for family in ("loan", "mortgage"):
            self.credit.apply(family, month, *bought[family])
        self.credit.apply("loan", month, *self._newcomers(month))
        self.credit.strangers(month, max(1, self.crowd.n // 700))
        self.contact.answers(month, bought)
        self.contact.month(month)
        self.bureau.month(month)
        self.flows.month(month)
        start, end = (int(edge) for edge in self._calendar.edges[month : month + 2])
        self._write_bookings(month, self.accounts.post(start, end))

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

    def finish(self, hidden: Path) -> dict[str, int]:
        """Write the small tables and the truth; rows by table."""
        shelf, exchange = products(self._calendar), rates(self._calendar, self._rng)
        drafted = self._drafts.tables() | {"products": shelf, "fx_rates": exchange}
        tables = {name: _known(rows, self._calendar.end) for name, rows in drafted.items()}
        for name, rows in tables.items():
            (self._raw / name).mkdir()
            pq.write_table(rows, self._raw / name / "part-0.parquet", compression="zstd")
        self._write_truth(hidden)
        return {name: rows.num_rows for name, rows in sorted(tables.items())} | {
            "bookings": int(self._booked[0])
        }

    def totals(self) -> dict[str, str]:
        """Control totals."""
        rows, *cents = self._booked.tolist()
        sums = {
            f"bookings.amount.{name}": f"{Decimal(sum_) / 100:.2f}"
            for name, sum_ in zip(BOOKED, cents, strict=True)
        }
        return {"bookings.rows": str(rows), **sums}

    def _write_bookings(self, month: int, rows: dict[str, Array]) -> None:
        end = self._calendar.end
        rows["recorded_at"] = np.minimum(rows["recorded_at"], end - 1_000_000)
        rows = _corrected(rows, end, self._rng)
        self._booked += (
            len(rows["amount"]),
            *(rows["amount"][rows["currency"] == name].sum() for name in BOOKED),
        )
        folder = self._raw / "bookings"
        folder.mkdir(exist_ok=True)
        name = f"{self._calendar.first_days[month]:%Y-%m}.parquet"
        pq.write_table(table(BOOKINGS, rows), folder / name, compression="zstd", use_dictionary=True)

    def _remember(self, month: int, hazards: dict[str, Reals], leaving: Array) -> None:
        who = np.flatnonzero(self.crowd.present(month))
        self._hazards.append(pa.table({
            "customer_id": identifiers("C", who),
            "month": times(np.full(len(who), self._calendar.edges[month])),
            **{name: hazards[name][who] for name in SOLD},
            "churn": leaving[who],
            "leaves_in": pa.array(self.crowd.leaving[who], mask=self.crowd.leaving[who] < 0),
        }))  # fmt: skip

    def _write_truth(self, hidden: Path) -> None:
        crowd, credit = self.crowd, self.credit
        everyone = identifiers("C", np.arange(crowd.n))
        pq.write_table(pa.concat_tables(self._hazards), hidden / "hazards.parquet")
        names = np.array(PERSONAS)
        pq.write_table(pa.table({
            "customer_id": everyone, "persona": names[self.persona_at_first],
            "persona_last": names[crowd.persona], "stress": crowd.stress, "grievance": crowd.grievance,
            "digital": crowd.digital, "appetite": crowd.appetite,
            **{f"need_{name}": crowd.need[:, number] for number, name in enumerate(FAMILIES)},
        }), hidden / "customers.parquet")  # fmt: skip
        asked = {
            name: np.concatenate([part[name] for part in credit.truth]) for name in ("application", "pd")
        }
        pq.write_table(pa.table({
            "application_id": identifiers("R", asked["application"]), "pd": asked["pd"],
        }), hidden / "applications.parquet")  # fmt: skip
        default = credit.book["default_at"]
        pq.write_table(pa.table({
            "loan_id": identifiers("L", np.arange(len(default))),
            "application_id": identifiers("R", credit.book["application"]),
            "default_at": times(np.where(default == FOREVER, NULL, default)),
        }), hidden / "loans.parquet")  # fmt: skip
        pq.write_table(
            pa.table({"family": list(EFFECT), "log_odds": list(EFFECT.values())}), hidden / "offers.parquet"
        )


def _known(rows: pa.Table, end: int) -> pa.Table:
    """Only rows recorded before the end."""
    recorded = rows["recorded_at"].cast(pa.int64()).to_numpy()
    return rows.filter(pa.array(recorded < end))


def _corrected(rows: dict[str, Array], end: int, rng: np.random.Generator) -> dict[str, Array]:
    """Some bookings were first recorded with another amount; the truth is recorded days later."""
    wrong = np.flatnonzero(rng.random(len(rows["amount"])) < CORRECTED)
    later = rows["recorded_at"][wrong] + rng.integers(DAY, 20 * DAY, len(wrong)) // 1_000_000 * 1_000_000
    wrong, later = wrong[later < end], later[later < end]
    first = {name: values[wrong] for name, values in rows.items()}
    error = np.round(first["amount"] * rng.uniform(0.05, 0.9, len(wrong))).astype(np.int64)
    first["amount"], first["balance_after"] = first["amount"] - error, first["balance_after"] - error
    rows["recorded_at"][wrong] = later
    return {name: np.concatenate([first[name], values]) for name, values in rows.items()}
