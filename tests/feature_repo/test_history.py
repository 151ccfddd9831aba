from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from feature_repo.engine import engine
from feature_repo.history import History
from feature_repo.settings import Machine
from tests.feature_repo.conftest import DATE, written

DAY = timedelta(days=1)
FIRST = {
    "booking_id": "b1",
    "account_id": "a1",
    "booked_at": DATE - 9 * DAY,
    "amount": "1",
    "currency": "CNY",
}


def ends(raw: Path) -> list[Any]:
    with engine(raw, Machine(1)) as opened:
        rows = opened.arrow(History(opened).rows("bookings").order_by("booking_id", "recorded_at"))
    return [row["superseded_at"] for row in rows.to_pylist()]


def test_a_row_ends_when_its_key_is_recorded_again(bank: Callable[..., Path]) -> None:
    later = [{**FIRST, "recorded_at": DATE - days * DAY} for days in (8, 5)]
    raw = bank(bookings=[FIRST, *later, {**FIRST, "booking_id": "b2"}])
    assert ends(raw) == [DATE - 8 * DAY, DATE - 5 * DAY, None, None]


def test_what_was_remembered_of_other_files_is_not_believed(bank: Callable[..., Path]) -> None:
    raw = bank(bookings=[FIRST, {**FIRST, "booking_id": "b2"}])
    assert ends(raw) == [None, None]
    written(raw, "bookings", [FIRST, {**FIRST, "recorded_at": DATE - 2 * DAY}])
    assert ends(raw) == [DATE - 2 * DAY, None]
    kept = sorted(raw.with_name(".raw.remembered").glob("bookings-*"))
    assert len(kept) == 1
    assert pq.read_table(kept[0])["booking_id"].to_pylist() == ["b1"]


def test_the_same_files_are_looked_through_once(bank: Callable[..., Path]) -> None:
    raw = bank(bookings=[FIRST])
    ends(raw)
    (kept,) = raw.with_name(".raw.remembered").glob("bookings-*")
    before = kept.stat().st_mtime_ns
    ends(raw)
    assert kept.stat().st_mtime_ns == before
