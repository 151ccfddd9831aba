import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo import errors
from feature_repo.build import snapshots
from feature_repo.engine import engine
from feature_repo.raw import history
from feature_repo.raw.history import Fate
from feature_repo.raw.ingest import ingest
from feature_repo.raw.landing import digest
from feature_repo.raw.source import Source
from feature_repo.settings import Machine

FIRST, LATER = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC)


def load(folder: Path, now: datetime = FIRST, **more) -> Source:
    home = folder.parent
    return ingest(folder, home / "raw", None, 0.5, now, home / "key", threads=1, **more)


def last(folder: Path) -> history.Load:
    return history.read(folder.parent / "raw")[-1]


def rows(folder: Path, table: str) -> list[dict]:
    return pq.read_table(folder.parent / "raw" / table).to_pylist()


def test_the_same_files_twice_change_nothing_and_are_told(files: Path):
    first = load(files)
    again = load(files, LATER)
    assert again == first
    assert again.digest == digest(files.parent / "raw")
    told = last(files)
    assert told.skipped == ("account_owners.csv", "accounts.csv", "bookings.csv", "customers.csv")
    assert (told.kind, told.tables) == ("added", {})


def test_a_file_that_only_looks_different_changes_nothing_row_by_row(files: Path):
    first = load(files)
    path = files / "bookings.csv"
    path.write_text(path.read_text().replace("7,CNY,7", "7.00,CNY,7.0").replace("\n", "\r\n"))
    again = load(files, LATER)
    assert (again.rows, again.files) == (first.rows, first.files)
    assert last(files).tables["bookings"] == Fate(3, 0, repeated=3)
    assert len(last(files).skipped) == 3


def test_new_rows_join_and_a_changed_one_is_a_correction_recorded_at_the_load(files: Path):
    first = load(files)
    path = files / "bookings.csv"
    path.write_text(path.read_text().replace("-20.50", "-21.50") + "B4,A2,2025-05-01,1,CNY,8,\n")
    again = load(files, LATER)
    assert last(files).tables["bookings"] == Fate(4, 2, repeated=2, corrected=1)
    versions = [row for row in rows(files, "bookings") if row["booking_id"] == "B2"]
    assert [(str(row["amount"]), row["recorded_at"]) for row in versions] == [
        ("-20.50", datetime(2024, 1, 7, tzinfo=UTC)), ("-21.50", LATER),
    ]  # fmt: skip
    (new,) = [row for row in rows(files, "bookings") if row["booking_id"] == "B4"]
    assert new["recorded_at"] == new["booked_at"]
    assert again.end > LATER
    assert again.rows["bookings"] == first.rows["bookings"] + 2
    assert again.totals["bookings.amount.CNY"] == "66.00"


def test_a_replay_of_an_old_file_does_not_undo_what_came_after(files: Path):
    load(files)
    path = files / "bookings.csv"
    old = path.read_text()
    path.write_text(old.replace("-20.50", "-21.50"))
    load(files, LATER)
    path.write_text(old + "\n")
    after = load(files, LATER)
    assert last(files).tables["bookings"] == Fate(3, 0, repeated=3)
    newest = max((row for row in rows(files, "bookings") if row["booking_id"] == "B2"),
                 key=lambda row: row["recorded_at"])  # fmt: skip
    assert str(newest["amount"]) == "-21.50"
    assert after.rows["bookings"] == 4


def test_a_delivery_of_one_table_joins_a_bank_that_has_the_others(files: Path):
    load(files)
    for table in ("customers", "accounts", "account_owners"):
        (files / f"{table}.csv").unlink()
    (files / "bookings.csv").write_text(
        "booking_id,account_id,booked_at,amount,currency\nB7,A1,2025-02-01,1,CNY\nB8,A9,2025-02-01,1,CNY\n"
    )
    load(files, LATER)
    assert last(files).tables == {"bookings": Fate(2, 1, quarantined=1)}
    assert list(last(files).reasons) == ["bookings.account_id|unknown reference|not in table accounts"]


def test_another_bank_replaces_the_one_before_and_fresh_does_so_too(files: Path):
    load(files)
    other = files.with_name("other")
    shutil.copytree(files, other)
    load(other)
    assert last(other).kind == "replaced"
    assert len(rows(other, "bookings")) == 3
    (other / "bookings.csv").write_text((other / "bookings.csv").read_text().replace("-20.50", "-21.50"))
    load(other, LATER, fresh=True)
    assert len(rows(other, "bookings")) == 3
    assert [one.kind for one in history.read(files.parent / "raw")] == ["first", "replaced", "replaced"]


