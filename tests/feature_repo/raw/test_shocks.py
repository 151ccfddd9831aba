"""Each shock shows in the months it holds, and changes nothing before them."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from feature_repo.raw.checks import frame, schema
from feature_repo.raw.contracts import TABLES
from feature_repo.raw.generate import Shock, make
from feature_repo.raw.generate.economy import ShockTooLong
from feature_repo.raw.landing import digest

ENDS, MONTHS, LAST, CUSTOMERS = date(2026, 1, 1), 14, 4, 1200
FROM = "2025-09-01"
NOW = datetime(2025, 9, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Home:
    path: Path

    def ask(self, question: str) -> list[tuple]:
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.execute("set timezone = 'UTC'")
            for folder, before in ((self.path / "raw", ""), (self.path / "truth", "truth_")):
                for table in folder.glob("*/"):
                    connection.read_parquet(f"{table}/*.parquet").create_view(before + table.name)
            return connection.execute(question).fetchall()

    def one(self, question: str) -> float:
        ((answer,),) = self.ask(question)
        return float(answer)

    @property
    def story(self) -> dict:
        return json.loads((self.path / "truth" / "truth.json").read_text())


def made(home: Path, shock: Shock | None) -> Home:
    make(CUSTOMERS, 3, home / "raw", home / "truth", MONTHS, ENDS, 1, shock, LAST)
    return Home(home)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return made(tmp_path_factory.mktemp("calm"), None)


@pytest.fixture(scope="module")
def recession(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return made(tmp_path_factory.mktemp("recession"), Shock.RECESSION)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return made(tmp_path_factory.mktemp("campaign"), Shock.CAMPAIGN)


@pytest.fixture(scope="module")
def bug(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return made(tmp_path_factory.mktemp("bug"), Shock.UPSTREAM_BUG)


@pytest.fixture(params=["recession", "campaign", "bug"])
def shocked(request: pytest.FixtureRequest) -> Home:
    return request.getfixturevalue(request.param)


def test_the_truth_names_the_shock_and_its_first_month(calm: Home, shocked: Home):
    assert calm.story["shock"] == {"name": None, "from": None}
    assert shocked.story["shock"]["from"] == FROM
    assert shocked.story["shock"]["name"] in list(Shock)


@pytest.mark.parametrize("table", [table.name for table in TABLES])
def test_no_row_recorded_before_the_shock_is_touched(calm: Home, shocked: Home, table: str):
    rows = f"""select md5(string_agg(row::varchar, '' order by row::varchar)) from (
        select * from {table} where recorded_at < timestamptz '{FROM}') as row"""
    assert shocked.ask(rows) == calm.ask(rows)


def test_every_shock_keeps_the_contracts(shocked: Home):
    for table in TABLES:
        files = f"{shocked.path}/raw/{table.name}/*.parquet"
        with duckdb.connect(config={"threads": 1}) as connection:
            late = connection.sql(f"from '{files}' where recorded_at >= timestamptz '{FROM}' limit 5000")
            rows = late.to_arrow_table().cast(table.schema)
        schema(table).validate(frame(rows), lazy=True)


def mean(what: str, when: str, table: str = "bookings") -> str:
    return f"select coalesce(avg({what}), 0) from {table} where {when}"


AFTER = f"booked_at >= timestamptz '{FROM}'"


def test_a_recession_cuts_wages_and_spending_and_costs_work(calm: Home, recession: Home):
    wages = mean("amount", f"category = 'salary' and {AFTER}")
    assert 0.85 < recession.one(wages) / calm.one(wages) < 0.95
    spent = f"select sum(amount) from bookings where category = 'card_payment' and {AFTER}"
    assert recession.one(spent) / calm.one(spent) < 0.85
    paid = f"select count(*) from bookings where category = 'salary' and {AFTER}"
    assert recession.one(paid) < 0.98 * calm.one(paid)
    economy = recession.story["economy"]
    assert min(economy["arrears"][-LAST:]) > max(economy["arrears"][:-LAST])


def test_a_recession_brings_loans_into_arrears(calm: Home, recession: Home):
    unpaid = f"""select avg((n = 0)::int) from (
        select count(paid_at) filter (paid_at < due_at + interval 20 day) as n from repayments
        where due_at >= timestamptz '{FROM}' and due_at < timestamptz '2025-12-01'
        group by loan_id, due_at)"""
    assert recession.one(unpaid) > 1.4 * calm.one(unpaid)


def test_a_campaign_writes_to_more_customers_and_brings_new_ones(calm: Home, campaign: Home):
    offers = f"""select count(distinct offer_id) from offers where "at" >= timestamptz '{FROM}'"""
    assert campaign.one(offers) > 3 * calm.one(offers)
    joined = "select count(distinct customer_id) from customers where joined_at {} timestamptz '" + FROM + "'"
    assert campaign.one(joined.format("<")) == calm.one(joined.format("<"))
    assert campaign.one(joined.format(">=")) > 1.5 * calm.one(joined.format(">="))
    mobile = mean("(channel = 'mobile')::int", AFTER)
    assert campaign.one(mobile) > 1.1 * calm.one(mobile)


def test_an_upstream_bug_changes_bookings_only_and_no_truth(calm: Home, bug: Home):
    for table in (table.name for table in TABLES if table.name != "bookings"):
        assert digest(bug.path / "raw" / table) == digest(calm.path / "raw" / table), table
    for table in (calm.path / "truth").glob("*/"):
        assert digest(bug.path / "truth" / table.name) == digest(table), table.name


@pytest.mark.parametrize(("what", "question"), [
    pytest.param("amount", f"select median(-amount) from bookings where channel = 'mobile' and {AFTER}",
        id="mobile-amounts-are-too-small"),
    pytest.param("category", f"select avg((category = 'card_payment')::int) from bookings "
        f"where channel = 'card' and {AFTER}", id="card-categories-are-lost"),
    pytest.param("recorded_at", f"select 1 / avg(epoch(recorded_at - booked_at)) from bookings "
        f"where channel = 'standing_order' and {AFTER}", id="standing-orders-come-late"),
])  # fmt: skip
def test_an_upstream_bug_shows_in_the_tables_and_the_truth_says_where(
    calm: Home, bug: Home, what: str, question: str
):
    assert bug.one(question) < 0.8 * calm.one(question)
    assert bug.one(f"select count(*) from truth_wrong_rows where what = '{what}'") > 500


def test_the_wrong_rows_are_exactly_those_that_differ(calm: Home, bug: Home):
    """The last record of each booking, set right by the truth, is that of the bank without the bug."""
    last = """select * from bookings
        qualify row_number() over (partition by booking_id order by recorded_at desc) = 1"""
    right = f"""select b.booking_id, coalesce(w.amount / 100.0, b.amount)::decimal(18, 2) as amount,
        coalesce(w.category, b.category) as category
        from ({last}) b left join truth_wrong_rows w using (booking_id) order by 1"""
    plain = f"select booking_id, amount, category from ({last}) order by 1"
    assert bug.ask(right) == calm.ask(plain)
    early = "select count(*) from bookings join truth_wrong_rows w using (booking_id) where booked_at < "
    assert bug.one(early + f"timestamptz '{FROM}'") == 0


@pytest.mark.parametrize("last", [0, MONTHS + 1])
def test_a_shock_longer_than_the_history_is_refused(tmp_path: Path, last: int):
    with pytest.raises(ShockTooLong, match=f"last {last} months, but the bank has {MONTHS}"):
        make(10, 1, tmp_path / "raw", tmp_path / "truth", MONTHS, ENDS, 1, Shock.RECESSION, last)
    assert list(tmp_path.iterdir()) == []
