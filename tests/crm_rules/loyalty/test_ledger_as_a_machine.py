"""The ledger against a plain dictionary: whatever happens in whatever order, the books hold."""

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from crm_rules.database import Database, Sqlite
from crm_rules.errors import NotEnoughPoints
from crm_rules.governance.heads import Heads
from crm_rules.loyalty.check import verify_ledger
from crm_rules.loyalty.earning import Booking
from crm_rules.loyalty.ledger import Ledger
from crm_rules.loyalty.schema import CHAIN
from crm_rules.policy import STANDARD, Policy
from crm_rules.postgres import Postgres

TERMS = Policy.load(STANDARD).loyalty
CUSTOMERS = st.sampled_from(["ann", "bob"])
POINTS = st.integers(1, 400)


class LedgerMachine(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.heads = Heads(Path(self.folder.name) / "heads")
        self.database = self.open_database()
        self.ledger = Ledger.open(self.database, self.heads)
        self.now, self.count = datetime(2025, 1, 1, tzinfo=UTC), 0
        self.lots: dict[str, list[list[object]]] = {"ann": [], "bob": []}
        self.owed = {"ann": 0, "bob": 0}
        self.booked: list[Booking] = []

    def open_database(self) -> Database:
        return Sqlite(Path(self.folder.name) / "l.db")

    def _live(self, customer: str) -> list[list[int]]:
        live = [lot for lot in self.lots[customer] if lot[0] > self.now]  # type: ignore[operator]  # lots hold mixed tuples
        return sorted(live, key=lambda lot: (lot[0], lot[1]))  # type: ignore[arg-type]  # lots hold mixed tuples

    def _balance(self, customer: str) -> int:
        return sum(lot[2] for lot in self._live(customer))

    def _draw(self, customer: str, points: int) -> int:
        for lot in self._live(customer):
            part = min(lot[2], points)
            lot[2], points = lot[2] - part, points - part
        return points

    def _book(self, customer: str, minor: int) -> None:
        self.count += 1
        booking = Booking(f"b{self.count}", customer, self.now, minor, "card_payment")
        self.booked.append(booking)
        self.ledger.earn([booking], TERMS)

    @rule(customer=CUSTOMERS, points=POINTS)
    def spend_money(self, customer: str, points: int) -> None:
        self._book(customer, -points * 1000)
        pays = min(points, self.owed[customer])
        self.owed[customer] -= pays
        day = self.now.date()
        last = datetime(day.year + 2, day.month, min(day.day, 28), tzinfo=UTC)
        self.lots[customer].append([last + timedelta(days=1), self.count, points - pays])

    @rule(customer=CUSTOMERS, points=POINTS)
    def refund(self, customer: str, points: int) -> None:
        self._book(customer, points * 1000)
        self.owed[customer] += self._draw(customer, points)

    @rule(customer=CUSTOMERS, points=POINTS)
    def redeem(self, customer: str, points: int) -> None:
        self.count += 1
        if points < TERMS.redeem_minimum or points > self._balance(customer):
            with pytest.raises(NotEnoughPoints):
                self.ledger.redeem(customer, points, f"k{self.count}", self.now, TERMS)
        else:
            first = self.ledger.redeem(customer, points, f"k{self.count}", self.now, TERMS)
            assert self.ledger.redeem(customer, points, f"k{self.count}", self.now, TERMS) == first
            self._draw(customer, points)

    @rule()
    def everything_comes_again(self) -> None:
        assert self.ledger.earn(self.booked, TERMS).repeated == len(self.booked)

    @rule(months=st.integers(1, 9))
    def time_passes(self, months: int) -> None:
        month = self.now.month - 1 + months
        self.now = self.now.replace(year=self.now.year + month // 12, month=month % 12 + 1)

    @rule()
    def expire(self) -> None:
        self.ledger.expire(self.now)

    @invariant()
    def the_books_hold(self) -> None:
        if not hasattr(self, "ledger"):
            return
        assert self.ledger.violations() == []
        for customer in ("ann", "bob"):
            balance = self.ledger.balance(customer, self.now)
            assert balance.points == self._balance(customer) >= 0
            assert balance.owed == self.owed[customer] >= 0
            assert sum(lot.points for lot in balance.schedule) == balance.points

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            assert verify_ledger(self.database, (self.heads.read(CHAIN),)).problems == ()
            self.drop()
            self.ledger.close()
            self.folder.cleanup()

    def drop(self) -> None:
        """Nothing outside the folder."""


class OnPostgres(LedgerMachine):
    def open_database(self) -> Database:
        return Postgres(os.environ["BANK_TEST_POSTGRES"], f"test_{uuid4().hex[:12]}")

    def drop(self) -> None:
        assert isinstance(self.database, Postgres)
        self.database.ask(f"DROP SCHEMA IF EXISTS {self.database.schema} CASCADE")


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)

TestLedgerOnPostgres = pytest.mark.skipif(
    "BANK_TEST_POSTGRES" not in os.environ, reason="BANK_TEST_POSTGRES is not set"
)(OnPostgres.TestCase)
TestLedgerOnPostgres.settings = settings(max_examples=6, stateful_step_count=20, deadline=None)
