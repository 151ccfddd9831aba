from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.latest import Columns, latest

DAY = timedelta(days=1)
AT = datetime(2025, 6, 1, tzinfo=UTC)
COLUMNS = Columns("who", "at", "made", ["x"])


def write(path: Path, rows: list[tuple[str, float, float | None, int]], zone: str | None = "UTC") -> str:
    """Rows of customer, day, day of creation, value."""
    kind = pa.timestamp("us", zone)

    def times(days: list[float | None]) -> pa.Array:
        return pa.array(
            [None if day is None else AT + day * DAY for day in days], pa.timestamp("us", "UTC")
        ).cast(kind)

    who, at, made, x = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [])
    table = {
        "who": pa.array(who, pa.string()),
        "at": times(at),
        "made": times(made),
        "x": pa.array(x, pa.int64()),
    }
    pq.write_table(pa.table(table), path / "rows.parquet")
    return str(path / "rows.parquet")


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        pytest.param([("b", 1, 1, 1), ("a", 2, 2, 2), ("a", 1, 9, 3)], {"a": 2, "b": 1}, id="latest-of-each"),
        pytest.param([("a", 1, 2, 1), ("a", 1, 3, 2), ("a", 1, 1, 3)], {"a": 2}, id="same-time-created-last"),
        pytest.param([("a", 1, None, 1), ("a", 1, 0, 2)], {"a": 2}, id="creation-unknown-comes-before"),
        pytest.param([("a", 0, 0, 1), ("b", 5, 0, 2)], {"a": 1, "b": 2}, id="both-ends-count"),
        pytest.param([("a", -0.1, 0, 1), ("a", 5.1, 0, 2)], {}, id="nothing-before-or-after"),
        pytest.param([], {}, id="no-rows"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", None, "Asia/Shanghai"])
def test_of_each_customer_the_last_row_in_time_comes(
    tmp_path: Path, rows: list[tuple[str, float, float | None, int]], wanted: dict[str, int], zone: str | None
) -> None:
    found = latest(write(tmp_path, rows, zone), COLUMNS, AT, AT + 5 * DAY)
    assert found.column_names == ["who", "at", "x"]
    assert dict(zip(found["who"].to_pylist(), found["x"].to_pylist(), strict=True)) == wanted
    assert found["who"].to_pylist() == sorted(wanted)
