import errno
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from feature_repo import errors
from feature_repo.raw.contracts import BOOKINGS
from feature_repo.raw.identities import Keyed
from feature_repo.raw.ingest import ingest
from feature_repo.raw.source import Source

NOW = datetime(2025, 1, 1, tzinfo=UTC)


def load(files: Path, limit: float = 0.5, mapping: Path | None = None) -> Source:
    raw = files.parent / "raw"
    return ingest(files, raw, mapping, limit, NOW, files.parent / "keys" / "pseudonym.key", threads=1)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def quarantine(files: Path, table: str) -> list[dict]:
    return pq.read_table(files.parent / "raw" / "quarantine" / f"{table}.parquet").to_pylist()


def test_plain_tables_load_with_exact_types_and_counted_rows(files: Path):
    source = load(files)
    bookings = pq.read_table(files.parent / "raw" / "bookings")
    assert bookings.schema.equals(BOOKINGS.schema)
    assert source.rows == {"customers": 2, "accounts": 2, "account_owners": 2, "bookings": 3}
    assert source.totals["bookings.amount.CNY"] == "86.50"
    assert source == Source.read(files.parent / "raw")


def test_a_source_without_recording_time_takes_the_events_time(files: Path):
    load(files)
    rows = pq.read_table(files.parent / "raw" / "bookings").to_pylist()
    assert all(row["recorded_at"] == row["booked_at"] for row in rows)


def test_customers_get_pseudonyms_and_direct_identifiers_are_dropped_and_counted(files: Path):
    source = load(files)
    customers = pq.read_table(files.parent / "raw" / "customers")
    key = (files.parent / "keys" / "pseudonym.key").read_bytes()
    assert customers["customer_id"].to_pylist() == Keyed(key).pseudonyms("customer_id", ["17", "18"])
    assert source.totals["identifiers_dropped.customers.email"] == "1"
    assert b"example.org" not in b"".join(p.read_bytes() for p in (files.parent / "raw").rglob("*.parquet"))


def test_the_key_file_is_secret_and_a_second_load_gives_the_same_pseudonyms(files: Path):
    first = load(files)
    assert (files.parent / "keys" / "pseudonym.key").stat().st_mode & 0o777 == 0o600
    assert load(files) == first


@pytest.mark.parametrize(("table", "old", "new", "column", "value_class"), [
    pytest.param("bookings", "B3,A2", "B3,A9", "account_id", "unknown reference", id="unknown-account"),
    pytest.param("bookings", "2024-02-02", "2025-03-01", "booked_at", "future time", id="future-date"),
    pytest.param("bookings", "79.50,rent", "79.50,cheese", "category", "unknown code", id="unknown-code"),
    pytest.param("bookings", "B3,A2", ",A2", "booking_id", "null", id="null-key"),
    pytest.param("bookings", "7,CNY,7", "NaN,CNY,7", "amount", "not finite", id="nan"),
    pytest.param("bookings", "7,CNY,7", "inf,CNY,7", "amount", "not finite", id="infinity"),
    pytest.param("bookings", "7,CNY,7", "seven,CNY,7", "amount", "text", id="text-for-money"),
    pytest.param("customers", "18,2024", ",2024", "customer_id", "null", id="customer-without-id"),
])  # fmt: skip
def test_a_row_that_breaks_its_contract_is_set_aside_by_class_never_by_value(
    files: Path, table: str, old: str, new: str, column: str, value_class: str
):
    edit(files / f"{table}.csv", old, new)
    source = load(files)
    (fault,) = quarantine(files, table)
    assert (fault["column"], fault["value_class"]) == (column, value_class)
    assert set(fault) == {"file", "row", "column", "value_class", "reason"}
    assert fault["file"] == f"{table}.csv"
    assert "cheese" not in str(fault)
    assert "seven" not in str(fault)
    assert source.quarantined[table] == 1


def test_the_quarantine_names_the_row_of_the_file(files: Path):
    edit(files / "bookings.csv", "B2,A1", "B2,A9")
    load(files)
    assert [fault["row"] for fault in quarantine(files, "bookings")] == [2]


def test_too_many_bad_rows_stop_the_load_and_name_the_worst_reason(files: Path):
    edit(files / "bookings.csv", "B3,A2", "B3,A9")
    with pytest.raises(errors.TooManyBadRows, match=r"1 of 3 rows.*account_id.*unknown reference"):
        load(files, limit=0.01)
    assert not (files.parent / "raw").exists()


@pytest.mark.parametrize(("change", "error", "words"), [
    pytest.param(lambda f: (f / "bookings.csv").unlink(),
        errors.MissingTable, "'bookings'", id="missing-table"),
    pytest.param(lambda f: edit(f / "bookings.csv", "amount", "sum"),
        errors.MissingColumns, "amount", id="missing-column"),
    pytest.param(lambda f: (f / "bookings.csv").write_text(
        "booking_id,account_id,booked_at,amount,currency\n"),
        errors.EmptyTable, "bookings", id="empty-table"),
    pytest.param(lambda f: (f / "bookings.csv").write_text(
        "booking_id,account_id,booked_at,amount,currency\nB1,A1,2024-01-06,ten,CNY\n"),
        errors.WrongType, "amount", id="wrong-type"),
    pytest.param(lambda f: edit(f / "bookings.csv", "B3,A2", "B2,A1"),
        None, "", id="another-time-is-a-correction"),
    pytest.param(lambda f: edit(f / "bookings.csv", "B3,A2,2024-02-02", "B2,A1,2024-01-07"),
        errors.ConflictingRows, "booking_id", id="same-key-and-time-other-content"),
    pytest.param(lambda f: (f / "bookings.csv").write_bytes(b"\x80\x81\x82,\xff\n\xfe,1"),
        errors.BankError, "bookings", id="not-text"),
])  # fmt: skip
def test_a_broken_table_stops_the_load_with_one_sentence(files: Path, change, error, words: str):
    change(files)
    if error is None:
        assert load(files).rows["bookings"] == 3
        return
    with pytest.raises(error, match=words) as caught:
        load(files)
    assert "\n" not in str(caught.value)
    assert not (files.parent / "raw").exists()


