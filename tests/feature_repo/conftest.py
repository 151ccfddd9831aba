"""A hand-made bank: rows by table, what is not said is null, recorded when it happened."""

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo import build
from feature_repo.engine import engine
from feature_repo.features.catalogue import BY_NAME as FEATURES
from feature_repo.raw.contracts import BY_NAME as TABLES
from feature_repo.raw.contracts import Kind
from feature_repo.raw.source import Source
from feature_repo.settings import Machine, Settings
from feature_repo.wide import wide

Row = Mapping[str, Any]
Bank = Callable[..., Path]
Values = Callable[..., dict[str, float | None]]
Everyone = Callable[..., dict[str, dict[str, float | None]]]

DATE = datetime(2025, 7, 1, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ANN = {"customer_id": "ann", "valid_from": LONG_AGO, "joined_at": LONG_AGO}
ANNS = {
    "account_id": "a1",
    "valid_from": LONG_AGO,
    "type": "current",
    "currency": "CNY",
    "opened_at": LONG_AGO,
}
OWNS = {"account_id": "a1", "customer_id": "ann", "valid_from": LONG_AGO, "role": "owner"}

REDIS = os.environ.get("BANK_TEST_REDIS")
NO_REDIS = pytest.mark.skipif(REDIS is None, reason="BANK_TEST_REDIS names no Redis to test against")


def written(raw: Path, table: str, rows: list[Row]) -> None:
    contract = TABLES[table]
    columns: dict[str, list[Any]] = {}
    for column in contract.columns:
        values = [
            row.get(column.name, row[contract.event] if column.name == "recorded_at" else None)
            for row in rows
        ]
        if column.kind is Kind.MONEY:
            values = [None if v is None else Decimal(str(v)).quantize(Decimal("0.01")) for v in values]
        columns[column.name] = values
    (raw / table).mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns, schema=contract.schema), raw / table / "part.parquet")


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    """Writes a bank of Ann with one account and the rows given, and gives its folder."""

    def write(**tables: list[Row]) -> Path:
        raw = tmp_path / "raw"
        whole: dict[str, list[Row]] = {
            "customers": [ANN],
            "accounts": [ANNS],
            "account_owners": [OWNS],
            "bookings": [],
            **tables,
        }
        for table, rows in whole.items():
            written(raw, table, rows)
        Source("hand-made", "CNY", LONG_AGO.isoformat(), DATE.isoformat(), "", {}).write(raw)
        return raw

    return write


@pytest.fixture
def everyone() -> Everyone:
    """The features of those names, for several customers as of the date."""

    def compute(
        raw: Path, who: list[str], *names: str, at: datetime = DATE
    ) -> dict[str, dict[str, float | None]]:
        spine = pa.table({"customer_id": who, "as_of": pa.array([at] * len(who), pa.timestamp("us", "UTC"))})
        with engine(raw, Machine(1)) as opened:
            (rows,) = (
                opened.arrow(wide(snapshot, [FEATURES[name] for name in names])).to_pylist()
                for snapshot in build.snapshots(opened, raw, spine)
            )
        return {row["customer_id"]: {name: row[name] for name in names} for row in rows}

    return compute


@pytest.fixture
def values(everyone: Everyone) -> Values:
    """The features of those names, for Ann as of the date."""
    return lambda raw, *names, at=DATE: everyone(raw, ["ann"], *names, at=at)["ann"]


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=NO_REDIS)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Both places online rows may lie; in Redis under a prefix of its own, removed afterwards."""
    home = tmp_path / "home"
    home.mkdir()
    if request.param == "sqlite":
        yield Settings(home=home)
        return
    import redis

    prefix = f"bank-test-{uuid.uuid4().hex}"
    yield Settings(home=home, online_store="redis", redis_url=REDIS, redis_prefix=prefix)
    with redis.Redis.from_url(str(REDIS)) as client:
        for key in redis_keys(prefix):
            client.delete(key)


def redis_keys(prefix: str) -> list[bytes]:
    """Every key under that prefix."""
    import redis

    with redis.Redis.from_url(str(REDIS)) as client:
        return list(client.scan_iter(f"{prefix}:*"))


def environment_of(place: Settings) -> dict[str, str]:
    """What a process of its own needs to find the same rows."""
    return {
        **os.environ,
        "BANK_HOME": str(place.home),
        "BANK_ONLINE_STORE": place.online_store,
        "BANK_REDIS_URL": place.redis_url.get_secret_value(),
        "BANK_REDIS_PREFIX": place.redis_prefix,
    }