def test_a_load_that_fails_in_the_middle_leaves_bank_and_history(files: Path):
    load(files)
    raw = files.parent / "raw"
    before = {path: path.read_bytes() for path in sorted(raw.rglob("*")) if path.is_file()}
    (files / "bookings.csv").write_text("booking_id,account_id\nB1,A1\n")
    with pytest.raises(errors.MissingColumns):
        load(files, LATER)
    assert {path: path.read_bytes() for path in sorted(raw.rglob("*")) if path.is_file()} == before


KILLED = """
import os, signal, sys
from pathlib import Path
from feature_repo.raw import ingest as module, history, landing
from tests.feature_repo.raw.test_incremental import LATER, load
def dying(*_):
    os.kill(os.getpid(), signal.SIGKILL)
setattr({"history": history, "landing": landing, "ingest": module}[sys.argv[2]], sys.argv[3], dying)
load(Path(sys.argv[1]), LATER)
"""


@pytest.mark.parametrize(("module", "step"), [
    pytest.param("ingest", "_write", id="while-writing"),
    pytest.param("landing", "_swap", id="before-the-swap"),
])  # fmt: skip
def test_a_killed_load_leaves_the_bank_of_before(files: Path, module: str, step: str):
    before = load(files)
    with (files / "bookings.csv").open("a") as file:
        file.write("B4,A2,2025-05-01,1,CNY,8,\n")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(files), module, step], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert Source.read(files.parent / "raw") == before
    assert load(files, LATER).rows["bookings"] == 4
    assert sorted(os.listdir(files.parent)) == ["bank", "key", "raw"]


SNAPSHOTS = """
name = "house"
base_currency = "EUR"
[sources.clients]
files = ["clients_*.csv"]
snapshot = { file = "clients_(\\\\d{8})", format = "%Y%m%d" }
[sources.contracts]
files = ["contracts_*.csv"]
snapshot = { column = "as_of" }
optional = true
[sources.moves]
files = ["moves.csv"]
[tables.customers]
from = "clients"
columns = { customer_id = "id", joined_at = "since", valid_from = "since", region = "region" }
[tables.accounts]
from = "clients"
[tables.accounts.columns]
account_id = "account"
valid_from = "since"
opened_at = "since"
currency = { constant = "EUR" }
[tables.account_owners]
from = "clients"
[tables.account_owners.columns]
account_id = "account"
customer_id = "id"
valid_from = "since"
role = { constant = "owner" }
[tables.bookings]
from = "moves"
[tables.bookings.columns]
booking_id = "id"
account_id = "account"
booked_at = "at"
amount = "amount"
currency = "unit"
[tables.loans]
from = "contracts"
[tables.loans.columns]
loan_id = "id"
customer_id = "client"
granted_at = "granted"
amount = "amount"
currency = { constant = "EUR" }
term_months = { constant = "12" }
status = "status"
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    folder = tmp_path / "house"
    folder.mkdir()
    (folder / "mapping.toml").write_text(SNAPSHOTS)
    (folder / "moves.csv").write_text("id,account,at,amount,unit\nM1,K1,2024-03-01,5,EUR\n")
    clients(folder, "20240131", "north")
    return folder


def clients(folder: Path, date: str, region: str, more: str = "") -> None:
    (folder / f"clients_{date}.csv").write_text(
        f"id,account,since,region\n1,K1,2023-05-01,{region}\n2,K2,2023-06-01,west\n{more}"
    )


def contracts(folder: Path, date: str, status: str) -> None:
    (folder / f"contracts_{date}.csv").write_text(
        f"id,client,granted,amount,status,as_of\nL1,1,2024-01-05,900,{status},{date}\n"
    )


def regions(folder: Path) -> list[tuple[str, str, str]]:
    """When which region of the first client's held, and when it was recorded."""
    first = next(row["customer_id"] for row in rows(folder, "customers") if row["region"] == "north")
    held = [row for row in rows(folder, "customers") if row["customer_id"] == first]
    return sorted(
        (f"{row['valid_from']:%Y-%m-%d}", row["region"], f"{row['recorded_at']:%Y-%m-%d}") for row in held
    )


def test_a_changed_row_of_a_snapshot_is_a_new_version_from_its_date_on(house: Path):
    load(house)
    clients(house, "20240229", "south")
    load(house, LATER)
    assert regions(house) == [("2023-05-01", "north", "2023-05-01"), ("2024-02-29", "south", "2025-06-01")]
    assert last(house).tables["customers"] == Fate(2, 1, repeated=1, corrected=1)
    assert last(house).snapshots["customers"] == ("2024-02-29T00:00:00+00:00",)


