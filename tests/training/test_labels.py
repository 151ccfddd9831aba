from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.raw.contracts import BY_NAME
from feature_repo.raw.source import Source
from training.dataset import spine, spine_table, split_by_snapshot
from training.labels import (
    DAY,
    History,
    application_default,
    behaviour_default,
    churn,
    micros,
    product_exposure,
    purchases,
    responses,
    times,
)

START, END = datetime(2023, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
AT = datetime(2024, 7, 1, tzinfo=UTC)


def day(n: float) -> datetime:
    """A time n days after the observation."""
    return AT + timedelta(days=n)


def write(raw: Path, name: str, rows: list[dict[str, object]]) -> int:
    schema = BY_NAME[name].schema
    filled = [{field.name: row.get(field.name) for field in schema} for row in rows]
    (raw / name).mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(filled, schema=schema), raw / name / "part.parquet")
    return len(rows)


def customer(name: str) -> dict[str, object]:
    return {"customer_id": name, "valid_from": START, "recorded_at": START, "joined_at": START}


def account(name: str, closed: datetime | None = None) -> list[dict[str, object]]:
    opened = {
        "account_id": f"A-{name}",
        "valid_from": START,
        "recorded_at": START,
        "currency": "EUR",
        "opened_at": START,
    }
    if closed is None:
        return [opened]
    return [opened, opened | {"valid_from": closed, "recorded_at": closed, "closed_at": closed}]


def due(loan: str, n: float, paid: float | None) -> dict[str, object]:
    late = {} if paid is None else {"paid_at": day(paid), "paid_amount": Decimal(100)}
    recorded = day(n if paid is None else max(n, paid))
    return {"loan_id": loan, "due_at": day(n), "recorded_at": recorded, "due_amount": Decimal(100), **late}


def offer(number: int, who: str, product: str, n: float, arm: str | None) -> list[dict[str, object]]:
    """An offer, and a treated one's answer recorded later."""
    made = {"offer_id": f"O{number}", "customer_id": who, "product_id": product, "at": day(n),
            "recorded_at": day(n), "arm": arm, "selection_probability": 0.7}  # fmt: skip
    said = {"recorded_at": day(n + 20), "outcome": "ignored", "outcome_at": day(n + 20)}
    return [made, made | said] if arm == "treated" else [made]


NAMES = ("stays", "leaves", "buys", "pays", "falls", "late", "fell")


@pytest.fixture
def history(tmp_path: Path) -> History:
    borrowers = ("pays", "falls", "late", "fell")
    known = {"recorded_at": START, "valid_from": START}
    asked = {"amount": Decimal(1000), "currency": "EUR", "term_months": 24}
    loans = [
        asked | {"loan_id": f"L-{n}", "customer_id": n, "application_id": f"R-{n}", "status": "running",
                 "granted_at": day(-100), "recorded_at": day(-100)}
        for n in borrowers
    ]  # fmt: skip
    applications = [
        asked | {"application_id": f"R-{n}", "customer_id": n, "outcome": "approved",
                 "at": day(-101), "recorded_at": day(-101)}
        for n in borrowers
    ]  # fmt: skip
    owners = [known | {"account_id": f"A-{n}", "customer_id": n, "role": "owner"} for n in NAMES]
    tables: dict[str, list[dict[str, object]]] = {
        "customers": [customer(n) for n in NAMES],
        "accounts": [row for n in NAMES for row in account(n, day(100) if n == "leaves" else None)],
        "account_owners": owners,
        "products": [
            {"product_id": "SAV", "valid_from": START, "recorded_at": START, "family": "savings"},
            {"product_id": "SAV", "valid_from": AT, "recorded_at": AT, "family": "savings"},
            {"product_id": "CAR", "valid_from": day(-10), "recorded_at": day(-9), "family": "card"},
        ],
        "holdings": [
            {"customer_id": "buys", "product_id": "SAV", "opened_at": day(89), "recorded_at": day(89)},
            {"customer_id": "stays", "product_id": "SAV", "opened_at": day(-1), "recorded_at": day(-1)},
            {"customer_id": "pays", "product_id": "SAV", "opened_at": day(91), "recorded_at": day(91)},
        ],
        "offers": [
            *offer(1, "buys", "SAV", 60, arm="treated"),
            *offer(2, "buys", "SAV", 58, arm="control"),
            *offer(3, "buys", "CAR", 60, arm="treated"),
            *offer(4, "stays", "SAV", 0, arm="treated"),
            *offer(5, "pays", "SAV", 0, arm=None),
            *offer(6, "pays", "SAV", 91, arm="control"),
            *offer(7, "leaves", "SAV", 530, arm="control"),
        ],
        "loans": loans,
        "applications": applications,
        "repayments": [
            due("L-pays", 10, 10), due("L-falls", 10, None), due("L-late", 10, 99), due("L-fell", -99, None),
        ],
    }  # fmt: skip
    rows = {name: write(tmp_path, name, content) for name, content in tables.items()}
    return History(tmp_path, Source("test", "EUR", START.isoformat(), END.isoformat(), "", rows))


