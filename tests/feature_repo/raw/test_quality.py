import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from feature_repo import errors
from feature_repo.cli import data
from feature_repo.raw.append import append
from feature_repo.raw.contracts import BOOKINGS, CUSTOMERS
from feature_repo.raw.ingest import ingest
from feature_repo.raw.quality import CELL, Panel, inspect
from feature_repo.raw.quality_page import page
from feature_repo.raw.source import Source

NOW = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def raw(files: Path) -> Path:
    with (files / "bookings.csv").open("a") as file:
        file.write("B4,A9,2024-02-02,7,CNY,7,\nB5,A2,2024-02-30,7,CNY,7,\n")
    raw = files.parent / "home" / "raw"
    ingest(files, raw, None, 0.5, NOW, files.parent / "key", threads=1)
    return raw


def panels(raw: Path, limit: float = 0.5) -> dict[str, Panel]:
    return {panel.key: panel for panel in inspect(raw, limit, threads=1)}


def customers(number: int, region: str) -> pa.Table:
    moment = NOW - timedelta(days=1)
    rows = [
        dict.fromkeys(CUSTOMERS.schema.names) | {
            "customer_id": f"c{region}{n}", "valid_from": moment, "recorded_at": moment, "joined_at": moment,
            "region": region,
        } for n in range(number)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, CUSTOMERS.schema)


def test_rows_are_counted_by_table_and_month_and_a_month_without_rows_shows(raw: Path):
    found = panels(raw)["months"]
    assert found.points == (("2024-01", 2), ("2024-02", 1))
    assert ("accounts", "2024-01", 1) in found.rows


def test_reasons_of_what_was_set_aside_are_counted(raw: Path):
    found = panels(raw)["quarantine"]
    assert found.rows == (
        ("bookings.account_id", "unknown reference", "not in table accounts", 1),
        ("bookings.booked_at", "impossible date", "no such day or time", 1),
    )
    assert (found.holds, panels(raw, limit=0.1)["quarantine"].holds) == (True, False)


def test_the_trend_has_a_point_for_every_load(raw: Path, files: Path):
    with (files / "bookings.csv").open("w") as file:
        file.write("booking_id,account_id,booked_at,amount,currency\nB6,A2,2024-03-01,7,CNY\n")
    ingest(files, raw, None, 0.5, NOW, files.parent / "key", threads=1)
    found = panels(raw)
    assert [point[1] for point in found["trend"].points] == [pytest.approx(100 * 2 / 11), 0]
    assert "down since the first" in found["trend"].title
    assert [row[1] for row in found["trend"].rows] == ["first", "added"]
    assert found["growth"].title == "the last load brought 1 new rows of 1 read"


def test_nulls_delays_and_corrections_are_found(raw: Path):
    wrong = pa.Table.from_pylist([dict.fromkeys(BOOKINGS.schema.names) | {
        "booking_id": "B1", "account_id": "A1", "booked_at": datetime(2024, 1, 6, 10, tzinfo=UTC),
        "recorded_at": datetime(2024, 1, 16, 10, tzinfo=UTC), "amount": 99, "currency": "CNY",
    }], BOOKINGS.schema)  # fmt: skip
    append(raw, {"bookings": wrong}, NOW)
    found = panels(raw)
    assert ("bookings", 3, 1, 0) in found["repeats"].rows
    assert ("bookings.category", 4, 0.5) in found["nulls"].rows
    (delays,) = (row for row in found["delays"].rows if row[0] == "bookings")
    assert delays[5] == 10


def test_a_reference_that_leads_nowhere_and_a_total_that_differs_are_told(raw: Path):
    lost = pa.Table.from_pylist([dict.fromkeys(BOOKINGS.schema.names) | {
        "booking_id": "B7", "account_id": "A7", "booked_at": NOW - timedelta(days=1),
        "recorded_at": NOW - timedelta(days=1), "amount": 1, "currency": "CNY",
    }], BOOKINGS.schema)  # fmt: skip
    assert panels(raw)["gaps"].holds
    append(raw, {"bookings": lost}, NOW)
    assert panels(raw)["totals"].holds
    source = Source.read(raw)
    replace(source, totals=source.totals | {"bookings.amount.CNY": "1.00"}).write(raw)
    found = panels(raw)
    assert ("bookings.account_id -> accounts", 4, 1) in found["gaps"].rows
    assert (found["gaps"].holds, found["totals"].holds) == (False, False)
    assert "bookings.amount.CNY" in {row[0] for row in found["totals"].rows if row[3] != "0.00"}


def test_a_code_of_few_is_never_named(raw: Path):
    append(raw, {"customers": customers(CELL, "north")}, NOW)
    append(raw, {"customers": customers(CELL - 1, "hamlet")}, NOW)
    rows = [row for row in panels(raw)["codes"].rows if row[0] == "customers.region"]
    assert [row[1:3] for row in rows] == [
        ("north", CELL),
        ("(others, of which each is rarer)", f"under {CELL}"),
    ]


def test_the_page_shows_plot_and_table_for_every_finding_and_no_person(raw: Path):
    append(raw, {"customers": customers(CELL, "=cmd()")}, NOW)
    text = page(Source.read(raw), inspect(raw, 0.5, threads=1), "now")
    assert text.count("<section") == text.count("<table") == len(inspect(raw, 0.5, threads=1))
    assert "'=cmd()" in text.replace("&#x27;", "'")
    assert ">=cmd()" not in text
    assert "limit 50" in text
    for value in ("B1", "A1<", "c=cmd()0", "example.org", "http"):
        assert value not in text


def test_the_command_writes_the_report_and_prints_its_findings(raw: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BANK_HOME", str(raw.parent))
    monkeypatch.chdir(raw.parent)
    said = CliRunner().invoke(data, ["check"])
    assert said.exit_code == 0, said.output
    assert "quarantine  2 of 11 rows read were set aside" in said.output
    assert "DOES NOT HOLD" in said.output
    (report,) = (raw.parent / "reports").glob("data-*.html")
    assert report.read_text().startswith("<!doctype html>")
    told = json.loads(CliRunner().invoke(data, ["check", "--json"]).output)
    assert {panel["key"] for panel in told["panels"]} >= {"quarantine", "trend", "nulls", "codes"}


def test_without_a_bank_there_is_nothing_to_check(tmp_path: Path):
    with pytest.raises(errors.MissingTable):
        inspect(tmp_path, 0.01)
