"""Bookings on their way into the journal: awards, refunds, and what customers owe after refunds."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from crm_rules.governance.append_only import Appender
from crm_rules.loyalty.earning import Booking, expires_at, points_for
from crm_rules.loyalty.journal import Journal, Rows, Transfer, microseconds
from crm_rules.loyalty.limits import Loyalty
from crm_rules.loyalty.lots import draw


@dataclass(frozen=True)
class Earned:
    """What a run over bookings did: `changed` came again with other content and stay as first booked."""

    bookings: int = 0
    points: int = 0
    clawed_back: int = 0
    repeated: int = 0
    changed: int = 0

    def __add__(self, other: "Earned") -> "Earned":
        return Earned(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


class Accrual:
    """One chunk of bookings on its way into the journal."""

    def __init__(
        self, journal: Journal, appender: Appender, chunk: Sequence[Booking], policy: Loyalty
    ) -> None:
        self.journal, self.appender, self.chunk, self.policy = journal, appender, chunk, policy
        self.seen = journal.bodies([f"booking:{booking.booking_id}" for booking in chunk])
        self.owed = journal.owed()
        self.number = journal.next_number()
        self.rows = Rows()

    def book(self) -> Earned:
        """Book each of the chunk, and say what was done."""
        total = [0, 0, 0, 0, 0]
        for booking in self.chunk:
            worth = points_for(booking.amount_minor, booking.category, self.policy)
            if worth == 0:
                continue
            transfer = self._transfer(booking, "earn" if worth > 0 else "clawback")
            if transfer.reference in self.seen:
                total[3 if self.seen[transfer.reference] == transfer.body else 4] += 1
                continue
            self.seen[transfer.reference] = transfer.body
            self._award(transfer, booking, worth) if worth > 0 else self._claw_back(transfer, booking, -worth)
            total[0], total[1], total[2] = total[0] + 1, total[1] + max(worth, 0), total[2] + max(-worth, 0)
            self.number += 1
        self._flush()
        return Earned(*total)

    def _transfer(self, booking: Booking, kind: str) -> Transfer:
        us = microseconds(booking.at)
        body = f"{us} {booking.amount_minor} {booking.category} {booking.customer_id}"
        return Transfer(self.number, f"booking:{booking.booking_id}", kind, us, body)

    def _award(self, transfer: Transfer, booking: Booking, points: int) -> None:
        customer = booking.customer_id
        pays = min(points, self.owed.get(customer, 0))
        if pays:
            self.owed[customer] -= pays
        entries = [(f"customer:{customer}", points - pays), (f"owed:{customer}", pays), ("issued", -points)]
        self.rows.transfer(transfer, entries)
        expires = microseconds(expires_at(booking.at, self.policy))
        self.rows.award(transfer.number, customer, points - pays, transfer.at_us, expires)

    def _claw_back(self, transfer: Transfer, booking: Booking, points: int) -> None:
        self._flush()
        customer = booking.customer_id
        taken = draw(self.journal.spendable(customer, transfer.at_us), points)
        held = sum(part for _, part in taken)
        self.owed[customer] = self.owed.get(customer, 0) + points - held
        entries = [(f"customer:{customer}", -held), (f"owed:{customer}", held - points), ("issued", points)]
        self.rows.transfer(transfer, entries)
        self.rows.draw(transfer.number, taken)
        self._flush()

    def _flush(self) -> None:
        self.journal.append(self.rows, self.appender)
        self.rows = Rows()
