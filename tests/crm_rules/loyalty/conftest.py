"""A database for the ledger, of either kind, in a place of its own."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from crm_rules.database import Database, Sqlite
from crm_rules.governance.heads import Heads
from crm_rules.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    if request.param == "sqlite":
        opened: Database = Sqlite(tmp_path / "ledger.db")
        yield opened
        opened.close()
        return
    url = os.environ.get("BANK_TEST_POSTGRES")
    if not url:
        pytest.skip("BANK_TEST_POSTGRES is not set")
    opened = Postgres(url, f"test_{uuid4().hex[:12]}")
    yield opened
    opened.ask(f"DROP SCHEMA IF EXISTS {opened.schema} CASCADE")
    opened.close()


@pytest.fixture
def heads(tmp_path: Path) -> Heads:
    return Heads(tmp_path / "heads")
