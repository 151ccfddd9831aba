"""The ledger's journal: transfers whose entries add up to zero, and the lots they touch; only appended to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_bytes

from crm_rules.database import Database
from crm_rules.errors import BrokenChain
from crm_rules.governance.append_only import Appender, Entry
from crm_rules.governance.chain import canonical, salted
from crm_rules.loyalty.lots import Lot
from crm_rules.loyalty.schema import CHAIN

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LEFT = (
    "SELECT l.lot_id, CAST(SUM(m.points) AS BIGINT), l.expires_us FROM lots l JOIN lot_lines m USING (lot_id)"
)


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
class Parts:
    """What one transfer consists of besides its own row: entries, lots and lot lines without its number."""

    entries: list[tuple[str, int]] = field(default_factory=list)
    lots: list[tuple[int, str, int, int]] = field(default_factory=list)
    lines: list[tuple[int, int]] = field(default_factory=list)

    def digest(self, number: int, transfer: Sequence[object], salt: bytes) -> str:
        """What the chain covers of the transfer (reference, kind, at_us, body) and its parts.

        Raises NotCanonical for values that no ledger writes.
        """
        parts = (sorted(self.entries), sorted(self.lots), sorted(self.lines))
        return salted(salt, canonical([number, *transfer, *parts]))


@dataclass
class Rows:
    """Transfers not yet written, with their parts."""

    transfers: list[Transfer] = field(default_factory=list)
    parts: dict[int, Parts] = field(default_factory=dict)

    def transfer(self, transfer: Transfer, entries: Sequence[tuple[str, int]]) -> None:
        """Add a transfer with its (account, points); ValueError unless they add up to zero."""
        if sum(points for _, points in entries) != 0:
            raise ValueError(f"The entries of {transfer.reference} do not add up to zero: {entries}.")
        self.transfers.append(transfer)
        self.parts[transfer.number] = Parts([entry for entry in entries if entry[1]])

    def award(self, number: int, customer_id: str, points: int, earned_us: int, expires_us: int) -> None:
        """Add the lot of an award; it carries the transfer's number."""
        if points:
            self.parts[number].lots.append((number, customer_id, earned_us, expires_us))
            self.parts[number].lines.append((number, points))

    def draw(self, number: int, taken: Sequence[tuple[int, int]]) -> None:
        """Add what a debit takes from lots: (lot_id, points)."""
        self.parts[number].lines += [(lot_id, -points) for lot_id, points in taken]


class Journal:
    """Reads and appends; the caller holds the transaction."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def next_number(self) -> int:
        """The number of the next transfer; they rise without gaps."""
        return int(self._db.ask("SELECT COALESCE(MAX(transfer_id), 0) + 1 FROM transfers")[0][0])

    def bodies(self, references: Sequence[str]) -> dict[str, str]:
        """The bodies of those references that were booked before."""
        marks = ", ".join("?" * len(references))
        sql = f"SELECT reference, body FROM transfers WHERE reference IN ({marks})"  # noqa: S608 -- marks only
        return dict(self._db.ask(sql, references)) if references else {}

    def owed(self) -> dict[str, int]:
        """What customers owe after refunds, by customer id."""
        sql = (
            "SELECT SUBSTR(account, 6), CAST(-SUM(points) AS BIGINT) FROM entries"
            " WHERE account >= 'owed:' AND account < 'owed;' GROUP BY account"
        )
        return dict(self._db.ask(sql))

    def owed_by(self, customer_id: str, at_us: int) -> int:
        """What one customer owed at that time."""
        sql = (
            "SELECT COALESCE(-SUM(e.points), 0) FROM entries e JOIN transfers t USING (transfer_id)"
            " WHERE e.account = ? AND t.at_us <= ?"
        )
        return int(self._db.ask(sql, (f"owed:{customer_id}", at_us))[0][0])

    def spendable(self, customer_id: str, at_us: int) -> list[Lot]:
        """Lots earned by then, in force then, and not drawn empty at any time, earlier or later."""
        sql = LEFT + (
            " WHERE l.customer_id = ? AND l.expires_us > ? AND l.earned_us <= ?"
            " GROUP BY l.lot_id HAVING SUM(m.points) > 0"
        )
        return [Lot(i, left, moment(us)) for i, left, us in self._db.ask(sql, (customer_id, at_us, at_us))]

    def held(self, customer_id: str, at_us: int) -> list[Lot]:
        """Lots in force at that time with what was left in them then, earliest expiry first."""
        sql = LEFT + (
            " JOIN transfers t USING (transfer_id)"
            " WHERE l.customer_id = ? AND l.expires_us > ? AND t.at_us <= ?"
            " GROUP BY l.lot_id HAVING SUM(m.points) > 0 ORDER BY l.expires_us, l.lot_id"
        )
        return [Lot(i, left, moment(us)) for i, left, us in self._db.ask(sql, (customer_id, at_us, at_us))]

    def expired(self, at_us: int) -> list[tuple[int, str, int, int]]:
        """Lots past their expiry with points left: (lot_id, customer_id, points, expires_us)."""
        sql = (
            "SELECT l.lot_id, l.customer_id, CAST(SUM(m.points) AS BIGINT), l.expires_us FROM lots l"
            " JOIN lot_lines m USING (lot_id) WHERE l.expires_us <= ?"
            " GROUP BY l.lot_id HAVING SUM(m.points) > 0 ORDER BY l.lot_id"
        )
        return [(lot, customer, points, us) for lot, customer, points, us in self._db.ask(sql, (at_us,))]

    def drawn_by(self, reference: str) -> tuple[datetime, tuple[tuple[int, int], ...]]:
        """When a debit happened, and the (lot_id, points) it drew on, earliest expiry first."""
        sql = (
            "SELECT t.at_us, m.lot_id, -m.points FROM transfers t JOIN lot_lines m USING (transfer_id)"
            " JOIN lots l USING (lot_id) WHERE t.reference = ? ORDER BY l.expires_us, l.lot_id"
        )
        found = self._db.ask(sql, (reference,))
        return moment(found[0][0]), tuple((lot_id, points) for _, lot_id, points in found)

    def append(self, rows: Rows, appender: Appender) -> None:
        """Write the rows, and for each transfer its entry in the chain."""
        chained, told = list[Entry](), list[tuple[object, ...]]()
        for each in rows.transfers:
            row, salt = (each.reference, each.kind, each.at_us, each.body), token_bytes(16)
            sealed = rows.parts[each.number].digest(each.number, row, salt)
            chained.append(Entry(each.reference, moment(each.at_us).isoformat(), sealed))
            told.append((each.number, *row, salt))
        if not told:
            return
        if appender.head.seq + 1 != rows.transfers[0].number:
            raise BrokenChain(
                CHAIN, f"has {appender.head.seq} entries, but the next transfer is {told[0][0]}"
            )
        appender.add(chained)
        parts = rows.parts.items()
        self._db.write("INSERT INTO transfers VALUES (?, ?, ?, ?, ?, ?)", told)
        self._db.write("INSERT INTO entries VALUES (?, ?, ?)", [(n, *e) for n, p in parts for e in p.entries])
        self._db.write("INSERT INTO lots VALUES (?, ?, ?, ?)", [lot for _, p in parts for lot in p.lots])
        lines = [(lot_id, n, points) for n, p in parts for lot_id, points in p.lines]
        self._db.write("INSERT INTO lot_lines VALUES (?, ?, ?)", lines)
