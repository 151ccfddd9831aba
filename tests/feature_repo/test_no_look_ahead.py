"""Nothing the bank learnt at or after a date changes the features as of that date, not by a bit."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from feature_repo import build
from feature_repo.raw.contracts import TABLES, Kind, Table
from feature_repo.raw.generate import make
from feature_repo.settings import Machine

DATE = datetime(2025, 6, 17, 13, 5, tzinfo=UTC)
TIME = pa.timestamp("us", "UTC")
Rewrite = Callable[[Table, pa.Table, pa.Table, np.random.Generator], pa.Table]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("bank")
    make(customers=40, seed=11, raw=home / "raw", truth=home / "truth", months=14, ends=date(2026, 1, 1))
    return home / "raw"


@pytest.fixture(scope="module")
def spine(raw: Path) -> pa.Table:
    """Every customer at the date itself and at three dates before it."""
    ids = pq.read_table(raw / "customers", columns=["customer_id"])["customer_id"].unique().to_pylist()
    dates = [DATE, DATE - timedelta(days=1), DATE - timedelta(days=45), DATE - timedelta(days=200)]
    return pa.table({"customer_id": ids * 4, "as_of": pa.array(np.repeat(np.array(dates), len(ids)), TIME)})


@pytest.fixture(scope="module")
def truth(raw: Path, spine: pa.Table) -> dict[str, pa.Table]:
    tables = build.feature_tables(raw, spine, Machine(2))
    assert tables["activity"]["inflow_365d"].to_numpy().max() > 0
    assert tables["credit"]["loans_running"].to_numpy().max() > 0
    return tables


def scrambled(table: Table, rows: pa.Table, rng: np.random.Generator) -> pa.Table:
    """The same rows with every value that is neither key nor time drawn from another row, or made wild."""
    for at, column in enumerate(table.columns):
        values = rows[column.name]
        if column.name in table.key or column.kind in (Kind.TIME, Kind.ID):
            continue
        if column.kind is Kind.MONEY:
            values = (
                pa.array(rng.integers(1, 10**7, len(values))).cast(pa.decimal128(19, 0)).cast(values.type)
            )
        else:
            values = values.take(pa.array(rng.permutation(len(values))))
        rows = rows.set_column(at, table.schema.field(column.name), values)
    return rows


def with_times(rows: pa.Table, recorded: list[datetime]) -> pa.Table:
    at = rows.column_names.index("recorded_at")
    return rows.set_column(at, rows.schema.field(at), pa.array(recorded, TIME))


def later_rows_are_gone(table: Table, known: pa.Table, later: pa.Table, rng: np.random.Generator) -> pa.Table:
    return known


def later_rows_are_other_rows(
    table: Table, known: pa.Table, later: pa.Table, rng: np.random.Generator
) -> pa.Table:
    """Rewritten, and moved: some are recorded exactly at the date, some events before it."""
    later = scrambled(table, later, rng)
    moved = [DATE + timedelta(days=int(days)) for days in rng.integers(0, 30, later.num_rows)]
    later = with_times(later, moved)
    at = later.column_names.index(table.event)
    before = [DATE - timedelta(days=int(days), seconds=1) for days in rng.integers(0, 90, later.num_rows)]
    if table.event not in ("due_at", "opened_at"):
        later = later.set_column(at, later.schema.field(at), pa.array(before, TIME))
    return pa.concat_tables([known, later.cast(known.schema)])


def everything_is_corrected_later(
    table: Table, known: pa.Table, later: pa.Table, rng: np.random.Generator
) -> pa.Table:
    """Each known row is recorded again, with other content, from the date on; rows are shuffled."""
    seconds = rng.integers(0, 10**6, known.num_rows) * (np.arange(known.num_rows) % 3 > 0)  # some at it
    again = with_times(scrambled(table, known, rng), [DATE + timedelta(seconds=int(s)) for s in seconds])
    rows = pa.concat_tables([known, again.cast(known.schema), later])
    return rows.take(pa.array(rng.permutation(rows.num_rows)))


@pytest.mark.parametrize(
    "rewrite", [later_rows_are_gone, later_rows_are_other_rows, everything_is_corrected_later]
)
def test_features_stay_the_same_to_the_bit_when(
    rewrite: Rewrite, raw: Path, spine: pa.Table, truth: dict[str, pa.Table], tmp_path: Path
) -> None:
    rng = np.random.default_rng(5)
    for table in TABLES:
        rows = pq.read_table(raw / table.name)
        early = pc.less(rows["recorded_at"], pa.scalar(DATE, TIME))
        known, later = rows.filter(early), rows.filter(pc.invert(early))
        assert known.num_rows, table.name
        (tmp_path / table.name).mkdir()
        pq.write_table(rewrite(table, known, later, rng), tmp_path / table.name / "part.parquet")
    (tmp_path / "source.json").write_bytes((raw / "source.json").read_bytes())
    changed = build.feature_tables(tmp_path, spine, Machine(1))
    for view, table_before in truth.items():
        for name in table_before.column_names:
            assert changed[view][name].equals(table_before[name]), f"{view}.{name}"


def test_a_row_alone_and_among_many_is_the_same_to_the_bit(
    raw: Path, spine: pa.Table, truth: dict[str, pa.Table]
) -> None:
    some = spine.take([3, 81])
    alone = build.feature_tables(raw, some, Machine(1))
    for view, table in truth.items():
        keys = zip(some["customer_id"].to_pylist(), some["as_of"].to_pylist(), strict=True)
        for who, at in keys:
            here, there = (
                t.filter(
                    pc.and_(pc.equal(t["customer_id"], who), pc.equal(t["event_timestamp"], at))
                ).combine_chunks()
                for t in (alone[view], table)
            )
            assert here.equals(there), (view, who, at)
