"""A decision log of either kind, and a home on either, in a place of its own."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from crm_rules.postgres import Postgres
from feature_repo.settings import Settings
from monitoring.decision_log import DecisionLogs, Record


def record(number: int, payload: bytes = b'{"pd": 0.1}') -> Record:
    return Record(f"d{number}", "2026-01-01T00:00:00Z", "credit", f"c{number % 3}", payload)


@pytest.fixture(params=["sqlite", "postgres"])
def logs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DecisionLogs]:
    """An empty place for logs."""
    folder, heads = tmp_path / "decisions", tmp_path / "heads"
    if request.param == "sqlite":
        yield DecisionLogs(folder, heads)
        return
    url = os.environ.get("BANK_TEST_POSTGRES")
    if not url:
        pytest.skip("BANK_TEST_POSTGRES is not set")
    made = DecisionLogs(folder, heads, url, f"test_{uuid4().hex[:12]}")
    yield made
    database = Postgres(url, made.schema)
    database.ask(f"DROP SCHEMA IF EXISTS {made.schema} CASCADE")
    database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """A home, and where PostgreSQL is, a database of its own."""
    if request.param == "sqlite":
        yield Settings(home=tmp_path)
        return
    url = os.environ.get("BANK_TEST_POSTGRES")
    if not url:
        pytest.skip("BANK_TEST_POSTGRES is not set")
    server, name = Postgres(url, "bank"), f"test_{uuid4().hex[:12]}"
    server.ask(f"CREATE DATABASE {name}")
    yield Settings(home=tmp_path, database=f"{url.rsplit('/', 1)[0]}/{name}")
    server.ask(f"DROP DATABASE {name} WITH (FORCE)")
    server.close()


@pytest.fixture
def written(logs: DecisionLogs) -> DecisionLogs:
    """Six decisions of one worker in two commits."""
    log = logs.open("worker-0")
    log.append([record(n) for n in range(5)])
    log.append([record(5)])
    log.close()
    return logs
