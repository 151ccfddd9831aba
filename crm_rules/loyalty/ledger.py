"""The points ledger: double entry, append-only, debits drawn on lots, each request at most once.

Every transfer is an entry of the chain `ledger`, in the transaction that books it. Times are arguments.
What a method booked is durable before it returns; threads and processes take turns.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from crm_rules.database import Database, make_tables
from crm_rules.errors import Conflict, NotEnoughPoints
from crm_rules.governance.append_only import MOST_PROBLEMS, Appender, Chain
from crm_rules.governance.chain import canonical, digest
from crm_rules.governance.heads import Heads
from crm_rules.loyalty.accrual import Accrual, Earned
from crm_rules.loyalty.earning import Booking
from crm_rules.loyalty.journal import Journal, Rows, Transfer, microseconds
from crm_rules.loyalty.limits import Loyalty
from crm_rules.loyalty.lots import Balance, draw
from crm_rules.loyalty.schema import CHAIN, INVARIANTS, NEEDED, SCHEMA, TABLES

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
    """All customers' points in one database."""

    def __init__(self, database: Database, chain: Chain) -> None:
        self._db, self._chain, self._journal = database, chain, Journal(database)

    @classmethod
    def open(cls, database: Database, heads: Heads) -> "Ledger":
        """The ledger in a database, its tables made when there are none; OtherTables when they are others."""
        make_tables(database, SCHEMA, NEEDED)
        database.only_append(TABLES)
        chain = Chain(database, CHAIN, heads)
        chain.create()
        return cls(database, chain)

    def close(self) -> None:
        """Close the database; the ledger is not used afterwards."""
        self._db.close()

    def earn(self, bookings: Iterable[Booking], policy: Loyalty) -> Earned:
        """Book what bookings earn, each booking_id once, 10,000 to a commit.

        A refund takes back what it earned; what is spent already is owed, and the next points pay it first.
        """
        total, remaining = Earned(), iter(bookings)
        while chunk := list(islice(remaining, CHUNK)):
            with self._chain.appending() as appender:
                total += Accrual(self._journal, appender, chunk, policy).book()
        return total

    def redeem(self, customer_id: str, points: int, key: str, at: datetime, policy: Loyalty) -> Redemption:
        """Spend points once for each key, earliest expiry first.

        The same key and request again returns the first result; another request under it raises Conflict.
        Below the minimum, or above what is there, raises NotEnoughPoints, and nothing is booked.
        """
        reference = f"redeem:{key}"
        body = digest(canonical({"customer_id": customer_id, "points": points}))
        with self._chain.appending() as appender:
            seen = self._journal.bodies([reference]).get(reference)
            if seen is None:
                request = Transfer(0, reference, "redeem", microseconds(at), body)
                self._spend(appender, request, customer_id, points, policy)
            elif seen != body:
                raise Conflict(key)
            first_at, lots = self._journal.drawn_by(reference)
        return Redemption(key, customer_id, points, first_at, lots)

    def expire(self, at: datetime) -> int:
        """Book out what expired by `at`, each lot once; the points booked. No balance changes by it."""
        with self._chain.appending() as appender:
            gone, rows = self._journal.expired(microseconds(at)), Rows()
            for number, (lot_id, customer_id, points, us) in enumerate(gone, self._journal.next_number()):
                transfer = Transfer(number, f"expire:{lot_id}", "expire", us, "")
                rows.transfer(transfer, [(f"customer:{customer_id}", -points), ("expired", points)])
                rows.draw(number, [(lot_id, points)])
            self._journal.append(rows, appender)
        return sum(points for _, _, points, _ in gone)

    def balance(self, customer_id: str, at: datetime) -> Balance:
        """What the customer could spend at that time, lot by lot; zero for somebody without points."""
        lots = self._journal.held(customer_id, microseconds(at))
        owed = self._journal.owed_by(customer_id, microseconds(at))
        return Balance(sum(lot.points for lot in lots), owed, tuple(lots))

    def violations(self) -> list[str]:
        """What breaks the ledger's invariants; an empty list when all hold."""
        return list(broken_invariants(self._db))

    def _spend(
        self, appender: Appender, request: Transfer, customer_id: str, points: int, policy: Loyalty
    ) -> None:
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
        self._journal.append(rows, appender)


def broken_invariants(database: Database) -> Iterator[str]:
    """What breaks the invariants of the ledger in this database, a thousand sentences at most for each."""
    for sentence, sql in INVARIANTS.items():
        for row in islice(database.stream(sql), MOST_PROBLEMS):
            yield sentence.format(row[0])
