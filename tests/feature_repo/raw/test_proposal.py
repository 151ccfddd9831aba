import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from feature_repo import errors
from feature_repo.cli import data
from feature_repo.raw.ingest import ingest
from feature_repo.raw.proposal import MappingThere, propose
from feature_repo.raw.sniffing import sniff
from feature_repo.raw.source import Source

NOW = datetime(2025, 1, 1, tzinfo=UTC)
GERMAN = {
    "kunden.csv": "Kundennr;Vorname;Nachname;Geburtsdatum;Kundenart;Geschlecht;Kunde seit;Bemerkung\n"
    "1;Jörg;Müller;05.03.1970;Privat;m;01.02.2020;ruft oft an\n"
    "2;Anna;Groß;17.11.1981;Privat;w;15.03.2021;\n",
    "konten.csv": "Kontonr;Kundennr;Kontoart;Eröffnet am;Währung\n"
    "K1;1;Giro;01.02.2020;EUR\nK2;2;Giro;15.03.2021;EUR\n",
    "umsaetze.csv": "Umsatznr;Kontonr;Buchungstag;Betrag;Währung;Verwendungszweck;Saldo\n"
    "U1;K1;01.03.2022;1.234,56;EUR;Lohn;1.234,56\nU2;K1;02.03.2022;-34,56;EUR;Miete;1.200,00\n"
    "U3;K2;31.03.2022;-5,00;EUR;Gebühr;995,00\n",
}
CHINESE = {
    "客户.csv": "客户号,姓名,身份证号,性别,开户日期\n"
    "1,张三,110101197003055678,男,2020-02-01\n2,李四,110101198111171234,女,2021-03-15\n",
    "账户.csv": "账号,客户号,账户类型,开户日期,币种\nK1,1,活期,2020-02-01,CNY\nK2,2,储蓄,2021-03-15,CNY\n",
    "交易流水.csv": "流水号,账号,交易日期,金额,币种,余额\n"
    "U1,K1,2022-03-01,1234.56,CNY,1234.56\nU2,K2,2022-03-02,-34.56,CNY,1200.00\n",
}


