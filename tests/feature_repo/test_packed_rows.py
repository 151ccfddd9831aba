import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from feature_repo.errors import MissingColumns
from feature_repo.packed_rows import CHUNK, NoOnlineRows, NotPackable, PackedRows

AT = datetime(2025, 6, 1, tzinfo=UTC)
AT_US = int(AT.timestamp()) * 1_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "online.db"


@pytest.fixture
def rows(path: Path) -> PackedRows:
    opened = PackedRows.open(path, read_only=False)
    opened.write(
        "profile", ["age", "income"], ["ann", "ben"], [5, 6], np.array([[30.0, np.nan], [40.0, 9.5]])
    )
    opened.write("credit", ["debt"], ["ben", "cid"], [7, 8], np.array([[1.5], [-0.0]]))
    return opened


def test_rows_come_back_in_the_order_asked_for_with_nan_where_a_view_has_none(rows: PackedRows) -> None:
    read = rows.read(["cid", "dan", "ann", "ben", "ann"])
    assert read.columns == ("age", "income", "debt")
    assert read.views == ("profile", "credit")
    np.testing.assert_array_equal(
        read.values,
        [[np.nan, np.nan, -0.0], [np.nan] * 3, [30, np.nan, np.nan], [40, 9.5, 1.5], [30, np.nan, np.nan]],
    )
    assert read.found.tolist() == [True, False, True, True, True]
    assert read.event_us.tolist() == [[-1, 8], [-1, -1], [5, -1], [6, 7], [5, -1]]


def test_views_are_read_in_the_order_named(rows: PackedRows) -> None:
    read = rows.read(["ben"], ["credit", "profile"])
    assert read.columns == ("debt", "age", "income")
    assert read.values.tolist() == [[1.5, 40.0, 9.5]]
    assert rows.read(["ben"], ["credit"]).values.tolist() == [[1.5]]


def test_nobody_asked_for_is_an_empty_matrix(rows: PackedRows) -> None:
    read = rows.read([])
    assert read.values.shape == (0, 3)
    assert read.event_us.shape == (0, 2)
    assert read.found.shape == (0,)


@pytest.mark.parametrize("odd", ["a'b", 'a"b', "a\\b", "陈", "", "x,y]", "'; DROP TABLE rows_profile"])
def test_any_text_is_a_customer_id(rows: PackedRows, odd: str) -> None:
    assert not rows.read([odd]).found[0]
    rows.write("profile", ["age", "income"], [odd], [1], np.array([[1.0, 2.0]]))
    assert rows.read(["ann", odd]).values[1, :2].tolist() == [1.0, 2.0]


def test_more_customers_than_one_select_takes(rows: PackedRows) -> None:
    ids = [f"c{at}" for at in range(CHUNK + 7)]
    values = np.arange(2.0 * len(ids)).reshape(-1, 2)
    rows.write("profile", ["age", "income"], ids, np.arange(len(ids)), values)
    read = rows.read(ids[::-1], ["profile"])
    np.testing.assert_array_equal(read.values, values[::-1])
    np.testing.assert_array_equal(read.event_us[:, 0], np.arange(len(ids))[::-1])


def test_alone_and_among_many_the_bits_are_the_same(rows: PackedRows) -> None:
    ids = [f"c{at}" for at in range(500)]
    rows.write("credit", ["debt"], ids, [1] * 500, np.random.default_rng(1).normal(size=(500, 1)))
    together = rows.read(ids)
    for at in (0, 77, 499):
        assert rows.read([ids[at]]).values.tobytes() == together.values[at].tobytes()


