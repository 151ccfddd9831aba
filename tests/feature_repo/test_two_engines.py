"""One definition, two engines: DuckDB and a Spark cluster of two workers give the same numbers."""

import shutil
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from feature_repo import build
from feature_repo.engine import engine
from feature_repo.errors import BankError
from feature_repo.features.catalogue import FEATURES
from feature_repo.raw.generate import make
from feature_repo.raw.source import Source
from feature_repo.settings import Machine
from feature_repo.wide import wide

CUSTOMERS, SPAN_MONTHS = 20_000, 13
TWO_WORKERS = "local-cluster[2,1,2048]"
RELATIVE = 1e-9

# pyspark leaves the sockets of its gateway to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
needs_spark = pytest.mark.skipif(
    find_spec("pyspark") is None or shutil.which("java") is None,
    reason="Spark is not here: it needs the extra 'spark' and a Java runtime (17 or later)",
)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("two_engines")
    make(CUSTOMERS, 11, home / "raw", home / "truth", months=SPAN_MONTHS)
    return home / "raw"


def computed(raw: Path, machine: Machine) -> pa.Table:
    """Every feature of every customer at the end, and of some at an earlier date too."""
    end = Source.read(raw).end
    with engine(raw, machine) as opened:
        everybody = build.everybody(opened, end).sort_by("customer_id")
        earlier = everybody.slice(0, 500).set_column(
            1, "as_of", pa.repeat(pa.scalar(end - timedelta(days=100), everybody["as_of"].type), 500)
        )
        spine = pa.concat_tables([everybody, earlier])
        return pa.concat_tables(
            opened.arrow(wide(snapshot, FEATURES)) for snapshot in build.snapshots(opened, raw, spine)
        ).sort_by([("customer_id", "ascending"), ("as_of", "ascending")])


@pytest.fixture(scope="module")
def both(raw: Path) -> tuple[pa.Table, pa.Table]:
    return computed(raw, Machine(2)), computed(raw, Machine(2, "spark", TWO_WORKERS))


@needs_spark
def test_spark_and_duckdb_agree_on_every_feature_of_20_000_customers(both: tuple[pa.Table, pa.Table]) -> None:
    duck, spark = both
    assert duck.num_rows == spark.num_rows > CUSTOMERS
    for key in ("customer_id", "as_of"):
        assert duck[key].to_pylist() == spark[key].to_pylist()
    apart = {
        feature.name: worst
        for feature in FEATURES
        if (worst := farthest(numbers(duck, feature.name), numbers(spark, feature.name))) > RELATIVE
    }
    assert apart == {}
    constant = {f.name for f in FEATURES if len(np.unique(numbers(duck, f.name))) < 2}
    assert len(constant) < 5, f"these say nothing of these customers: {constant}"


def numbers(table: pa.Table, name: str) -> npt.NDArray[np.float64]:
    return np.asarray(table[name].to_numpy(), np.float64)


def farthest(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> float:
    """The largest relative difference; infinite where only one of the two knows a value."""
    if (np.isnan(ours) != np.isnan(theirs)).any():
        return float("inf")
    gap = np.abs(ours - theirs) / np.maximum(np.abs(ours), np.finfo(np.float64).tiny)
    return float(np.nanmax(np.where(ours == theirs, 0.0, gap), initial=0.0))


@needs_spark
def test_a_cluster_that_is_not_there_is_one_clear_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(BankError, match="cannot be computed on Spark"),
        engine(tmp_path, Machine(1, "spark", "nonsense://nowhere")),
    ):
        pass