def bank(tmp_path: Path, name: str, files: dict[str, str], encoding: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    for file, text in files.items():
        (folder / file).write_bytes(text.encode(encoding))
    return folder


def load_proposed(folder: Path) -> Source:
    (folder / "mapping.toml").write_text(propose(folder), encoding="utf-8")
    return ingest(folder, folder.parent / "raw", None, 0.0, NOW, folder.parent / "key", threads=1)


def test_plain_names_load_by_their_proposal_without_an_edit(files: Path):
    assert load_proposed(files).rows == {"customers": 2, "accounts": 2, "account_owners": 2, "bookings": 3}


def test_a_german_export_loads_by_its_proposal_without_an_edit(tmp_path: Path):
    folder = bank(tmp_path, "sparkasse", GERMAN, "latin-1")
    source = load_proposed(folder)
    assert source.rows == {"customers": 2, "accounts": 2, "account_owners": 2, "bookings": 3}
    assert (source.base_currency, source.quarantined) == ("EUR", {})
    rows = pq.read_table(folder.parent / "raw" / "bookings").to_pylist()
    assert [(str(row["amount"]), row["category"]) for row in rows] == [
        ("1234.56", "salary"), ("-34.56", "rent"), ("-5.00", "fee"),
    ]  # fmt: skip
    people = pq.read_table(folder.parent / "raw" / "customers").to_pylist()
    assert [(row["birth_year"], row["gender"], row["party_type"]) for row in people] == [
        (1970, "male", "person"), (1981, "female", "person"),
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-16"])
def test_a_chinese_export_loads_by_its_proposal_without_an_edit(tmp_path: Path, encoding: str):
    source = load_proposed(bank(tmp_path, "银行", CHINESE, encoding))
    assert source.rows == {"customers": 2, "accounts": 2, "account_owners": 2, "bookings": 2}
    assert source.quarantined == {}


def test_a_proposal_holds_no_value_of_a_person_and_puts_identifiers_aside(tmp_path: Path):
    folder = bank(tmp_path, "sparkasse", GERMAN, "latin-1")
    text = propose(folder)
    for value in ("Jörg", "Müller", "Anna", "Groß", "05.03.1970", "ruft", "K1", "U1", "1.234"):
        assert value not in text
    assert tomllib.loads(text)["sources"]["f_kunden"]["direct"] == ["Vorname", "Nachname", "Geburtsdatum"]
    assert "#   Bemerkung: text, 1 of 2 filled" in text
    chinese = propose(bank(tmp_path, "银行", CHINESE, "gb18030"))
    assert "张三" not in chinese
    assert "110101" not in chinese


def test_what_nothing_fits_is_told_as_open(tmp_path: Path):
    folder = bank(
        tmp_path, "part", {"umsaetze.csv": GERMAN["umsaetze.csv"].replace("Miete", "Kino")}, "utf-8"
    )
    text = propose(folder)
    assert "# OPEN: no file looks like 'customers'" in text
    assert "OPEN: 1 rows with codes unknown here" in text


def test_files_of_one_shape_are_one_source(tmp_path: Path):
    shape = "id,konto\n"
    folder = bank(tmp_path, "parts", {"umsatz_20240131.csv": shape, "umsatz_20240229.csv": shape}, "utf-8")
    text = propose(folder)
    assert 'files = ["umsatz_20240131.csv", "umsatz_20240229.csv"]' in text
    assert "# snapshot = " in text


@pytest.mark.parametrize(("text", "encoding", "told"), [
    pytest.param("a;b\nštěstí;1\n", "iso8859-2", ("latin2", ";"), id="latin-2"),
    pytest.param("a\tb\nKöln\t1\n", "latin-1", ("latin-1", "\t"), id="latin-1-tabs"),
    pytest.param("a|b\n北京|1\n", "gb18030", ("gb18030", "|"), id="gb18030-bars"),
    pytest.param("\ufeffa,b\nx,1\n", "utf-8", ("utf-8", ","), id="bom"),
])  # fmt: skip
def test_encoding_and_separator_are_found(tmp_path: Path, text: str, encoding: str, told: tuple[str, str]):
    (tmp_path / "x.csv").write_bytes(text.encode(encoding))
    sheet = sniff(tmp_path / "x.csv")
    assert (sheet.encoding, sheet.delimiter) == told
    assert [column.name for column in sheet.columns] == ["a", "b"]


@pytest.mark.parametrize(("values", "shape", "format"), [
    pytest.param(["2024-01-31", "2024-02-01 10:00:00"], "time", "", id="iso"),
    pytest.param(["31.01.2024", "01.02.2024"], "time", "%d.%m.%Y", id="german-date"),
    pytest.param(["31/01/2024", "01/02/2024"], "time", "%d/%m/%Y", id="day-first"),
    pytest.param(["01/31/2024", "01/02/2024"], "time", "%m/%d/%Y", id="month-first"),
    pytest.param(["20240131"], "time", "%Y%m%d", id="compact"),
    pytest.param(["1709294400"], "epoch", "s", id="epoch-seconds"),
    pytest.param(["1709294400123"], "epoch", "ms", id="epoch-milliseconds"),
    pytest.param(["1.234,56", "7"], "number", "", id="decimal-comma"),
    pytest.param(["ab", "7"], "text", "", id="text"),
])  # fmt: skip
def test_a_columns_shape_is_what_all_its_values_share(
    tmp_path: Path, values: list[str], shape: str, format: str
):
    (tmp_path / "x.csv").write_text("k;v\n" + "".join(f"{n};{value}\n" for n, value in enumerate(values)))
    column = sniff(tmp_path / "x.csv").columns[1]
    assert (column.shape, column.format) == (shape, format)


def test_the_command_writes_the_mapping_and_never_over_one(tmp_path: Path):
    folder = bank(tmp_path, "sparkasse", GERMAN, "utf-8")
    said = CliRunner().invoke(data, ["map", str(folder)])
    assert said.exit_code == 0, said.output
    assert "4 tables (customers, accounts, account_owners, bookings), 0 open points" in said.output
    assert (folder / "mapping.toml").exists()
    again = CliRunner().invoke(data, ["map", str(folder)])
    assert isinstance(again.exception, MappingThere)
    assert CliRunner().invoke(data, ["map", str(folder), "--force"]).exit_code == 0


def test_a_folder_without_files_has_no_proposal(tmp_path: Path):
    with pytest.raises(errors.MissingTable):
        propose(tmp_path)
