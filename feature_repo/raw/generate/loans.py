"""Loans from the day they are granted: paid, paid late, missed, cured, lost, partly recovered."""

import numpy as np

from feature_repo.raw.generate.accounts import CURRENT, FOREVER, Accounts
from feature_repo.raw.generate.arrow import NULL, Array
from feature_repo.raw.generate.clock import DAY, HOUR
from feature_repo.raw.generate.drafts import Drafts
from feature_repo.raw.generate.economy import Economy
from feature_repo.raw.generate.holdings import Holdings
from feature_repo.raw.generate.needs import sigmoid
from feature_repo.raw.generate.people import People, Reals, Whole
from feature_repo.raw.generate.shelf import IDS, RATE

CURE = 0.25
"""The chance each month that a loan in trouble is brought up to date."""
LATE_CURE = 0.04
"""The same once it is 90 days past due."""
JOBLESS = 1.0
"""What a month without work adds to the log odds of trouble."""
RECOVERED = 0.3
"""The share of written-off loans that still bring something in."""


class Loans:
    """The loan book: columns as arrays, a row each loan ever granted. Money is in cents."""

    def __init__(
        self, crowd: People, accounts: Accounts, holdings: Holdings, drafts: Drafts, economy: Economy,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self._crowd, self._accounts, self._holdings = crowd, accounts, holdings
        self._drafts, self._economy, self._rng = drafts, economy, rng
        self.book: dict[str, Array] = {name: np.zeros(0, np.int64) for name in (
            "customer", "product", "application", "granted", "cents", "term", "instalment", "month", "due_at",
            "missed", "first_missed", "default_at", "over")}  # fmt: skip
        self.book["trouble"] = np.zeros(0)

    def grant(self, month: int, granted: dict[str, Array]) -> None:
        """Pay out what was granted; most of it is spent at once."""
        who, at, cents, rows = (
            granted["customer"],
            granted["granted"],
            granted["cents"],
            len(granted["cents"]),
        )
        fresh = granted | {
            "month": np.full(rows, month), "due_at": self._rng.integers(2, 15, rows) * DAY,
            "missed": np.zeros(rows, np.int64), "first_missed": np.full(rows, FOREVER),
            "default_at": np.full(rows, FOREVER), "over": np.zeros(rows, np.int64),
        }  # fmt: skip
        first = len(self.book["customer"])
        self.book = {name: np.concatenate([values, fresh[name]]) for name, values in self.book.items()}
        self._record(np.arange(first, first + rows), at + HOUR, "running")
        self._holdings.open(who, granted["product"], at, cents, np.full(rows, FOREVER))
        self._accounts.book(CURRENT, who, at, cents, "transfer_in", "transfer")
        spent = at + self._rng.integers(HOUR, 45 * HOUR, rows) // 1_000_000 * 1_000_000
        part = cents * self._rng.uniform(0.85, 1.0, rows)
        self._accounts.book(CURRENT, who, spent, -part, "transfer_out", "transfer")

    def repay(self, month: int) -> None:
        """One month of every running loan: paid, paid late, missed, cured, lost or finished."""
        book, crowd = self.book, self._crowd
        live = np.flatnonzero((book["over"] == 0) & (book["month"] < month))
        if not len(live):
            return
        rng, start = self._rng, int(crowd.calendar.edges[month])
        who, due = book["customer"][live], start + book["due_at"][live]
        number = month - book["month"][live]
        shock = JOBLESS * (crowd.jobless[who] > 0) + self._economy.arrears[month]
        falls = rng.random(len(live)) < sigmoid(book["trouble"][live] + shock)
        cures = rng.random(len(live)) < np.where(book["default_at"][live] == FOREVER, CURE, LATE_CURE)
        behind = book["missed"][live] > 0
        misses = np.where(behind, ~cures, falls)
        self._miss(live[misses], due[misses], number[misses])
        back = behind & ~misses
        self._cure(live[back], due[back])
        good = ~misses & (number <= book["term"][live])
        self._pay(live[good], due[good])
        done = ~misses & (number >= book["term"][live])
        self._end(live[done], np.full(int(done.sum()), start + 27 * DAY), "repaid")
        lost = misses & (due - book["first_missed"][live] > 200 * DAY)
        self._end(live[lost], due[lost] + HOUR, "written_off")
        self._recover(live[lost], due[lost])

    def running(self) -> Whole:
        """Customers with a running loan."""
        return np.unique(self.book["customer"][self.book["over"] == 0])

    def live(self, month: int) -> dict[str, Whole]:
        """Loans with instalments to come or overdue in that month: number, customer, due, behind.

        `due` is how many instalments are still to come, `behind` how many months the loan is late.
        """
        book, edges = self.book, self._crowd.calendar.edges
        loan = np.flatnonzero((book["over"] == 0) & (book["month"] < month))
        since = np.searchsorted(edges, book["first_missed"][loan], side="right") - 1
        return {
            "loan": loan, "customer": book["customer"][loan],
            "due": book["term"][loan] - (month - book["month"][loan]) + 1,
            "behind": np.where(book["first_missed"][loan] == FOREVER, 0, month - since),
        }  # fmt: skip

    def months_left(self, month: int) -> Whole:
        """For how many months running loans still bind each customer, (n,)."""
        live, left = self.live(month), np.zeros(self._crowd.n, np.int64)
        np.maximum.at(left, live["customer"], np.maximum(live["due"], 3 * (live["behind"] > 0)))
        return left

    def stays_behind(self, loan: Whole) -> Reals:
        """The chance that a loan in arrears is not cured this month."""
        return np.where(self.book["default_at"][loan] == FOREVER, 1 - CURE, 1 - LATE_CURE)

    def _pay(self, loan: Whole, due: Whole) -> None:
        rng, book = self._rng, self.book
        late = rng.random(len(loan)) < sigmoid(-2.7 + 0.9 * self._crowd.stress[book["customer"][loan]])
        early = due - rng.integers(0, 20 * HOUR, len(loan))
        paid = np.where(late, due + rng.integers(DAY, 12 * DAY, len(loan)), early) // 1_000_000 * 1_000_000
        owed = book["instalment"][loan]
        self._repayment(loan[late], due[late], due[late], None)
        self._repayment(loan, due, np.maximum(paid, due), paid)
        self._accounts.book(CURRENT, book["customer"][loan], paid, -owed, "loan_payment", "standing_order")

    def _miss(self, loan: Whole, due: Whole, number: Whole) -> None:
        book = self.book
        asked = loan[number <= book["term"][loan]]  # after the last instalment nothing new falls due
        self._repayment(asked, due[number <= book["term"][loan]], due[number <= book["term"][loan]], None)
        book["missed"][asked] += 1
        book["first_missed"][loan] = np.minimum(book["first_missed"][loan], due)
        bad = (due - book["first_missed"][loan] >= 89 * DAY) & (book["default_at"][loan] == FOREVER)
        book["default_at"][loan[bad]] = book["first_missed"][loan[bad]] + 90 * DAY
        self._record(loan[bad], np.maximum(due, book["default_at"][loan])[bad] + 2 * HOUR, "running_in_debt")

    def _cure(self, loan: Whole, at: Whole) -> None:
        """Pay every missed instalment on the day this month's falls due; on the 90th day it is too late."""
        book, edges = self.book, self._crowd.calendar.edges
        known = book["default_at"][loan] != FOREVER
        bad = ~known & (at - book["first_missed"][loan] >= 90 * DAY)
        book["default_at"][loan[bad]] = book["first_missed"][loan[bad]] + 90 * DAY
        self._record(loan[known], at[known] + HOUR, "running")
        first = np.searchsorted(edges, book["first_missed"][loan], side="right") - 1
        for later in range(int(book["missed"][loan].max(initial=0))):
            owes = book["missed"][loan] > later
            due = edges[first[owes] + later] + book["due_at"][loan[owes]]
            self._repayment(loan[owes], due, at[owes], at[owes])
        owed = book["missed"][loan] * book["instalment"][loan]
        self._accounts.book(CURRENT, book["customer"][loan], at, -owed, "loan_payment", "transfer")
        book["missed"][loan], book["first_missed"][loan] = 0, FOREVER

    def _end(self, loan: Whole, at: Whole, status: str) -> None:
        self._record(loan, at, status)
        self.book["over"][loan] = 1
        self._holdings.close(self.book["customer"][loan], self.book["product"][loan], at)

    def _recover(self, loan: Whole, at: Whole) -> None:
        """Some who were given up pay part of what they owe after all."""
        some = self._rng.random(len(loan)) < RECOVERED
        loan, at = loan[some], at[some] + 9 * DAY
        cents = self.book["missed"][loan] * self.book["instalment"][loan]
        part = cents * self._rng.uniform(0.1, 0.6, len(loan))
        self._accounts.book(CURRENT, self.book["customer"][loan], at, -part, "loan_payment", "transfer")

    def _record(self, loan: Whole, recorded: Whole, status: str) -> None:
        book = self.book
        who, product = book["customer"][loan], book["product"][loan]
        self._drafts.add(
            "loans", loan_id=loan, customer_id=who, account_id=self._accounts.public[who],
            application_id=book["application"][loan], granted_at=book["granted"][loan], recorded_at=recorded,
            amount=book["cents"][loan], currency="CNY", term_months=book["term"][loan], rate=RATE[product],
            instalment=book["instalment"][loan], purpose=IDS[product], status=status,
        )  # fmt: skip

    def _repayment(self, loan: Whole, due: Whole, recorded: Whole, paid: Whole | None) -> None:
        owed = self.book["instalment"][loan]
        self._drafts.add(
            "repayments", loan_id=loan, due_at=due, recorded_at=recorded, due_amount=owed,
            paid_at=NULL if paid is None else paid, paid_amount=NULL if paid is None else owed,
        )  # fmt: skip
