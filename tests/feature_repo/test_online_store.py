"""Feast over packed rows, beside Feast over its own SQLite store."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.infra.offline_stores.duckdb import DuckDBOfflineStoreConfig
from feast.repo_config import RegistryConfig
from feast.types import Bool, Float32, Float64, Int32, Int64, String, UnixTimestamp

from feature_repo import build, materialize, store
from feature_repo.batch_engine import NoPackedRows, PackedRowsEngineConfig
from feature_repo.features.columns import VIEWS
from feature_repo.online_store import PackedOnlineStoreConfig
from feature_repo.packed_rows import open_rows
from feature_repo.rows.packing import NotPackable
from feature_repo.settings import Machine, Settings
from tests.feature_repo.conftest import environment_of

Bank = Callable[..., Path]
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Feast leaves its metrics files open
    pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning"),  # Feast's own engine, by ibis
]
DAY = timedelta(days=1)
TIME = pa.timestamp("us", "UTC")
START = datetime(2025, 6, 1, tzinfo=UTC)
CUSTOMER = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
TYPES = {"f64": Float64, "f32": Float32, "i64": Int64, "i32": Int32, "yes": Bool, "at": UnixTimestamp}
IDS = [f"c{at:02d}" for at in range(40)]


@dataclass(frozen=True)
class Two:
    """The same features in both stores."""

    feasts: FeatureStore
    ours: FeatureStore
    folder: Path

    def both(self, do: Callable[[FeatureStore], Any]) -> tuple[Any, Any]:
        return do(self.feasts), do(self.ours)

    def read(self, features: list[str], ids: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What get_online_features says, values and times, by each store."""
        asked = [{"customer_id": name} for name in ids]
        said = self.both(
            lambda s: s.get_online_features(features, asked).to_dict(include_event_timestamps=True)
        )
        return said[0], said[1]


def a_store(folder: Path, name: str, **online: Any) -> FeatureStore:
    registry = RegistryConfig(path=str(folder / f"{name}.registry"))
    return FeatureStore(
        config=RepoConfig(
            project="bank", provider="local", registry=registry, offline_store=DuckDBOfflineStoreConfig(),
            entity_key_serialization_version=3, repo_path=folder, **online,
        )
    )  # fmt: skip


@pytest.fixture
def two(place: Settings, tmp_path: Path) -> Two:
    ours = {
        "online_store": PackedOnlineStoreConfig(settings=place),
        "batch_engine": PackedRowsEngineConfig().type,
    }
    feasts = {"online_store": {"type": "sqlite", "path": str(tmp_path / "feasts.db")}}
    return Two(a_store(tmp_path, "feasts", **feasts), a_store(tmp_path, "ours", **ours), tmp_path)


def view(folder: Path, name: str, types: dict[str, Any], entity: Entity = CUSTOMER) -> FeatureView:
    source = FileSource(
        name=f"{name}_rows", path=str(folder / f"{name}.parquet"), timestamp_field="event_timestamp",
        created_timestamp_column="created_timestamp",
    )  # fmt: skip
    schema = [Field(name=column, dtype=dtype) for column, dtype in types.items()]
    return FeatureView(name=name, entities=[entity], schema=schema, source=source, online=True)


