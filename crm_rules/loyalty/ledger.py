"""The points ledger over SQLite: double entry, append-only, debits drawn on lots, each request at most once.

Times are arguments. A commit is durable (WAL, FULL) before a method returns; a lock keeps threads apart,
SQLite keeps processes apart.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from crm_rules.errors import Conflict, NotEnoughPoints
from crm_rules.governance.chain import canonical, digest
from crm_rules.loyalty.accrual import Accrual, Earned
from crm_rules.loyalty.earning import Booking
from crm_rules.loyalty.journal import Journal, Rows, Transfer, microseconds
from crm_rules.loyalty.lots import Balance, draw
from crm_rules.loyalty.schema import INVARIANTS, SCHEMA
from crm_rules.policy import Loyalty

CHUNK = 10_000


@dataclass(frozen=True)
class Redemption:
    """A redemption and the (lot_id, points) it drew on, earliest expiry first."""

    key: str
    customer_id: str
    points: int
    at: datetime
    lots: tuple[tuple[int, int], ...]


class Ledger:
    """All customers' points in one SQLite file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._journal = Journal(connection)
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> "Ledger":
        """Open the ledger, creating its file when there is none."""
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.executescript(SCHEMA)
        return cls(db)

    def close(self) -> None:
        """Close the file; the ledger is not used afterwards."""
        self._db.close()

    def earn(self, bookings: Iterable[Booking], policy: Loyalty) -> Earned:
        """Book what bookings earn, each booking_id once, 10,000 to a commit.

        A refund takes back what it earned; what is spent already is owed, and the next points pay it first.
        """
        total, remaining = Earned(), iter(bookings)
        while chunk := list(islice(remaining, CHUNK)):
            with self._writing():
                total += Accrual(self._journal, chunk, policy).book()
        return total

    def redeem(self, customer_id: str, points: int, key: str, at: datetime, policy: Loyalty) -> Redemption:
        """Spend points once for each key, earliest expiry first.

        The same key and request again returns the first result; another request under it raises Conflict.
        Below the minimum, or above what is there, raises NotEnoughPoints, and nothing is booked.
        """
        reference = f"redeem:{key}"
        body = digest(canonical({"customer_id": customer_id, "points": points}))
        with self._writing():
            seen = self._journal.bodies([reference]).get(reference)
            if seen is None:
                self._spend(
                    Transfer(0, reference, "redeem", microseconds(at), body), customer_id, points, policy
                )
            elif seen != body:
                raise Conflict(key)
            first_at, lots = self._journal.drawn_by(reference)
        return Redemption(key, customer_id, points, first_at, lots)

    def expire(self, at: datetime) -> int:
        """Book out what expired by `at`, each lot once; the points booked. No balance changes by it."""
        with self._writing():
            gone, rows = self._journal.expired(microseconds(at)), Rows()
            for number, (lot_id, customer_id, points, us) in enumerate(gone, self._journal.next_number()):
                transfer = Transfer(number, f"expire:{lot_id}", "expire", us, "")
                rows.transfer(transfer, [(f"customer:{customer_id}", -points), ("expired", points)])
                rows.draw(number, [(lot_id, points)])
            self._journal.append(rows)
        return sum(points for _, _, points, _ in gone)

    def balance(self, customer_id: str, at: datetime) -> Balance:
        """What the customer could spend at that time, lot by lot; zero for somebody without points."""
        with self._lock:
            lots = self._journal.held(customer_id, microseconds(at))
            owed = self._journal.owed_by(customer_id, microseconds(at))
        return Balance(sum(lot.points for lot in lots), owed, tuple(lots))

    def violations(self) -> list[str]:
        """What breaks the ledger's invariants; an empty list when all hold."""
        with self._lock:
            return [
                sentence.format(row[0])
                for sentence, sql in INVARIANTS.items()
                for row in self._db.execute(sql)
            ]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    def _spend(self, request: Transfer, customer_id: str, points: int, policy: Loyalty) -> None:
        lots = self._journal.spendable(customer_id, request.at_us)
        there = sum(lot.points for lot in lots)
        if points < policy.redeem_minimum:
            raise NotEnoughPoints(customer_id, points, f"the minimum is {policy.redeem_minimum}")
        if points > there:
            raise NotEnoughPoints(customer_id, points, f"{there} are there")
        number, rows = self._journal.next_number(), Rows()
        transfer = Transfer(number, request.reference, request.kind, request.at_us, request.body)
        rows.transfer(transfer, [(f"customer:{customer_id}", -points), ("redeemed", points)])
        rows.draw(number, draw(lots, points))
        self._journal.append(rows)