@pytest.mark.parametrize(
    ("columns", "ids", "matrix"),
    [
        pytest.param(["age", "income"], ["x"], [[1.0, np.inf]], id="infinite"),
        pytest.param(["age", "income"], ["x"], [[-np.inf, 1.0]], id="minus-infinite"),
        pytest.param(["age", "income"], ["x", "x"], [[1.0, 1.0], [2.0, 2.0]], id="a-customer-twice"),
        pytest.param(["income", "age"], ["x"], [[1.0, 1.0]], id="other-order"),
        pytest.param(["age"], ["x"], [[1.0]], id="fewer-columns"),
    ],
)
def test_what_may_not_be_written_leaves_no_trace(
    rows: PackedRows, columns: list[str], ids: list[str], matrix: list[list[float]]
) -> None:
    with pytest.raises(NotPackable):
        rows.write("profile", columns, ids, [1] * len(ids), np.array(matrix))
    assert rows.count("profile") == 2
    assert not rows.read(["x"]).found[0]


def test_a_view_name_cannot_carry_sql(rows: PackedRows) -> None:
    with pytest.raises(NotPackable):
        rows.write("p; DROP TABLE rows_profile", ["a"], ["x"], [1], np.ones((1, 1)))
    with pytest.raises(MissingColumns, match="nothing_such"):
        rows.read(["ann"], ["nothing_such"])


def test_an_arrow_table_is_written_with_its_event_times(rows: PackedRows) -> None:
    table = pa.table(
        {
            "customer_id": ["eve"],
            "event_timestamp": pa.array([AT], pa.timestamp("us", "UTC")),
            "created_timestamp": pa.array([AT], pa.timestamp("us", "UTC")),
            "debt": pa.array([None], pa.float64()),
        }
    )
    rows.write_table("credit", table)
    read = rows.read(["eve"], ["credit"])
    assert np.isnan(read.values[0, 0])
    assert read.event_us.tolist() == [[AT_US]]


def test_a_load_replaces_columns_and_rows_while_a_reader_has_the_file_open(
    rows: PackedRows, path: Path
) -> None:
    reader = PackedRows.open(path)
    assert reader.read(["ann"], ["profile"]).values.tolist()[0][0] == 30.0
    at = pa.array([AT], pa.timestamp("us", "UTC"))
    rows.load(
        {"profile": pa.table({"customer_id": ["ann"], "event_timestamp": at, "income": [1.0], "z": [2.0]})}
    )
    read = reader.read(["ann", "ben"], ["profile"])
    assert read.columns == ("income", "z")
    assert read.values[0].tolist() == [1.0, 2.0]
    assert read.found.tolist() == [True, False]
    assert reader.columns()["credit"] == ("debt",)


def test_a_load_that_fails_in_its_second_view_changes_neither(rows: PackedRows) -> None:
    at = pa.array([AT], pa.timestamp("us", "UTC"))
    good = pa.table({"customer_id": ["ann"], "event_timestamp": at, "income": [1.0]})
    bad = pa.table({"customer_id": ["ann"], "event_timestamp": at, "debt": [np.inf]})
    with pytest.raises(NotPackable, match="infinite"):
        rows.load({"profile": good, "credit": bad})
    assert rows.read(["ann"]).columns == ("age", "income", "debt")
    assert rows.count("profile") == 2


def test_a_reader_cannot_write(rows: PackedRows, path: Path) -> None:
    with PackedRows.open(path) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.delete("ann")


def test_a_file_that_is_not_there_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(NoOnlineRows, match="bank features build"):
        PackedRows.open(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_reading_works_after_the_writer_has_gone(rows: PackedRows, path: Path) -> None:
    rows.close()
    with PackedRows.open(path) as reader:
        assert reader.read(["ben"]).values.tolist() == [[40.0, 9.5, 1.5]]


def test_an_erased_customer_is_gone_from_every_view_and_from_the_bytes(rows: PackedRows, path: Path) -> None:
    secret = "customer-to-be-forgotten"
    rows.write("profile", ["age", "income"], [secret], [1], np.array([[1.0, 2.0]]))
    rows.write("credit", ["debt"], [secret], [1], np.array([[3.0]]))
    assert rows.delete(secret) == 2
    assert rows.delete(secret) == 0
    assert not rows.read([secret]).found[0]
    for file in path.parent.iterdir():
        assert secret.encode() not in file.read_bytes(), file
