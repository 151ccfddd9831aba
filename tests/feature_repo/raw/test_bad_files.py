"""Every bad input once, through the real load: a counted reason or one clear sentence, no silent loss."""

import csv
import gzip
import os
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_repo import errors
from feature_repo.raw import history
from feature_repo.raw.ingest import ingest
from feature_repo.raw.mapping import LeavesTheFolder
from feature_repo.raw.reading import StillWriting
from feature_repo.raw.source import Source
from feature_repo.raw.staging import Staging
from tests.feature_repo.raw.conftest import FILES

NOW = datetime(2025, 1, 1, tzinfo=UTC)
HEADER = "booking_id,account_id,booked_at,amount,currency,category\n"
GOOD = "".join(f"B{n},A1,2024-03-{n:02d},{n}.50,CNY,rent\n" for n in range(1, 11))
MAPPING = """
name = "bank"
base_currency = "CNY"
{top}
[sources.customers]
files = ["customers.csv"]
[sources.accounts]
files = ["accounts.csv"]
[sources.account_owners]
files = ["account_owners.csv"]
[sources.bookings]
files = ["bookings*"]
{source}
[tables.customers]
from = "customers"
[tables.customers.columns]
customer_id = "customer_id"
valid_from = "valid_from"
joined_at = "joined_at"
[tables.accounts]
from = "accounts"
[tables.accounts.columns]
account_id = "account_id"
valid_from = "valid_from"
opened_at = "opened_at"
currency = "currency"
[tables.account_owners]
from = "account_owners"
[tables.account_owners.columns]
account_id = "account_id"
customer_id = "customer_id"
valid_from = "valid_from"
role = "role"
[tables.bookings]
from = "bookings"
{where}
[tables.bookings.columns]
booking_id = "booking_id"
account_id = "account_id"
currency = "currency"
category = "category"
booked_at = {booked_at}
amount = {amount}
"""


