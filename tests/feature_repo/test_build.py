from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo import build
from feature_repo.errors import MissingTable
from feature_repo.features.catalogue import VIEWS, view_columns
from feature_repo.packed_rows import PackedRows
from feature_repo.settings import Machine
from feature_repo.snapshot import BadSpine

Bank = Callable[..., Path]

DATE = datetime(2025, 7, 1, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PEOPLE = [
    {"customer_id": who, "valid_from": joined, "joined_at": joined}
    for who, joined in (("ann", LONG_AGO), ("ben", DATE - timedelta(days=30)))
]
SHELF = [
    {"product_id": "p2", "valid_from": LONG_AGO, "family": "fund"},
    {"product_id": "p1", "valid_from": LONG_AGO, "family": "card"},
    {"product_id": "p3", "valid_from": LONG_AGO, "family": "card", "recorded_at": DATE},
]
HELD = [{"customer_id": "ann", "product_id": "p2", "opened_at": LONG_AGO, "currency": "CNY"}]


def spine(*rows: tuple[str, datetime]) -> pa.Table:
    who, when = zip(*rows, strict=True)
    return pa.table({"customer_id": list(who), "as_of": pa.array(when, pa.timestamp("us", "UTC"))})


def test_every_view_has_a_row_for_every_customer_known_at_the_date(bank: Bank, tmp_path: Path) -> None:
    asked = [
        ("ben", DATE),
        ("ann", DATE),
        ("ben", DATE - timedelta(days=60)),
        ("nobody", DATE),
        ("ann", DATE),
    ]
    out = tmp_path / "features"
    rows = build.build(bank(customers=PEOPLE), spine(*asked), out, Machine(1))
    assert rows == dict.fromkeys(VIEWS, 2)
    for view in VIEWS:
        table = pq.read_table(out / view / "part.parquet")
        assert table.column_names == [
            "customer_id",
            "event_timestamp",
            "created_timestamp",
            *view_columns(view),
        ]
        assert table["customer_id"].to_pylist() == ["ann", "ben"]
        assert table["event_timestamp"].to_pylist() == [DATE, DATE]
        assert table.schema.field("event_timestamp").type == pa.timestamp("us", "UTC")
        assert {str(table.schema.field(name).type) for name in view_columns(view)} == {"double"}
        assert [path.name for path in (out / view).iterdir()] == ["part.parquet"]


def test_features_of_a_table_that_is_not_there_are_null_and_named(bank: Bank) -> None:
    raw = bank(customers=PEOPLE)
    tables = build.feature_tables(raw, spine(("ann", DATE)), Machine(1))
    assert tables["credit"]["bureau_score"].to_pylist() == [None]
    assert tables["credit"]["loans_running"].to_pylist() == [None]
    assert tables["activity"]["bookings_90d"].to_pylist() == [0]
    assert build.missing_inputs(raw)["has_card"] == ("holdings", "products")


def test_online_rows_hold_everybody_known_and_what_they_own(bank: Bank, tmp_path: Path) -> None:
    late = {"customer_id": "cid", "valid_from": DATE, "joined_at": DATE}
    raw = bank(customers=[*PEOPLE, late], products=SHELF, holdings=HELD)
    tables = build.online_rows(raw, DATE, Machine(1))
    assert list(tables) == [*VIEWS, "owned"]
    assert tables["owned"].drop_columns(["event_timestamp", "created_timestamp"]).to_pylist() == [
        {"customer_id": "ann", "p1": 0.0, "p2": 1.0},
        {"customer_id": "ben", "p1": 0.0, "p2": 0.0},
    ]
    with PackedRows.open(tmp_path / "online.db", read_only=False) as packed:
        packed.load(tables)
        read = packed.read(["ann", "cid"], ["holdings", "owned"])
    assert dict(zip(read.columns, read.values[0].tolist(), strict=True))["has_fund"] == 1
    assert read.values[0, -2:].tolist() == [0, 1]
    assert read.found.tolist() == [True, False]


def test_products_held_at_many_dates(bank: Bank) -> None:
    gone = [
        *HELD,
        {**HELD[0], "closed_at": DATE - timedelta(days=1), "recorded_at": DATE - timedelta(days=1)},
    ]
    asked = spine(("ann", DATE), ("ann", DATE - timedelta(days=2)))
    held = build.held_products(bank(products=SHELF, holdings=gone), asked, Machine(1))
    assert held.to_pylist() == [
        {"customer_id": "ann", "as_of": DATE - timedelta(days=2), "product_id": "p2", "family": "fund"}
    ]


def test_a_bank_without_bookings_is_refused_by_name(bank: Bank, tmp_path: Path) -> None:
    raw = bank()
    (raw / "bookings" / "part.parquet").unlink()
    with pytest.raises(MissingTable, match="'bookings'"):
        build.build(raw, spine(("ann", DATE)), tmp_path / "features", Machine(1))
    assert not (tmp_path / "features").exists()


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (pa.table({"customer_id": ["ann"]}), "has the columns"),
        (pa.table({"customer_id": ["ann"], "as_of": ["2025-07-01"]}), "of type string"),
        (pa.table({"customer_id": [None], "as_of": pa.array([DATE], pa.timestamp("us", "UTC"))}), "nulls"),
    ],
    ids=["no-date", "text-date", "nobody"],
)
def test_a_spine_that_is_none_is_refused(broken: pa.Table, why: str, bank: Bank) -> None:
    with pytest.raises(BadSpine, match=why):
        build.feature_tables(bank(), broken, Machine(1))
