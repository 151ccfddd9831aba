"""The ledger's journal: transfers whose entries add up to zero, and the lots they touch; only appended to."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from json import dumps

from crm_rules.loyalty.lots import Lot

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LEFT = "SELECT l.lot_id, SUM(m.points), l.expires_us FROM lots l JOIN lot_lines m USING (lot_id)"


def microseconds(at: datetime) -> int:
    """Microseconds since 1970, UTC."""
    return (at - EPOCH) // timedelta(microseconds=1)


def moment(us: int) -> datetime:
    """The time of that many microseconds since 1970."""
    return EPOCH + timedelta(microseconds=us)


@dataclass(frozen=True)
class Transfer:
    """What happened, once for each `reference`; `body` tells a repetition from a conflict."""

    number: int
    reference: str
    kind: str
    at_us: int
    body: str


@dataclass
class Rows:
    """Rows not yet written, in the order of the tables' columns."""

    transfers: list[tuple[int, str, str, int, str]] = field(default_factory=list)
    entries: list[tuple[int, str, int]] = field(default_factory=list)
    lots: list[tuple[int, str, int, int]] = field(default_factory=list)
    lines: list[tuple[int, int, int]] = field(default_factory=list)

    def transfer(self, transfer: Transfer, entries: Sequence[tuple[str, int]]) -> None:
        """Add a transfer with its (account, points); ValueError unless they add up to zero."""
        if sum(points for _, points in entries) != 0:
            raise ValueError(f"The entries of {transfer.reference} do not add up to zero: {entries}.")
        number = transfer.number
        self.transfers.append((number, transfer.reference, transfer.kind, transfer.at_us, transfer.body))
        self.entries += [(number, account, points) for account, points in entries if points]

    def award(self, number: int, customer_id: str, points: int, earned_us: int, expires_us: int) -> None:
        """Add the lot of an award; it carries the transfer's number."""
        if points:
            self.lots.append((number, customer_id, earned_us, expires_us))
            self.lines.append((number, number, points))

    def draw(self, number: int, taken: Sequence[tuple[int, int]]) -> None:
        """Add what a debit takes from lots: (lot_id, points)."""
        self.lines += [(lot_id, number, -points) for lot_id, points in taken]


class Journal:
    """Reads and appends; the caller holds the transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def next_number(self) -> int:
        """The number of the next transfer; they rise without gaps."""
        row = self._db.execute("SELECT COALESCE(MAX(transfer_id), 0) + 1 FROM transfers").fetchone()
        return int(row[0])

    def bodies(self, references: Sequence[str]) -> dict[str, str]:
        """The bodies of those references that were booked before."""
        sql = "SELECT reference, body FROM transfers WHERE reference IN (SELECT value FROM json_each(?))"
        return dict(self._db.execute(sql, (dumps(references),)).fetchall())

    def owed(self) -> dict[str, int]:
        """What customers owe after refunds, by customer id."""
        sql = (
            "SELECT SUBSTR(account, 6), -SUM(points) FROM entries"
            " WHERE account >= 'owed:' AND account < 'owed;' GROUP BY account"
        )
        return dict(self._db.execute(sql).fetchall())

    def owed_by(self, customer_id: str, at_us: int) -> int:
        """What one customer owed at that time."""
        sql = (
            "SELECT COALESCE(-SUM(e.points), 0) FROM entries e JOIN transfers t USING (transfer_id)"
            " WHERE e.account = ? AND t.at_us <= ?"
        )
        return int(self._db.execute(sql, (f"owed:{customer_id}", at_us)).fetchone()[0])

    def spendable(self, customer_id: str, at_us: int) -> list[Lot]:
        """Lots earned by then, in force then, and not drawn empty at any time, earlier or later."""
        sql = LEFT + (
            " WHERE l.customer_id = ? AND l.expires_us > ? AND l.earned_us <= ?"
            " GROUP BY l.lot_id HAVING SUM(m.points) > 0"
        )
        return [
            Lot(i, left, moment(us)) for i, left, us in self._db.execute(sql, (customer_id, at_us, at_us))
        ]

    def held(self, customer_id: str, at_us: int) -> list[Lot]:
        """Lots in force at that time with what was left in them then, earliest expiry first."""
        sql = LEFT + (
            " JOIN transfers t USING (transfer_id)"
            " WHERE l.customer_id = ? AND l.expires_us > ? AND t.at_us <= ?"
            " GROUP BY l.lot_id HAVING SUM(m.points) > 0 ORDER BY l.expires_us, l.lot_id"
        )
        return [
            Lot(i, left, moment(us)) for i, left, us in self._db.execute(sql, (customer_id, at_us, at_us))
        ]

    def expired(self, at_us: int) -> list[tuple[int, str, int, int]]:
        """Lots past their expiry with points left: (lot_id, customer_id, points, expires_us)."""
        sql = (
            "SELECT l.lot_id, l.customer_id, SUM(m.points), l.expires_us FROM lots l"
            " JOIN lot_lines m USING (lot_id) WHERE l.expires_us <= ?"
            " GROUP BY l.lot_id HAVING SUM(m.points) > 0 ORDER BY l.lot_id"
        )
        return self._db.execute(sql, (at_us,)).fetchall()

    def drawn_by(self, reference: str) -> tuple[datetime, tuple[tuple[int, int], ...]]:
        """When a debit happened, and the (lot_id, points) it drew on, earliest expiry first."""
        sql = (
            "SELECT t.at_us, m.lot_id, -m.points FROM transfers t JOIN lot_lines m USING (transfer_id)"
            " JOIN lots l USING (lot_id) WHERE t.reference = ? ORDER BY l.expires_us, l.lot_id"
        )
        found = self._db.execute(sql, (reference,)).fetchall()
        return moment(found[0][0]), tuple((lot_id, points) for _, lot_id, points in found)

    def append(self, rows: Rows) -> None:
        """Write the rows."""
        self._db.executemany("INSERT INTO transfers VALUES (?, ?, ?, ?, ?)", rows.transfers)
        self._db.executemany("INSERT INTO entries VALUES (?, ?, ?)", rows.entries)
        self._db.executemany("INSERT INTO lots VALUES (?, ?, ?, ?)", rows.lots)
        self._db.executemany("INSERT INTO lot_lines VALUES (?, ?, ?)", rows.lines)