def at(*names: str, when: datetime = AT) -> pa.Table:
    return spine_table(list(names), np.full(len(names), micros(when.isoformat())))


def test_a_purchase_counts_from_the_date_on_until_the_horizon_ends(history: History):
    label = purchases(history, at("buys", "stays", "pays"))["savings"]
    assert label.tolist() == [1, 0, 0]


def test_a_horizon_that_ends_after_the_data_gives_no_label(history: History):
    late = at("buys", when=END - timedelta(days=89))
    assert purchases(history, late)["savings"].tolist() == [-1]
    assert churn(history, late).tolist() == [-1]


def test_an_offer_is_followed_by_a_purchase_of_its_family_within_thirty_days_in_either_arm(history: History):
    found = responses(history, micros(day(-1).isoformat())).to_pylist()
    said = [(row["customer_id"], row["family"], row["treated"], row["bought"]) for row in found]
    assert said == [
        ("stays", "savings", True, False),  # bought the day before
        ("buys", "savings", False, False),  # bought 31 days later
        ("buys", "savings", True, True),  # bought 29 days later
        ("buys", "card", True, False),  # bought from another family
        ("pays", "savings", False, False),  # opened at that very moment
        ("leaves", "savings", False, None),  # the data ends before 30 days have
    ]
    assert {row["chance"] for row in found} == {0.7}


def test_only_offers_made_since_then_are_asked_for(history: History):
    assert len(responses(history, micros(day(61).isoformat()))) == 2


def test_a_product_is_seen_by_those_observed_once_it_was_on_the_shelf(history: History):
    moments = np.array([micros(day(n).isoformat()) for n in (-20, -9.5, -9, 0, 0)], np.int64)
    assert product_exposure(history, moments) == {"CAR": 3, "SAV": 5}


def test_who_closes_every_account_within_the_horizon_has_left(history: History):
    assert churn(history, at("leaves", "stays")).tolist() == [1, 0]


def test_who_has_left_already_cannot_leave(history: History):
    assert churn(history, at("leaves", when=day(150))).tolist() == [-1]


def test_default_is_ninety_days_past_due_and_paying_late_counts_once_it_is_reached(history: History):
    assert behaviour_default(history, at("pays", "falls", "late")).tolist() == [0, 1, 0]
    assert due("x", 10, 99)["paid_at"] < day(100)  # 'late' paid a day before it was due to default


def test_without_a_running_loan_or_once_in_default_nobody_is_observed(history: History):
    assert behaviour_default(history, at("stays", "fell")).tolist() == [-1, -1]


def test_an_application_is_observed_when_it_is_made_and_judged_within_a_year(history: History):
    found = application_default(history).to_pylist()
    assert {row["customer_id"]: row["bad"] for row in found} == {
        "pays": False,
        "falls": True,
        "late": False,
        "fell": True,
    }
    assert all(row["as_of"].astimezone(UTC) == day(-101) for row in found)
    assert all(row["judged_us"] == micros(day(265).isoformat()) for row in found)  # a year from granting


def test_the_spine_holds_every_known_customer_each_quarter_and_each_application(
    history: History, tmp_path: Path
):
    made = spine(tmp_path, history.source)
    moments = np.unique(times(made))
    assert micros(day(-101).isoformat()) in moments
    assert moments.max() < micros(END.isoformat())
    assert len(made) == len({(row["customer_id"], row["as_of"]) for row in made.to_pylist()})
    assert (np.diff(times(made)) >= 0).all()


def test_folds_are_apart_by_the_horizon():
    quarter = np.arange(12, dtype=np.int64) * 91 * DAY
    moments = np.repeat(quarter, 3)
    cut = split_by_snapshot(moments, np.ones(36, bool), horizon=180 * DAY)
    assert cut is not None
    assert moments[cut.train].max() + 180 * DAY <= moments[cut.calibrate].min()
    assert moments[cut.calibrate].max() + 180 * DAY <= moments[cut.test].min()


def test_too_little_time_gives_no_folds():
    assert split_by_snapshot(np.array([0, 1], np.int64), np.ones(2, bool), horizon=180 * DAY) is None
