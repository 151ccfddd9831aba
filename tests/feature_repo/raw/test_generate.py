from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from feature_repo.raw.checks import frame, schema
from feature_repo.raw.contracts import BY_NAME, TABLES, Kind, Table
from feature_repo.raw.generate import make
from feature_repo.raw.landing import digest


def ask(generated, query: str, **names: str) -> list[tuple]:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("set threads = 1")
        for table in generated.source.rows:
            connection.execute(f"create view {table} as from '{generated.raw}/{table}/*.parquet'")
        for path in generated.truth.glob("*/"):
            connection.execute(f"create view truth_{path.name} as from '{path}/*.parquet'")
        return connection.execute(query).fetchall()


def auc(score: list[float], label: list[int]) -> float:
    order = np.argsort(np.argsort(score))
    positive = np.asarray(label, bool)
    ranks = order[positive].sum() - positive.sum() * (positive.sum() - 1) / 2
    return float(ranks / (positive.sum() * (~positive).sum()))


def test_the_same_seed_makes_the_same_bytes_and_another_seed_does_not(tmp_path: Path):
    first, second, other = (
        make(60, seed, tmp_path / name / "raw", tmp_path / name / "truth", 12, date(2025, 7, 1))
        for seed, name in ((1, "a"), (1, "b"), (2, "c"))
    )
    assert first == second
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert first.digest != other.digest


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_keeps_its_contract(generated, table: Table):
    rows = pq.read_table(generated.raw / table.name)
    assert rows.schema.equals(table.schema)
    schema(table).validate(frame(rows.slice(0, 20_000)), lazy=True)
    assert rows.num_rows == generated.source.rows[table.name]


def test_no_row_is_known_before_it_happens_or_after_the_end(generated):
    for name in generated.source.rows:
        event = BY_NAME[name].event
        query = f'select count(*) from {name} where recorded_at < "{event}" or recorded_at >= $end'
        assert ask(generated, query.replace("$end", f"timestamptz '{generated.source.ends}'")) == [(0,)], name


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_no_row_tells_of_a_time_after_it_was_recorded(generated, table: Table):
    planned = {"matures_at"}
    times = [c.name for c in table.columns if c.kind is Kind.TIME and c.name not in planned]
    later = " or ".join(f'"{name}" > recorded_at' for name in times)
    assert ask(generated, f"select count(*) from {table.name} where {later}") == [(0,)]


@pytest.mark.parametrize(("table", "column", "other"), [
    pytest.param(table.name, column, other, id=f"{table.name}-{column}")
    for table in TABLES for column, other in table.references
])  # fmt: skip
def test_every_reference_is_held(generated, table: str, column: str, other: str):
    query = (
        f"select count(*) from {table} where {column} not in (select {BY_NAME[other].key[0]} from {other})"
    )
    assert ask(generated, query) == [(0,)]


def test_no_key_is_recorded_twice_at_the_same_time(generated):
    for name in generated.source.rows:
        key = ", ".join(f'"{column}"' for column in (*BY_NAME[name].key, "recorded_at"))
        assert ask(generated, f"select {key} from {name} group by all having count(*) > 1") == [], name


def test_balances_follow_the_corrected_amounts_to_the_cent(generated):
    wrong = ask(generated, """
        with latest as (select * from bookings
                        qualify row_number() over (partition by booking_id order by recorded_at desc) = 1),
        paired as (select balance_after - lag(balance_after) over own as moved, amount from latest
                   window own as (partition by account_id order by booked_at, booking_id))
        select count(*), count(*) filter (moved <> amount) from paired
        where moved is not null""")  # fmt: skip
    assert wrong[0][0] > 100_000
    assert wrong[0][1] == 0


def test_the_control_totals_are_those_of_the_files(generated):
    ((rows, total),) = ask(generated, "select count(*), sum(amount) filter (currency = 'CNY') from bookings")
    assert generated.source.totals["bookings.rows"] == str(rows)
    assert generated.source.totals["bookings.amount.CNY"] == str(total)


def test_the_oracle_ranks_defaults_well_but_not_perfectly(generated):
    rows = ask(generated, """
        select pd, default_at is not null and default_at < granted + interval 12 month
        from (select loan_id, min(granted_at) as granted from loans group by 1)
        join truth_loans using (loan_id) join truth_applications on truth_applications.application_id
            = truth_loans.application_id
        where granted < timestamptz '2025-01-01'""")  # fmt: skip
    chance, bad = zip(*rows, strict=True)
    assert len(bad) > 150
    assert 0.03 < np.mean(bad) < 0.15
    assert 0.75 < auc(list(chance), list(bad)) < 0.93


@pytest.mark.parametrize("family", ["savings", "deposit", "card", "fund", "pension"])
def test_needs_are_real_but_leave_room_for_chance(generated, family: str):
    rows = ask(generated, f"""
        with sold as (select distinct customer_id, opened_at, date_trunc('month', opened_at) as month
                      from holdings join (select distinct product_id, family from products) using (product_id)
                      where family = '{family}')
        select {family}, sold.customer_id is not null from truth_hazards h
        left join (select distinct customer_id, month from sold) as sold
          on sold.customer_id = h.customer_id and sold.month = h.month where {family} > 0""")  # fmt: skip
    chance, bought = zip(*rows, strict=True)
    assert 0.65 < auc(list(chance), list(bought)) < 0.93


def test_treated_offers_sell_more_than_control_offers(generated):
    ((treated, control),) = ask(generated, """
        with families as (select distinct product_id, family from products),
        sold as (select customer_id, family, opened_at from holdings join families using (product_id)),
        sent as (select distinct offer_id, customer_id, family, o."at" as sent_at, arm
                 from offers o join families using (product_id))
        select avg(n) filter (arm = 'treated'), avg(n) filter (arm = 'control') from (
          select offer_id, arm, count(sold.customer_id) as n from sent left join sold
            on sold.customer_id = sent.customer_id and sold.family = sent.family
            and sold.opened_at between sent_at and sent_at + interval 30 day group by all)""")  # fmt: skip
    assert treated > 1.25 * control


def test_the_status_a_loan_ends_with_is_not_known_when_it_is_granted(generated):
    first = ask(generated, "select distinct arg_min(status, recorded_at) from loans group by loan_id")
    assert first == [("running",)]
    ((late,),) = ask(
        generated,
        """
        select count(*) from loans
        where status <> 'running' and recorded_at < granted_at + interval 60 day""",
    )
    assert late == 0


def test_unpaid_instalments_are_recorded_again_when_they_are_paid(generated):
    ((early, late),) = ask(
        generated,
        """
        select count(*) filter (paid_at is not null and recorded_at < paid_at),
               count(*) filter (paid_at > due_at) from repayments""",
    )
    assert early == 0
    assert late > 100


def test_the_truth_is_kept_out_of_the_raw_tables(generated):
    hidden = {"persona", "stress", "grievance", "digital", "appetite", "pd", "churn"}
    columns = {field for name in generated.source.rows for field in pq.read_schema(
        next((generated.raw / name).glob("*.parquet"))).names}  # fmt: skip
    assert not hidden & columns
    assert not generated.truth.is_relative_to(generated.raw)
