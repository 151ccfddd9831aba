"""What online rows cost beside Feast's own SQLite store: writing, reading, bytes.

Both stores are filled with the same rows by `FeatureStore.materialize`, each through its own batch
engine, warmed and interleaved; each figure is the median of the pairs. `read1000_speed` is our
matrix of 1,000 customers against Feast's `get_online_features` over its own store; what Feast's API
costs over ours stands among the figures. In the quick run Feast's store is given the first 1,000
customers only, whose speed and size a customer are those of many; the others are compared a customer.
"""

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.infra.offline_stores.duckdb import DuckDBOfflineStoreConfig
from feast.repo_config import RegistryConfig
from feast.types import Float64

from feature_repo.batch_engine import PackedRowsEngineConfig
from feature_repo.online_store import PackedOnlineStoreConfig
from feature_repo.packed_rows import PackedRows
from feature_repo.settings import Settings

CUSTOMERS, VIEWS, COLUMNS = 20_000, 6, 20  # columns of a view
ASKED, SINGLES, PAIRS = 1_000, 5_000, 5
SINCE, AT, UNTIL = (datetime(2025, month, 1, tzinfo=UTC) for month in (1, 6, 12))
LIMITS = {"write_speed": 50.0, "read1000_speed": 30.0, "size_saving": 10.0, "single_read_us": 150.0}


@dataclass(frozen=True)
class Side:
    """One store over the same rows, and the file it writes."""

    store: FeatureStore
    file: Path
    customers: int

    def fill(self) -> float:
        """Materialize everything; the cells written a second."""
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            seconds = _seconds(lambda: self.store.materialize(SINCE, UNTIL))
        return self.customers * VIEWS * COLUMNS / seconds

    def answer(self, ids: list[str]) -> float:
        """get_online_features for these customers and all features; the seconds it took."""
        features = [f"v{view}:f{view}_{column}" for view in range(VIEWS) for column in range(COLUMNS)]
        asked = {"customer_id": ids}
        return _seconds(lambda: self.store.get_online_features(features, asked))

    def bytes(self) -> float:
        """Bytes a customer of the file, with what lies beside it until it is closed."""
        files = self.file.parent.glob(f"{self.file.name}*")
        return sum(file.stat().st_size for file in files) / self.customers


def run(quick: bool) -> dict[str, object]:
    """Measure on generated rows; `quick` gives Feast's store fewer customers."""
    with tempfile.TemporaryDirectory(prefix="bank-bench-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ibis tells of DuckDB's renamed methods at every call
        return _measure(Path(folder), ASKED if quick else CUSTOMERS)


def _measure(folder: Path, feasts_customers: int) -> dict[str, object]:
    ids = [f"c{number:08d}" for number in range(CUSTOMERS)]
    feasts, ours = _side(folder / "feasts", ids[:feasts_customers]), _side(folder / "ours", ids)
    rng = np.random.default_rng(7)
    some = [ids[at] for at in rng.permutation(feasts_customers)[:ASKED]]
    write = _interleaved({"feasts": feasts.fill, "ours": ours.fill})
    with PackedRows.open(ours.file) as rows:
        read = _interleaved(
            {
                "feasts": lambda: feasts.answer(some),
                "ours_by_feast": lambda: ours.answer(some),
                "ours": lambda: _seconds(lambda: rows.read(some)),
            }
        )
        _check(rows.read(some).values, folder / "ours", some)
        single = _singles(rows, [ids[at] for at in rng.integers(0, CUSTOMERS, SINGLES)])
    ratios = {
        "write_speed": round(write["ours"] / write["feasts"], 1),
        "read1000_speed": round(read["feasts"] / read["ours"], 1),
        "size_saving": round(feasts.bytes() / ours.bytes(), 1),
    }
    figures = {
        "single_read_us": round(single, 1),
        "read1000_ms": round(1e3 * read["ours"], 2),
        "feast_read1000_ms": round(1e3 * read["feasts"], 1),
        "feast_read1000_over_ours_ms": round(1e3 * read["ours_by_feast"], 1),
        "cells_written_per_second": round(write["ours"]),
        "feast_cells_written_per_second": round(write["feasts"]),
        "bytes_per_customer": round(ours.bytes()),
        "feast_bytes_per_customer": round(feasts.bytes()),
        "feast_customers": feasts_customers,
    }
    holds = all(ratios[name] >= LIMITS[name] for name in ratios)
    return {
        "bench": "online",
        "n": CUSTOMERS,
        "figures": figures,
        "ratios": ratios,
        "limits": LIMITS,
        "holds": holds and single <= LIMITS["single_read_us"],
    }


def _side(folder: Path, ids: list[str]) -> Side:
    """A store over the same views, for these customers; the folder's name says which."""
    folder.mkdir()
    keys = {"customer_id": ids, "event_timestamp": pa.array([AT] * len(ids), pa.timestamp("us", "UTC"))}
    customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
    views = []
    for view in range(VIEWS):
        names = [f"f{view}_{column}" for column in range(COLUMNS)]
        values = np.random.default_rng(view).normal(size=(CUSTOMERS, COLUMNS))[: len(ids)]
        table = pa.table({**keys, **dict(zip(names, values.T, strict=True))})
        pq.write_table(table, folder / f"v{view}.parquet")
        source = FileSource(
            name=f"v{view}_rows", path=str(folder / f"v{view}.parquet"), timestamp_field="event_timestamp"
        )
        schema = [Field(name=name, dtype=Float64) for name in names]
        views.append(FeatureView(name=f"v{view}", entities=[customer], schema=schema, source=source))
    settings = Settings(home=folder, online_store="sqlite")
    store = _store(
        folder,
        **(
            {"online_store": {"type": "sqlite", "path": str(settings.online)}}
            if folder.name == "feasts"
            else {
                "online_store": PackedOnlineStoreConfig(settings=settings),
                "batch_engine": PackedRowsEngineConfig().type,
            }
        ),
    )
    store.apply([customer, *views])
    return Side(store, settings.online, len(ids))


def _store(folder: Path, **online: object) -> FeatureStore:
    return FeatureStore(
        config=RepoConfig(
            project="bench",
            provider="local",
            registry=RegistryConfig(path=str(folder / "registry.db")),
            offline_store=DuckDBOfflineStoreConfig(),
            entity_key_serialization_version=3,
            repo_path=folder,
            **online,
        )
    )


def _check(values: np.ndarray, folder: Path, some: list[str]) -> None:
    """Both sides are worth comparing only when what is read is what was written."""
    wanted = []
    for view in range(VIEWS):
        table = pq.read_table(folder / f"v{view}.parquet").drop(["event_timestamp"]).to_pandas()
        wanted.append(table.set_index("customer_id").loc[some].to_numpy())
    np.testing.assert_array_equal(values, np.concatenate(wanted, axis=1))


def _interleaved(sides: dict[str, Callable[[], float]]) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(PAIRS + 1):
        for name, work in sides.items():
            figure = work()
            if turn:  # the first turn warms
                found[name].append(figure)
    return {name: statistics.median(each) for name, each in found.items()}


def _singles(rows: PackedRows, ids: list[str]) -> float:
    """Microseconds to read all views of one customer, the median over customers that differ."""
    return 1e6 * statistics.median(_seconds(lambda name=name: rows.read([name])) for name in ids)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