def write(content: str | bytes, name: str = "bookings.csv") -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "bookings.csv").unlink(missing_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return change


def mapped(
    content: str | bytes, booked_at: str = '"booked_at"', amount: str = '"amount"', source: str = "",
    top: str = "", name: str = "bookings.csv", where: str = "",
) -> Callable[[Path], None]:  # fmt: skip
    def change(folder: Path) -> None:
        write(content, name)(folder)
        given = {"booked_at": booked_at, "amount": amount, "source": source, "top": top, "where": where}
        (folder / "mapping.toml").write_text(MAPPING.format(**given))

    return change


def row(
    booked_at: str = "2024-03-20", amount: str = "7.00", number: str = "X", category: str = "rent"
) -> str:
    return f"{number},A1,{booked_at},{amount},CNY,{category}\n"


def load(files: Path, limit: float = 0.5) -> Source:
    raw = files.parent / "raw"
    return ingest(files, raw, None, limit, NOW, files.parent / "key", threads=1)


def bookings(files: Path) -> dict[str, dict]:
    rows = pq.read_table(files.parent / "raw" / "bookings").to_pylist()
    return {row["booking_id"]: row for row in rows}


def zstd(text: str) -> bytes:
    return pa.compress(text.encode(), codec="zstd", asbytes=True)


NOTED = '{{ column = "amount", decimal = ",", thousands = "." }}'.replace("{{", "{").replace("}}", "}")
EPOCH = '{ column = "booked_at", epoch = "s" }'
DAY_FIRST = '{ column = "booked_at", format = ["%d/%m/%Y", "%d.%m.%Y"] }'
CHINESE = (HEADER.replace("category", "备注") + row(category="房租") + GOOD).encode("gb18030")

WHOLE = [
    pytest.param(write(b"\xef\xbb\xbf" + (HEADER + GOOD).encode()), 10, id="utf-8-with-bom"),
    pytest.param(write((HEADER + GOOD).encode("utf-16")), 10, id="utf-16"),
    pytest.param(write(b"\xfe\xff" + (HEADER + GOOD).encode("utf-16-be")), 10, id="utf-16-big-endian"),
    pytest.param(mapped(CHINESE, source='encoding = "gb18030"'), 11, id="gb18030"),
    pytest.param(
        mapped((HEADER + row(category="rent") + GOOD).encode("iso8859-2"), source='encoding = "latin-2"'),
        11,
        id="latin-2",
    ),
    pytest.param(write((HEADER + GOOD).replace("\n", "\r\n")), 10, id="windows-line-ends"),
    pytest.param(write((HEADER + GOOD).replace("\n", "\r")), 10, id="old-mac-line-ends"),
    pytest.param(write(HEADER + GOOD.replace("\n", "\r\n", 5)), 10, id="mixed-line-ends"),
    pytest.param(write(HEADER + GOOD[:-1]), 10, id="no-last-line-end"),
    pytest.param(write(HEADER + "\n" + GOOD + "\n\n"), 10, id="empty-lines"),
    pytest.param(
        write(HEADER + '"B""1\n2",A1,2024-03-20,1,CNY,rent\n' + GOOD), 11, id="quote-and-line-end-in-a-cell"
    ),
    pytest.param(write(gzip.compress((HEADER + GOOD).encode()), "bookings.csv.gz"), 10, id="gzip"),
    pytest.param(write(zstd(HEADER + GOOD), "bookings.csv.zst"), 10, id="zstandard"),
    pytest.param(
        write(zstd((HEADER + GOOD).replace("\n", "\r\n", 3)), "bookings.csv.zst"),
        10,
        id="zstandard-with-mixed-line-ends",
    ),
    pytest.param(
        write(
            "category,currency,amount,booked_at,account_id,booking_id\n"
            + "".join(",".join(reversed(line.split(","))) + "\n" for line in GOOD.splitlines())
        ),
        10,
        id="moved-columns",
    ),
    pytest.param(write(HEADER.upper() + GOOD), 10, id="upper-case-names"),
]


@pytest.mark.parametrize(("change", "rows"), WHOLE)
def test_what_is_only_written_differently_loads_whole(files: Path, change, rows: int):
    change(files)
    source = load(files)
    assert (source.rows["bookings"], source.quarantined) == (rows, {})
    assert str(bookings(files)["B3"]["amount"]) == "3.50"


VALUES = [
    pytest.param(
        mapped(HEADER + row(amount='"1.234.567,89"'), amount=NOTED),
        "amount",
        "1234567.89",
        id="decimal-comma-and-thousand-points",
    ),
    pytest.param(
        mapped(HEADER + row(amount="-12"), amount=NOTED), "amount", "-12.00", id="no-decimals-at-all"
    ),
    pytest.param(
        mapped(
            HEADER + row(amount='"1 234,5"'), amount='{ column = "amount", decimal = ",", thousands = " " }'
        ),
        "amount",
        "1234.50",
        id="space-between-thousands",
    ),
    pytest.param(write(HEADER + row(amount="１２３．４５")), "amount", "123.45", id="full-width-number"),
    pytest.param(
        write(HEADER + row("２０２４－０３－０５")),
        "booked_at",
        "2024-03-05 00:00:00+00:00",
        id="full-width-date",
    ),
    pytest.param(write(HEADER + row(category="ｒｅｎｔ")), "category", "rent", id="full-width-code"),
    pytest.param(
        mapped(HEADER + row("31/01/2024"), booked_at=DAY_FIRST),
        "booked_at",
        "2024-01-31 00:00:00+00:00",
        id="first-format",
    ),
    pytest.param(
        mapped(HEADER + row("31.01.2024"), booked_at=DAY_FIRST),
        "booked_at",
        "2024-01-31 00:00:00+00:00",
        id="second-format",
    ),
    pytest.param(
        mapped(HEADER + row("1709294400"), booked_at=EPOCH),
        "booked_at",
        "2024-03-01 12:00:00+00:00",
        id="epoch-seconds",
    ),
    pytest.param(
        mapped(HEADER + row("1709294400123"), booked_at=EPOCH.replace('"s"', '"ms"')),
        "booked_at",
        "2024-03-01 12:00:00.123000+00:00",
        id="epoch-milliseconds",
    ),
    pytest.param(
        mapped(HEADER + row("2024-07-01 00:30:00"), top='time_zone = "Europe/Berlin"'),
        "booked_at",
        "2024-06-30 22:30:00+00:00",
        id="naive-time-takes-the-zone",
    ),
    pytest.param(
        mapped(HEADER + row("2024-07-01T00:30:00+05:00"), top='time_zone = "Europe/Berlin"'),
        "booked_at",
        "2024-06-30 19:30:00+00:00",
        id="aware-time-keeps-its-own",
    ),
    pytest.param(
        mapped(HEADER + row("2024-07-01T00:30:00Z"), top='time_zone = "Asia/Shanghai"'),
        "booked_at",
        "2024-07-01 00:30:00+00:00",
        id="aware-in-utc",
    ),
    pytest.param(
        mapped(HEADER + row(amount="50"), amount='{ column = "amount", unit = 0.01 }'),
        "amount",
        "0.50",
        id="unit",
    ),
]


@pytest.mark.parametrize(("change", "column", "value"), VALUES)
def test_a_value_is_read_as_the_mapping_says(files: Path, change, column: str, value: str):
    change(files)
    load(files)
    assert str(bookings(files)["X"][column]) == value


SET_ASIDE = [
    pytest.param(
        write(HEADER + row(amount='"1.234,56"') + GOOD),
        "number with thousands separators",
        id="thousands-unsaid",
    ),
    pytest.param(
        write(HEADER + row(amount='"12,5"') + GOOD), "number with decimal comma", id="decimal-comma-unsaid"
    ),
    pytest.param(
        mapped(HEADER + row(amount="1.5") + GOOD.replace(".50", ""), amount=NOTED),
        "number in another format",
        id="a-point-that-groups-no-thousand",
    ),
    pytest.param(
        write(HEADER + row(amount="99999999999999999999") + GOOD), "too large", id="more-than-there-is"
    ),
    pytest.param(write(HEADER + row(amount="=cmd()") + GOOD), "formula", id="formula-for-money"),
    pytest.param(write(HEADER + row(category="=cmd()") + GOOD), "unknown code", id="formula-for-a-code"),
    pytest.param(write(HEADER + row(amount="2024-01-01") + GOOD), "date", id="date-for-money"),
    pytest.param(write(HEADER + row(amount="ten") + GOOD), "text", id="text-for-money"),
    pytest.param(write(HEADER + row("0000-00-00") + GOOD), "impossible date", id="zero-date"),
    pytest.param(write(HEADER + row("2024-02-30") + GOOD), "impossible date", id="30-february"),
    pytest.param(
        mapped(HEADER + row("31/02/2024") + GOOD, booked_at=DAY_FIRST), "impossible date", id="31/02"
    ),
    pytest.param(write(HEADER + row("31/01/2024") + GOOD), "date in another format", id="format-unsaid"),
    pytest.param(write(HEADER + row("1709294400") + GOOD), "number", id="epoch-unsaid"),
    pytest.param(write(HEADER + row("9999-12-31") + GOOD), "out of range", id="year-9999"),
    pytest.param(write(HEADER + row("1899-12-30") + GOOD), "out of range", id="spreadsheet-zero"),
    pytest.param(write(HEADER + row("infinity") + GOOD), "out of range", id="infinite-time"),
    pytest.param(write(HEADER + row("2025-01-01") + GOOD), "future time", id="future"),
    pytest.param(
        mapped(
            HEADER
            + row("1709294400000")
            + "".join(row(str(1709294400 + n), number=f"E{n}") for n in range(9)),
            booked_at=EPOCH,
        ),
        "out of range",
        id="milliseconds-for-seconds",
    ),
    pytest.param(
        mapped(
            HEADER
            + row("1709294400")
            + "".join(row(str(1709294400000 + n), number=f"E{n}") for n in range(9)),
            booked_at=EPOCH.replace('"s"', '"ms"'),
        ),
        "out of range",
        id="seconds-for-milliseconds",
    ),
    pytest.param(
        mapped(
            HEADER + row("9999-12-31") + GOOD, booked_at='{ column = "booked_at", missing = ["9999-12-31"] }'
        ),
        "null",
        id="a-stand-in-for-none",
    ),
    pytest.param(write(HEADER + row(number="X" * 300) + GOOD), "too long", id="long-identifier"),
    pytest.param(write(HEADER + "X,A1,2024-03-20\n" + GOOD), "too few cells", id="too-few-cells"),
    pytest.param(
        write(HEADER + "X,A1,2024-03-20,1,000.00,CNY,rent\n" + GOOD), "too many cells", id="too-many-cells"
    ),
    pytest.param(
        write(HEADER + '"X"Y,A1,2024-03-20,1,CNY,rent\n' + GOOD), "broken quotes", id="broken-quotes"
    ),
    pytest.param(
        write((HEADER + row(category="rentü") + GOOD).encode("latin-1")),
        "undecodable bytes",
        id="latin-1-said-to-be-utf-8",
    ),
    pytest.param(
        mapped(
            (HEADER + GOOD).encode("gb18030") + b"X,A1,2024-03-20,1,CNY,\xff\xff\n",
            source='encoding = "gb18030"',
        ),
        "undecodable bytes",
        id="not-gb18030",
    ),
    pytest.param(write(HEADER + row(number="X\0") + GOOD), "NUL byte", id="nul"),
]


@pytest.mark.parametrize(("change", "value_class"), SET_ASIDE)
def test_a_row_that_cannot_be_kept_is_counted_by_reason(files: Path, change, value_class: str):
    change(files)
    source = load(files)
    assert source.quarantined == {"bookings": 1}
    (fault,) = pq.read_table(files.parent / "raw" / "quarantine" / "bookings.parquet").to_pylist()
    assert (fault["file"], fault["value_class"]) == ("bookings.csv", value_class)
    assert fault["row"] == (11 if b"\xff\xff" in (files / "bookings.csv").read_bytes() else 1)
    (load_,) = history.read(files.parent / "raw")
    assert list(load_.reasons.values()) == [1]
    fate = load_.tables["bookings"]
    assert fate.read == fate.kept + fate.repeated + fate.quarantined


def test_row_numbers_stay_right_around_what_is_set_aside(files: Path):
    lines = GOOD.splitlines(keepends=True)
    lines[2], lines[5], lines[8] = (
        "B3,A1\n",
        lines[5].replace("rent", "cheese"),
        "B9,A1,2024-02-30,1,CNY,rent\n",
    )
    write(HEADER + "\n".join(["", *lines[:1]]) + "".join(lines[1:]))(files)
    load(files)
    faults = pq.read_table(files.parent / "raw" / "quarantine" / "bookings.parquet").to_pylist()
    assert sorted((fault["row"], fault["value_class"]) for fault in faults) == [
        (3, "too few cells"), (6, "unknown code"), (9, "impossible date"),
    ]  # fmt: skip


def test_row_numbers_count_in_each_file_of_a_source(files: Path):
    mapped(HEADER + GOOD)(files)
    (files / "bookings2.csv").write_text(HEADER + row(number="N1") + row(number="N2", category="cheese"))
    load(files)
    (fault,) = pq.read_table(files.parent / "raw" / "quarantine" / "bookings.parquet").to_pylist()
    assert (fault["file"], fault["row"]) == ("bookings2.csv", 2)


def test_a_column_moved_in_a_later_file_is_found_by_its_name(files: Path):
    mapped(HEADER + GOOD)(files)
    (files / "bookings2.csv").write_text(
        "amount,booking_id,account_id,booked_at,currency,category\n9,N1,A1,2024-03-01,CNY,fee\n"
    )
    load(files)
    assert str(bookings(files)["N1"]["amount"]) == "9.00"


def test_formula_cells_are_text_and_counted(files: Path):
    path = files / "customers.csv"
    path.write_text(
        "customer_id,valid_from,joined_at,region\n17,2024-01-05,2024-01-05,=1+1\n18,2024-02-01,2024-02-01,-5\n"
    )
    load(files)
    regions = pq.read_table(files.parent / "raw" / "customers")["region"].to_pylist()
    assert regions == ["=1+1", "-5"]
    assert history.read(files.parent / "raw")[-1].formulas == {"customers.region": 1}


def parquet(folder: Path) -> Path:
    (folder / "bookings.csv").unlink()
    return folder / "bookings.parquet"


TABLE = pa.table({
    "booking_id": [f"B{n}" for n in range(1, 11)], "account_id": ["A1"] * 10,
    "booked_at": ["2024-03-01"] * 10, "amount": [f"{n}.50" for n in range(1, 11)], "currency": ["CNY"] * 10,
    "category": ["rent"] * 10,
})  # fmt: skip


def test_statistics_that_lie_lose_no_row(files: Path):
    mapped("", where="where = \"kind = 'k?k?'\"", name="bookings.parquet")(files)
    path = files / "bookings.parquet"
    kinds = TABLE.append_column("kind", pa.array(["k?k?"] * 10))
    pq.write_table(kinds, path, use_dictionary=False, compression="none")
    content = path.read_bytes()
    footer = content.rindex(b"rent") - 400
    assert content[footer:].count(b"k?k?") >= 2
    path.write_bytes(content[:footer] + content[footer:].replace(b"k?k?", b"z?z?"))
    claimed = pq.read_metadata(path).row_group(0).column(6).statistics
    assert claimed.min == "z?z?"
    assert load(files).rows["bookings"] == 10


def test_a_dictionary_as_large_as_the_table_loads(files: Path):
    long = pa.array([f"{n:05d}" + "x" * 150 for n in range(20_000)])
    many = pa.table({
        "booking_id": long, "account_id": ["A1"] * 20_000, "booked_at": ["2024-03-01"] * 20_000,
        "amount": ["1.00"] * 20_000, "currency": ["CNY"] * 20_000,
    })  # fmt: skip
    pq.write_table(many, parquet(files), use_dictionary=True, dictionary_pagesize_limit=1 << 30)
    assert load(files).rows["bookings"] == 20_000


def encrypted(folder: Path) -> None:
    pq.write_table(TABLE, parquet(folder))
    content = (folder / "bookings.parquet").read_bytes()
    (folder / "bookings.parquet").write_bytes(b"PARE" + content[4:-4] + b"PARE")


def cut(folder: Path) -> None:
    pq.write_table(TABLE, parquet(folder))
    content = (folder / "bookings.parquet").read_bytes()
    (folder / "bookings.parquet").write_bytes(content[: len(content) // 2])


def linked(folder: Path) -> None:
    outside = folder.parent / "outside.csv"
    (folder / "bookings.csv").rename(outside)
    (folder / "bookings.csv").symlink_to(outside)


def renamed_in_one_file(folder: Path) -> None:
    mapped(HEADER + GOOD)(folder)
    (folder / "bookings2.csv").write_text((HEADER + row()).replace("amount", "sum"))


REFUSED = [
    pytest.param(
        write(",".join(f"c{n}" for n in range(1_000_000)) + "\n1\n"),
        errors.UnreadableFile,
        "1,000,000 columns, more than 2,000",
        id="a-million-columns",
    ),
    pytest.param(
        write(HEADER + GOOD + "X,A1,2024-03-20,1,CNY," + "x" * 100_000_000 + "\n"),
        errors.UnreadableFile,
        "row 11 of bookings.csv has a cell of more than 1,000,000 characters",
        id="a-cell-of-100-mb",
    ),
    pytest.param(
        write(HEADER + GOOD + '"X,A1,2024-03-20,1,CNY,rent\n'),
        errors.UnreadableFile,
        "row 11 of bookings.csv begins a quote that is never closed",
        id="a-quote-never-closed",
    ),
    pytest.param(write(HEADER), errors.EmptyTable, "'bookings' has no rows", id="zero-rows"),
    pytest.param(write(b""), errors.EmptyTable, "'bookings' has no rows", id="zero-bytes"),
    pytest.param(
        write(HEADER.replace("category", "amount") + GOOD),
        errors.UnreadableFile,
        "two columns of bookings.csv are named 'amount'",
        id="duplicate-header",
    ),
    pytest.param(
        write((HEADER + GOOD).replace("amount", "sum")),
        errors.MissingColumns,
        r"lacks \['amount'\]",
        id="renamed-column",
    ),
    pytest.param(
        renamed_in_one_file, errors.MissingColumns, "'bookings2.csv' lacks", id="renamed-in-one-file"
    ),
    pytest.param(
        write(HEADER + GOOD.replace(".50", " yuan")),
        errors.WrongType,
        "'amount' of table 'bookings' should be money, but is text",
        id="number-became-text",
    ),
    pytest.param(
        write(HEADER + GOOD.replace("2024-", "")), errors.WrongType, "'booked_at'", id="dates-became-text"
    ),
    pytest.param(
        write(HEADER + GOOD + "X,A1,2024-03"),
        StillWriting,
        "its last line ends within a row",
        id="half-written",
    ),
    pytest.param(
        write(gzip.compress((HEADER + GOOD * 50).encode())[:-30], "bookings.csv.gz"),
        StillWriting,
        "cut off",
        id="half-a-gzip",
    ),
    pytest.param(write(HEADER + GOOD, "bookings.csv.gz"), StillWriting, "not gzip at all", id="no-gzip"),
    pytest.param(linked, LeavesTheFolder, "is a link that leaves", id="link-to-elsewhere"),
    pytest.param(
        encrypted,
        errors.UnreadableFile,
        "bookings.parquet is no Parquet file that can be read",
        id="encrypted",
    ),
    pytest.param(cut, errors.UnreadableFile, "bookings.parquet is no Parquet file", id="half-a-parquet-file"),
    pytest.param(
        mapped(HEADER + GOOD, source='encoding = "klingon"'),
        errors.BadMapping,
        "no encoding 'klingon'",
        id="unknown-encoding",
    ),
    pytest.param(
        mapped(HEADER + GOOD, top='time_zone = "Mars/North"'),
        errors.BadMapping,
        "no time zone 'Mars/North'",
        id="unknown-zone",
    ),
    pytest.param(
        mapped(HEADER + GOOD, booked_at=EPOCH.replace('"s"', '"h"')),
        errors.BadMapping,
        "epoch is one of",
        id="unknown-epoch",
    ),
    pytest.param(
        mapped(HEADER + GOOD, source='delimiter = "|"'), errors.MissingColumns, "lacks", id="wrong-separator"
    ),
]


@pytest.mark.parametrize(("change", "error", "words"), REFUSED)
def test_a_file_that_cannot_be_loaded_is_refused_in_one_sentence(files: Path, change, error, words: str):
    change(files)
    with pytest.raises(error, match=words) as caught:
        load(files)
    assert "\n" not in str(caught.value)
    assert not (files.parent / "raw").exists()
    assert [path.name for path in files.parent.iterdir() if path.name.startswith(".")] == []


def test_a_file_that_grows_while_it_is_read_is_refused(files: Path, monkeypatch: pytest.MonkeyPatch):
    stage = Staging.stage

    def growing(self: Staging, table: str, *more: object) -> int:
        if table == "bookings":
            with (files / "bookings.csv").open("a") as file:
                file.write("B4,A2,2024-03-02,7,CNY,7,\n")
        return stage(self, table, *more)

    monkeypatch.setattr(Staging, "stage", growing)
    with pytest.raises(StillWriting, match="its size or time has changed"):
        load(files)
    assert not (files.parent / "raw").exists()


def test_a_link_within_the_folder_is_read(files: Path):
    (files / "data.csv").write_text((files / "bookings.csv").read_text())
    (files / "bookings.csv").unlink()
    os.symlink(files / "data.csv", files / "bookings.csv")
    assert load(files).rows["bookings"] == 3


def test_reasons_are_counted_each(files: Path):
    write(
        HEADER
        + row("0000-00-00", number="X1")
        + row("2024-02-30", number="X2")
        + row(category="c", number="X3")
        + GOOD
    )(files)
    load(files)
    reasons = history.read(files.parent / "raw")[-1].reasons
    assert Counter(reasons) == {
        "bookings.booked_at|impossible date|no such day or time": 2,
        "bookings.category|unknown code|not in the contract's list": 1,
    }  # fmt: skip


CELL = st.one_of(
    st.sampled_from(
        ["B1", "A1", "2024-03-01", "1.00", "CNY", "rent", "", "=1+1", '"', "1,5", "０", "9999-12-31"]
    ),
    st.text(st.characters(blacklist_categories=["Cs"]), max_size=6),
)
LINE = st.one_of(
    st.builds(lambda number: [f"B{number}", "A1", "2024-03-01", "1.00", "CNY", "rent"], st.integers(0, 5)),
    st.lists(CELL, min_size=6, max_size=6),
    st.lists(CELL, min_size=2, max_size=8),
)


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(lines=st.lists(LINE, max_size=12), end=st.sampled_from(["\n", "\r\n"]))
def test_nothing_is_lost_of_any_csv(
    tmp_path_factory: pytest.TempPathFactory, lines: list[list[str]], end: str
):
    folder = tmp_path_factory.mktemp("any") / "bank"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    with (folder / "bookings.csv").open("w", newline="", encoding="utf-8") as file:
        # A bare carriage return outside quotes would be a line end, and one row two.
        bare = any("\r" in cell for line in lines for cell in line)
        writer = csv.writer(file, lineterminator=end, quoting=csv.QUOTE_ALL if bare else csv.QUOTE_MINIMAL)
        writer.writerows([HEADER.strip().split(","), *lines, ["Z", "A1", "2024-03-01", "1", "CNY", "rent"]])
    try:
        source = load(folder, limit=1)
    except (errors.ConflictingRows, errors.WrongType):
        return  # each names what is wrong, and nothing is loaded
    fate = history.read(folder.parent / "raw")[-1].tables["bookings"]
    assert fate.read == len(lines) + 1 == fate.kept + fate.repeated + fate.quarantined
    assert source.rows["bookings"] == fate.kept
    assert pq.read_table(folder.parent / "raw" / "bookings").num_rows == fate.kept
