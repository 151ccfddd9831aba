"""What a database gives away: not its password in an error, not its file to everybody of the machine."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from crm_rules.database import Sqlite
from crm_rules.errors import DatabaseUnavailable
from crm_rules.postgres import Postgres

MALFORMED = [
    "bank:s3cret@host/db",
    "postgresql://bank:s3cret@[::1/db",
    "postgresql://bank:s3%zzcret@host/db",
    "postgresql://bank:s3 cret@host/db",
    "host=127.0.0.1 password=s3cret port='",
    "postgresql://bank:s3cret@127.0.0.1:1/db",
]


@pytest.mark.parametrize("url", MALFORMED)
def test_an_address_that_does_not_work_is_named_without_its_password(url: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(DatabaseUnavailable) as refused:
        Postgres(url, "bank")
    assert "s3" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_database_and_its_companions_are_written_by_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = Sqlite(tmp_path / "journal.db")
        made.create("CREATE TABLE t (a INTEGER);")
        files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        made.close()
    finally:
        os.umask(before)
    assert files == dict.fromkeys(("journal.db", "journal.db-wal", "journal.db-shm"), 0o640)


@pytest.mark.parametrize("replaced", [pytest.param(False, id="removed"), pytest.param(True, id="replaced")])
def test_nothing_is_written_into_a_file_that_is_not_there_any_more(tmp_path: Path, replaced: bool) -> None:
    made = Sqlite(tmp_path / "journal.db")
    made.create("CREATE TABLE t (a INTEGER);")
    for path in tmp_path.iterdir():
        path.rename(path.with_suffix(".old"))
    if replaced:
        Sqlite(tmp_path / "journal.db").close()
    with pytest.raises(DatabaseUnavailable, match="removed or replaced"), made.transaction():
        made.write("INSERT INTO t VALUES (?)", [(1,)])
    made.close()


@pytest.fixture
def server() -> Iterator[tuple[str, str]]:
    """The address of a server, and a schema of one's own with a table."""
    url, schema = os.environ.get("BANK_TEST_POSTGRES"), f"test_{uuid4().hex[:12]}"
    if not url:
        pytest.skip("BANK_TEST_POSTGRES is not set")
    made = Postgres(url, schema)
    made.create("CREATE TABLE t (a INTEGER);")
    yield url, schema
    made.ask(f"DROP SCHEMA {schema} CASCADE")
    made.close()


def test_a_connection_that_ended_is_opened_again(server: tuple[str, str]) -> None:
    database = Postgres(*server)
    with pytest.raises(DatabaseUnavailable):
        database.ask("SELECT pg_terminate_backend(pg_backend_pid())")
    with database.transaction():
        database.write("INSERT INTO t VALUES (?)", [(1,)])
        database.ask("SELECT 1")
    assert database.ask("SELECT a FROM t") == [(1,)]
    database.close()
    with pytest.raises(DatabaseUnavailable):
        database.ask("SELECT 1")


def written_around_an_end(database: Postgres) -> None:
    with database.transaction():
        database.write("INSERT INTO t VALUES (?)", [(1,)])
        with suppress(DatabaseUnavailable):
            database.ask("SELECT pg_terminate_backend(pg_backend_pid())")
        database.write("INSERT INTO t VALUES (?)", [(2,)])


def test_what_a_connection_that_ended_in_it_had_written_is_not_there(server: tuple[str, str]) -> None:
    database = Postgres(*server)
    with pytest.raises(DatabaseUnavailable):
        written_around_an_end(database)
    assert database.ask("SELECT a FROM t") == []
    database.close()


def test_nobody_waits_longer_for_a_lock_than_asked(server: tuple[str, str]) -> None:
    database, other = Postgres(*server, wait=0.1), Postgres(*server)
    with other.transaction(), pytest.raises(DatabaseUnavailable, match="lock timeout"):
        database.create("CREATE TABLE u (a INTEGER);")
    database.create("CREATE TABLE u (a INTEGER);")
    database.close()
    other.close()


def test_a_server_that_says_nothing_is_given_up(server: tuple[str, str]) -> None:
    database = Postgres(*server, wait=0.1)
    with pytest.raises(DatabaseUnavailable):
        database.ask("SELECT pg_sleep(600)")
    assert database.ask("SELECT 1") == [(1,)]
    assert len(list(database.stream("SELECT pg_sleep(0.1) FROM generate_series(1, 4)"))) == 4
    database.close()
