"""Lots of points, and how a debit draws on them: earliest expiry first, so no point is lost in vain."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Lot:
    """Points of one award that are left, and when they expire."""

    lot_id: int
    points: int
    expires_at: datetime


@dataclass(frozen=True)
class Balance:
    """What a customer can spend, what they owe after refunds, and the full schedule of expiries."""

    points: int
    owed: int
    schedule: tuple[Lot, ...]


def in_order(lots: Sequence[Lot]) -> list[Lot]:
    """Earliest expiry first, then the older lot."""
    return sorted(lots, key=lambda lot: (lot.expires_at, lot.lot_id))


def draw(lots: Sequence[Lot], points: int) -> list[tuple[int, int]]:
    """Take up to `points` from the lots: (lot_id, points taken), earliest expiry first.

    >>> from datetime import UTC
    >>> late, soon = datetime(2027, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    >>> draw([Lot(1, 50, late), Lot(2, 30, soon)], 60)
    [(2, 30), (1, 30)]
    """
    taken: list[tuple[int, int]] = []
    for lot in in_order(lots):
        if points <= 0:
            break
        part = min(points, lot.points)
        if part > 0:
            taken.append((lot.lot_id, part))
            points -= part
    return taken
