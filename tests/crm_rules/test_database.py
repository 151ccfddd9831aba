"""What a database gives away: not its password in an error, not its file to everybody of the machine."""

import os
import stat
from pathlib import Path

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