def write(folder: Path, view_name: str, rows: int = 400, seed: int = 1, whole_nulls: bool = False) -> None:
    """Rows of every type at a few dates, so that times and creation times repeat; a fifth is unknown.

    Feast's own store refuses a null among whole numbers, so the two are compared without.
    """
    rng = np.random.default_rng(seed)
    days, order = rng.integers(0, 9, rows), rng.permutation(rows)
    seconds = rng.integers(-(10**9), 2 * 10**9, rows)
    unknown = rng.random((6, rows)) < 0.2
    if not whole_nulls:
        unknown[2:4] = False
    columns = {
        "f64": rng.normal(size=rows),
        "f32": rng.normal(size=rows).astype(np.float32),
        "i64": rng.integers(-(2**53), 2**53, rows),
        "i32": rng.integers(-(2**31), 2**31, rows).astype(np.int32),
        "yes": rng.random(rows) < 0.5,
        "at": pa.array(seconds * 1_000_000).cast(TIME).to_numpy(),
    }
    keys = {
        "customer_id": rng.choice(IDS, rows),
        "event_timestamp": pa.array([START + DAY * int(day) for day in days], TIME),
        "created_timestamp": pa.array([START + timedelta(seconds=int(at)) for at in order], TIME),
    }
    values = {
        name: pa.array(column, mask=mask)
        for (name, column), mask in zip(columns.items(), unknown, strict=True)
    }
    pq.write_table(pa.table({**keys, **values}), folder / f"{view_name}.parquet")


def same(said: tuple[dict[str, Any], dict[str, Any]]) -> None:
    theirs, ours = said
    assert list(theirs) == list(ours)
    for column in theirs:
        assert theirs[column] == ours[column], column


def test_every_type_is_answered_as_by_feasts_own_store(two: Two) -> None:
    for name in ("first", "second"):
        write(two.folder, name, seed=len(name))
    views = [view(two.folder, name, TYPES) for name in ("first", "second")]
    two.both(lambda s: s.apply([CUSTOMER, *views]))
    two.both(lambda s: s.materialize(START, START + 5 * DAY))
    features = [f"first:{name}" for name in TYPES]
    same(two.read(features, [*IDS, "nobody", IDS[0]]))
    two.both(lambda s: s.materialize(START + 5 * DAY, START + 7 * DAY))
    said = two.read([*features[:2], *(f"second:{name}" for name in list(TYPES)[2:])], IDS[::-1])
    same(said)
    assert any(value is None for value in said[1]["f64"])
    assert any(isinstance(value, datetime) for value in said[1]["at"])


def test_another_offline_store_fills_the_rows_as_well(two: Two, place: Settings) -> None:
    write(two.folder, "first")
    file = two.folder / "first.parquet"  # of rows of one time, Dask's store takes any
    once = pq.read_table(file).to_pandas(types_mapper=pd.ArrowDtype)
    once.drop_duplicates(["customer_id", "event_timestamp"]).to_parquet(file)
    config = RepoConfig(
        project="bank", provider="local", registry=RegistryConfig(path=str(two.folder / "dask.registry")),
        offline_store="dask", online_store=PackedOnlineStoreConfig(settings=place),
        batch_engine=PackedRowsEngineConfig().type, entity_key_serialization_version=3, repo_path=two.folder,
    )  # fmt: skip
    other = Two(two.feasts, FeatureStore(config=config), two.folder)
    other.both(lambda s: s.apply([CUSTOMER, view(two.folder, "first", TYPES)]))
    # Dask's store leaves out the rows of the last moment itself (feast#5228).
    other.both(lambda s: s.materialize(START, START + 5 * DAY + DAY / 2))
    same(other.read([f"first:{name}" for name in TYPES], IDS))


def test_unknown_whole_numbers_are_none(two: Two) -> None:
    write(two.folder, "first", whole_nulls=True)
    two.ours.apply([CUSTOMER, view(two.folder, "first", TYPES)])
    two.ours.materialize(START, START + 9 * DAY)
    said = two.ours.get_online_features(
        ["first:i64", "first:i32"], [{"customer_id": name} for name in IDS]
    ).to_dict()
    latest = pq.read_table(two.folder / "first.parquet").to_pandas(types_mapper=pd.ArrowDtype)
    latest = latest.sort_values(["event_timestamp", "created_timestamp"]).groupby("customer_id").tail(1)
    latest = latest.set_index("customer_id")
    for name in ("i64", "i32"):
        wanted = [None if latest[name][who] is pd.NA else latest[name][who] for who in IDS]
        assert said[name] == wanted
        assert None in wanted