def test_a_repeated_row_is_dropped_and_counted(files: Path):
    with (files / "bookings.csv").open("a") as file:
        file.write("B3,A2,2024-02-02,7,CNY,7,\n")
    source = load(files)
    assert source.rows["bookings"] == 3
    assert source.totals["bookings.repeated"] == "1"


def test_a_load_that_fails_leaves_the_bank_of_before(files: Path):
    before = load(files)
    edit(files / "bookings.csv", "amount", "sum")
    with pytest.raises(errors.MissingColumns):
        load(files)
    assert Source.read(files.parent / "raw") == before
    assert [path.name for path in files.parent.iterdir() if path.name.startswith(".")] == []


def test_a_full_disk_is_told_and_nothing_half_written_stays(files: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("feature_repo.raw.ingest.pq.ParquetWriter", full)
    with pytest.raises(errors.NoSpace):
        load(files)
    assert sorted(path.name for path in files.parent.iterdir()) == ["bank", "keys"]


MAPPING = """
name = "house"
base_currency = "EUR"
ends = 2024-02-02
[sources.kunden]
files = ["kunden.txt"]
delimiter = "|"
encoding = "latin-1"
direct = ["ort"]
[sources.umsatz]
files = ["umsatz*.csv"]
[tables.customers]
from = "kunden"
[tables.customers.columns]
customer_id = "nr"
valid_from = { column = "seit", format = "%d.%m.%Y" }
joined_at = { column = "seit", format = "%d.%m.%Y" }
party_type = { column = "art", codes = { P = "person", F = "company" } }
[tables.accounts]
from = "kunden"
[tables.accounts.columns]
account_id = "konto"
valid_from = { column = "seit", format = "%d.%m.%Y" }
opened_at = { column = "seit", format = "%d.%m.%Y" }
currency = { constant = "EUR" }
[tables.account_owners]
from = "kunden"
[tables.account_owners.columns]
account_id = "konto"
customer_id = "nr"
valid_from = { column = "seit", format = "%d.%m.%Y" }
role = { constant = "owner" }
[tables.bookings]
from = "umsatz"
[tables.bookings.columns]
booking_id = { sql = "konto || '-' || _row" }
account_id = "konto"
booked_at = "tag"
amount = { column = "cent", unit = 0.01 }
currency = { constant = "EUR" }
category = { column = "zweck", codes = { Lohn = "salary" }, otherwise = "other" }
[control]
"bookings.amount.EUR" = "12.34"
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    folder = tmp_path / "house"
    folder.mkdir()
    (folder / "mapping.toml").write_text(MAPPING)
    (folder / "kunden.txt").write_bytes("nr|konto|seit|art|ort\n1|K1|31.12.2023|P|Köln\n".encode("latin-1"))
    (folder / "umsatz1.csv").write_text(
        "konto,tag,cent,zweck\nK1,2024-01-31,2234,Lohn\nK1,2024-02-01,-1000,Kino\n"
    )
    return folder


def test_a_mapping_renames_translates_converts_and_fills(house: Path):
    source = load(house)
    rows = pq.read_table(house.parent / "raw" / "bookings").to_pylist()
    assert [(row["booking_id"], str(row["amount"]), row["category"]) for row in rows] == [
        ("K1-1", "22.34", "salary"),
        ("K1-2", "-10.00", "other"),
    ]
    assert source.totals["identifiers_dropped.kunden.ort"] == "1"
    assert (source.base_currency, source.ends) == ("EUR", "2024-02-02T00:00:00+00:00")


def test_the_sources_own_totals_must_agree(house: Path):
    edit(house / "umsatz1.csv", "2234", "2235")
    with pytest.raises(errors.NotReconciled, match=r"should be 12\.34, but is 12\.35"):
        load(house)


def test_a_time_at_the_end_given_by_the_mapping_is_the_future(house: Path):
    edit(house / "umsatz1.csv", "2024-02-01", "2024-02-02")
    edit(house / "mapping.toml", '"12.34"', '"22.34"')
    load(house)
    assert quarantine(house, "bookings")[0]["value_class"] == "future time"


@pytest.mark.parametrize(("old", "new", "words"), [
    pytest.param("[tables.bookings]", "[tables.wishes]", "no raw table 'wishes'", id="unknown-table"),
    pytest.param("category =", "colour =", "no column .*colour", id="unknown-column"),
    pytest.param('"umsatz"', "\"(from read_text('/etc/passwd'))\"", "disabled", id="reads-elsewhere"),
    pytest.param("name =", "name", "line", id="not-toml"),
])  # fmt: skip
def test_a_mapping_that_cannot_be_applied_says_why(house: Path, old: str, new: str, words: str):
    edit(house / "mapping.toml", old, new)
    with pytest.raises(errors.BadMapping, match=words):
        load(house)