def test_several_snapshots_in_a_first_load_are_a_history(house: Path):
    clients(house, "20240229", "south")
    clients(house, "20240331", "south", "3,K3,2024-03-05,east\n")
    clients(house, "20240430", "north")
    load(house)
    assert regions(house) == [
        ("2023-05-01", "north", "2023-05-01"), ("2024-02-29", "south", "2024-02-29"),
        ("2024-04-30", "north", "2024-04-30"),
    ]  # fmt: skip
    assert last(house).tables["customers"] == Fate(9, 5, repeated=4)


def test_a_snapshot_loaded_late_does_not_reach_beyond_the_next_one(house: Path):
    load(house)
    clients(house, "20240331", "north")
    load(house, LATER)
    clients(house, "20240229", "south")
    load(house, LATER)
    assert [(since, region) for since, region, _ in regions(house)] == [
        ("2023-05-01", "north"), ("2024-02-29", "south"), ("2024-03-31", "north"),
    ]  # fmt: skip
    assert last(house).tables["customers"] == Fate(2, 1, repeated=1, corrected=1, restored=1)
    assert len(rows(house, "customers")) == Source.read(house.parent / "raw").rows["customers"]


def test_out_of_order_and_in_order_partitions_end_in_the_same_states(house: Path, tmp_path: Path):
    in_order = tmp_path / "second" / "house"
    shutil.copytree(house, in_order)
    dates = [("20240229", "south"), ("20240331", "south"), ("20240430", "north")]
    load(house)
    load(in_order)
    for date, region in dates:
        clients(in_order, date, region)
        load(in_order, LATER)
    for date, region in (dates[2], dates[0], dates[1]):
        clients(house, date, region)
        load(house, LATER)

    def state(folder: Path, date: str) -> str:
        return [region for since, region, _ in regions(folder) if since <= date][-1]

    for date in ("2024-02-01", "2024-03-15", "2024-04-15", "2024-05-15"):
        assert state(house, date) == state(in_order, date)


def test_events_of_snapshots_go_forth_and_back_and_an_old_one_does_not_count(house: Path):
    contracts(house, "2024-01-31", "running")
    load(house)
    for date, status in (("2024-02-29", "running_in_debt"), ("2024-03-31", "running")):
        contracts(house, date, status)
        load(house, LATER.replace(day=int(date[6])))
    states = [(row["status"], f"{row['recorded_at']:%Y-%m-%d}") for row in rows(house, "loans")]
    assert states == [
        ("running", "2024-01-05"), ("running_in_debt", "2025-06-02"), ("running", "2025-06-03"),
    ]  # fmt: skip
    contracts(house, "2024-02-15", "repaid")
    load(house, LATER.replace(day=4))
    assert last(house).tables["loans"] == Fate(1, 0, outdated=1)
    assert len(rows(house, "loans")) == 3


@pytest.mark.parametrize(("old", "new", "error", "words"), [
    pytest.param("clients_20240131", "clients_20249931", errors.BadMapping, "no date", id="no-such-day"),
    pytest.param("clients_20240131", "clients_x", errors.BadMapping, "no date as in", id="no-date"),
])  # fmt: skip
def test_a_snapshot_without_its_date_is_refused(house: Path, old: str, new: str, error, words: str):
    (house / f"{old}.csv").rename(house / f"{new}.csv")
    with pytest.raises(error, match=words):
        load(house)


def test_a_snapshot_as_of_a_date_sees_the_version_of_then(house: Path):
    load(house)
    clients(house, "20240229", "south")
    load(house, LATER)
    first = next(row["customer_id"] for row in rows(house, "customers") if row["region"] == "north")
    dates = [datetime(2025, 5, 31, tzinfo=UTC), datetime(2025, 6, 2, tzinfo=UTC)]
    asked = pa.table({"customer_id": [first] * 2, "as_of": pa.array(dates, pa.timestamp("us", "UTC"))})
    raw = house.parent / "raw"
    with engine(raw, Machine(1)) as opened:
        (seen,) = (
            opened.arrow(snapshot.see("customers").table).to_pylist()
            for snapshot in snapshots(opened, raw, asked)
        )
    assert {f"{row['as_of']:%Y-%m-%d}": row["region"] for row in seen} == {
        "2025-05-31": "north", "2025-06-02": "south",
    }  # fmt: skip


def test_a_folder_named_from_where_one_stands_is_the_same_bank(files: Path, monkeypatch: pytest.MonkeyPatch):
    load(files)
    monkeypatch.chdir(files)
    again = ingest(Path(), files.parent / "raw", None, 0.5, LATER, files.parent / "key", threads=1)
    assert again.name == "bank"
    assert last(files).kind == "added"
    assert last(files).tables == {}