def test_rows_that_come_as_values_are_answered_the_same(two: Two) -> None:
    write(two.folder, "first")
    two.both(lambda s: s.apply([CUSTOMER, view(two.folder, "first", TYPES)]))
    two.both(lambda s: s.materialize(START, START + 3 * DAY))
    later = pq.read_table(two.folder / "first.parquet").to_pandas().drop_duplicates("customer_id").head(20)
    later["event_timestamp"] = START + 30 * DAY
    two.both(lambda s: s.write_to_online_store("first", later))
    same(two.read([f"first:{name}" for name in TYPES], IDS))


def test_an_older_row_that_comes_late_changes_nothing(two: Two) -> None:
    write(two.folder, "first")
    two.ours.apply([CUSTOMER, view(two.folder, "first", TYPES)])
    two.ours.materialize(START, START + 8 * DAY)
    asked = [{"customer_id": name} for name in IDS]
    before = two.ours.get_online_features(["first:f64"], asked).to_dict(include_event_timestamps=True)
    two.ours.materialize(START, START + 2 * DAY)
    after = two.ours.get_online_features(["first:f64"], asked).to_dict(include_event_timestamps=True)
    assert before == after


def test_a_feature_may_be_added_and_one_taken_away(two: Two, place: Settings) -> None:
    write(two.folder, "first")
    two.ours.apply([CUSTOMER, view(two.folder, "first", {"f64": Float64, "yes": Bool})])
    two.ours.materialize(START, START + 8 * DAY)
    asked = [{"customer_id": name} for name in IDS]
    before = two.ours.get_online_features(["first:f64"], asked).to_dict()
    two.ours.apply([CUSTOMER, view(two.folder, "first", {"i64": Int64, "f64": Float64})])
    after = two.ours.get_online_features(["first:f64", "first:i64"], asked).to_dict()
    assert after == before | {"i64": [None] * len(IDS)}
    two.ours.materialize(START, START + 8 * DAY)
    assert None not in two.ours.get_online_features(["first:i64"], asked).to_dict()["i64"]


def test_a_view_that_is_deleted_or_torn_down_goes_and_what_is_not_feasts_stays(
    two: Two, place: Settings
) -> None:
    for name in ("first", "second"):
        write(two.folder, name)
    views = [view(two.folder, name, TYPES) for name in ("first", "second")]
    two.ours.apply([CUSTOMER, *views])
    two.ours.materialize(START, START + 8 * DAY)
    with open_rows(place, read_only=False) as rows:
        rows.write("owned", ["p1"], ["c01"], [1], np.ones((1, 1)))
    two.ours.apply([CUSTOMER, views[0]], objects_to_delete=[views[1]], partial=False)
    with open_rows(place) as rows:
        assert list(rows.columns()) == ["first", "owned"]
    two.ours.teardown()
    with open_rows(place) as rows:
        assert list(rows.columns()) == ["owned"]
        assert rows.count("owned") == 1


@pytest.mark.parametrize(
    ("types", "entity", "named"),
    [
        pytest.param({"name": String}, CUSTOMER, "'name' is String", id="text"),
        pytest.param(
            {"f64": Float64}, Entity(name="branch", join_keys=["branch_id"], value_type=ValueType.INT64),
            "found by branch_id: Int64", id="key-that-is-no-text",
        ),
    ],
)  # fmt: skip
def test_what_a_packed_row_cannot_hold_is_refused_when_it_is_applied(
    tmp_path: Path, types: dict[str, Any], entity: Entity, named: str
) -> None:
    write(tmp_path, "first")
    settings = Settings(home=tmp_path)
    ours = a_store(tmp_path, "ours", online_store=PackedOnlineStoreConfig(settings=settings))
    with pytest.raises(NotPackable, match=named):
        ours.apply([entity, view(tmp_path, "first", types, entity)])


