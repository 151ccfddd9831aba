"""Every feature equals what one hand-written query says, on a generated bank in the middle of its life."""

import runpy
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo import build
from feature_repo.duckdb_engine import MEMORY
from feature_repo.features.columns import COLUMNS, view_of
from feature_repo.raw.generate import make
from feature_repo.settings import Machine

DATE = datetime(2025, 11, 17, 13, 5, tzinfo=UTC)  # more is recorded later, corrections too
QUERY = Path(__file__).parents[2] / "benchmarks" / "features_sql.py"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("bank")
    make(1_500, 23, home / "raw", home / "truth", months=16, ends=date(2026, 1, 1))
    return home / "raw"


@pytest.fixture(scope="module")
def ours(raw: Path) -> dict[str, pa.Table]:
    ids = pq.read_table(raw / "customers", columns=["customer_id"])["customer_id"].unique()
    spine = pa.table({"customer_id": ids, "as_of": pa.array([DATE] * len(ids), pa.timestamp("us", "UTC"))})
    return build.feature_tables(raw, spine, Machine(2))


@pytest.fixture(scope="module")
def theirs(raw: Path) -> pa.Table:
    table: pa.Table = runpy.run_path(str(QUERY))["features"](raw, DATE, 2, MEMORY)
    return table


def test_the_same_customers_are_known(ours: dict[str, pa.Table], theirs: pa.Table) -> None:
    assert theirs.num_rows > 1_000
    assert all(view["customer_id"].equals(theirs["customer_id"]) for view in ours.values())


@pytest.mark.parametrize("column", COLUMNS)
def test_a_feature_is_what_the_query_says(column: str, ours: dict[str, pa.Table], theirs: pa.Table) -> None:
    found, expected = ours[view_of(column)][column].to_numpy(), theirs[column].to_numpy()
    unlike = ~np.isclose(found, expected, rtol=1e-9, atol=0, equal_nan=True)
    who = theirs["customer_id"].filter(pa.array(unlike)).to_pylist()
    assert not who, f"{who[:3]}: {found[unlike][:3]}, but the query says {expected[unlike][:3]}"


def test_most_features_tell_customers_apart(theirs: pa.Table) -> None:
    same = [name for name in COLUMNS if len(theirs[name].drop_null().unique()) < 2]
    assert not same
