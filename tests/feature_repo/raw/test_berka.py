import os
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from feature_repo.raw.compare import compare
from feature_repo.raw.ingest import ingest

DATA = os.environ.get("BANK_TEST_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="BANK_TEST_DATA names no folder with berka/")


@pytest.fixture(scope="module")
def berka(tmp_path_factory: pytest.TempPathFactory):
    home = tmp_path_factory.mktemp("berka")
    began = time.process_time()
    now = datetime(2026, 1, 1, tzinfo=UTC)
    source = ingest(Path(DATA) / "berka", home / "raw", None, 0.01, now, home / "key")
    return source, home / "raw", time.process_time() - began


def ask(raw: Path, query: str) -> list[tuple]:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for folder in raw.iterdir():
            if folder.is_dir():
                connection.execute(f"create view {folder.name} as from '{folder}/*.parquet'")
        return connection.execute(query).fetchall()


def test_every_row_is_there_and_none_is_in_quarantine(berka):
    source, _, seconds = berka
    assert source.rows == {
        "customers": 5369, "accounts": 4500, "account_owners": 5369, "bookings": 97005, "products": 5,
        "holdings": 892 + 682 + 4500, "loans": 2 * 682, "applications": 682,
    }  # fmt: skip
    assert source.quarantined == {}
    assert source.totals["identifiers_dropped.client.birth_number"] == "5369"
    assert seconds < 20


def test_the_bookings_of_a_loan_account_before_its_loan_are_counted_once(berka):
    _, raw, _ = berka
    before = ask(
        raw,
        """select count(*) from bookings b join loans l using (account_id)
                         where l.status = 'running' and l.recorded_at = granted_at
                         and booked_at < granted_at""",
    )
    assert before == [(54_694,)]
    assert ask(raw, "select count(*) from bookings group by booking_id having count(*) > 1") == []


def test_76_of_682_loans_are_bad_and_only_the_last_day_tells(berka):
    _, raw, _ = berka
    assert ask(raw, "select distinct status from loans where recorded_at < timestamptz '1998-12-31'") == [
        ("running",)
    ]
    final = "select count(*) from loans where recorded_at = timestamptz '1998-12-31'"
    assert ask(raw, final) == [(682,)]
    assert ask(raw, final + " and status in ('written_off', 'running_in_debt')") == [(76,)]


def test_a_birth_number_tells_year_and_gender(berka):
    _, raw, _ = berka
    assert dict(ask(raw, "select gender, count(*) from customers group by 1")) == {
        "female": 2645,
        "male": 2724,
    }
    ((first, last),) = ask(raw, "select min(birth_year), max(birth_year) from customers")
    assert 1900 < first < last < 1990


def test_the_orders_without_a_date_are_not_loaded(berka):
    _, raw, _ = berka
    ((rows,),) = ask(
        raw,
        """select count(*) from bookings b join loans l using (account_id)
                             where category = 'loan_payment' and booked_at < granted_at""",
    )
    assert rows == 0


def test_partial_bookings_are_told(berka):
    source, raw, _ = berka
    assert source.bookings_complete_until == "1994-03-31T00:00:00+00:00"
    outside = ask(
        raw,
        """select count(*) from bookings where booked_at >= timestamptz '1994-04-01'
                          and account_id not in (select account_id from loans)""",
    )
    assert outside == [(0,)]


def test_money_leaves_with_a_minus(berka):
    _, raw, _ = berka
    assert ask(
        raw,
        """select count(*) from bookings where category in ('fee', 'household', 'penalty_interest')
                       and amount > 0""",
    ) == [(0,)]


def test_the_generated_bank_resembles_it_where_country_and_decade_do_not_matter(
    berka, generated, tmp_path: Path
):
    """Amounts, balances, loans and defaults; how often and how one pays is another decade's matter."""
    found = compare(generated.raw, berka[1], tmp_path)
    value = {distance.marginal: distance.value for distance in found.distances}
    least = {"amount": 0.2, "balance": 0.3, "burden": 0.3, "term": 0.35, "default": 0.08}
    assert {name for name, limit in least.items() if value[name] > limit} == set()
    assert value["cash"] > 0.3  # a bank of the 1990s pays in cash