def test_the_engine_beside_another_store_says_so(tmp_path: Path) -> None:
    write(tmp_path, "first")
    online = {"type": "sqlite", "path": str(tmp_path / "feasts.db")}
    mixed = a_store(tmp_path, "mixed", online_store=online, batch_engine=PackedRowsEngineConfig().type)
    mixed.apply([CUSTOMER, view(tmp_path, "first", TYPES)])
    with pytest.raises(NoPackedRows, match=r"PackedOnlineStore in feature_store\.yaml"):
        mixed.materialize(START, START + DAY)


# -- the platform's own views --------------------------------------------------------------------


def built(bank: Bank, place: Settings) -> None:
    """Ann and Ben, known since long, at two dates."""
    people = [
        {
            "customer_id": who,
            "valid_from": START - 900 * DAY,
            "joined_at": START - 900 * DAY,
            "income_monthly": "9.5",
        }
        for who in ("ann", "ben")
    ]
    dates = pa.array([START, START, START + DAY], TIME)
    spine = pa.table({"customer_id": ["ann", "ben", "ben"], "as_of": dates})
    build.build(bank(customers=people), spine, place.features, Machine(1))


def test_materializing_brings_only_what_is_newer(bank: Bank, place: Settings) -> None:
    built(bank, place)
    store.apply(place)
    first = materialize.materialize(place, START + DAY / 2)
    assert [(each.since, each.customers) for each in first] == [(None, 2)] * len(VIEWS)
    again = materialize.materialize(place, START + DAY / 2)
    assert [(each.since, each.customers) for each in again] == [(START, 0)] * len(VIEWS)
    then = materialize.materialize(place, START + 2 * DAY)
    assert [(each.since, each.customers) for each in then] == [(START, 1)] * len(VIEWS)
    with open_rows(place) as rows:
        read = rows.read(["ann", "ben"], ["profile"])
    assert read.values[:, read.columns.index("income_monthly")].tolist() == [9.5, 9.5]
    assert (read.event_us[1, 0] - read.event_us[0, 0]) == DAY / timedelta(microseconds=1)


def test_what_is_missing_before_materializing_is_named(bank: Bank, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with pytest.raises(store.NotApplied, match=r"Feature view 'profile'.*bank features apply"):
        materialize.materialize(settings, START)
    built(bank, settings)
    store.apply(settings)
    (settings.features / "credit" / build.PART).unlink()
    with pytest.raises(materialize.NotBuilt, match=r"'credit'.*bank features build"):
        materialize.materialize(settings, START)


COMMANDS = """
import json, sys
from feast.cli.cli import cli  # what the command `feast` runs
from feature_repo.packed_rows import open_rows
from feature_repo.settings import Machine, Settings

for command in json.loads(sys.argv[1]):
    cli(command.split(), standalone_mode=False)
    with open_rows(Settings()) as rows:
        times = {view: sorted(rows.event_us(view).tolist()) for view in rows.columns()}
    print("rows:", json.dumps(times))
"""


def test_the_command_feast_works_unchanged(bank: Bank, place: Settings) -> None:
    built(bank, place)
    place.feast.mkdir()
    ends = [(START + at * DAY).strftime("%Y-%m-%dT%H:%M:%S") for at in (0.5, 2)]
    brought = [f"materialize 2020-01-01T00:00:00 {ends[0]}", f"materialize-incremental {ends[1]}"]
    commands = ["apply", *brought, "teardown"]
    room = Path(store.__file__).parent
    ran = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands)], cwd=room, capture_output=True, text=True,
        env=environment_of(place) | {"PYTHONPATH": str(room.parent)}, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = [json.loads(line[5:]) for line in ran.stdout.splitlines() if line.startswith("rows:")]
    first, second = (int((START + at * DAY).timestamp()) * 1_000_000 for at in (0, 1))
    wanted = ([], [first, first], [first, second])
    assert said == [*({view: times for view in said[0]} for times in wanted), {}]
    assert sorted(said[0]) == sorted(VIEWS)
