"""Ann's loans, small enough to check by hand. She is looked at on 1 July 2025."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

Bank = Callable[..., Path]
Values = Callable[..., dict[str, float | None]]

DATE = datetime(2025, 7, 1, tzinfo=UTC)


def ago(days: float) -> datetime:
    return DATE - timedelta(days=days)


def loan(name: str, days: float, **more: Any) -> Mapping[str, Any]:
    told = {
        "customer_id": "ann",
        "currency": "CNY",
        "granted_at": ago(days),
        "amount": 1000,
        "term_months": 10,
    }
    return {"loan_id": name, **told, "instalment": 110, "status": "running", **more}


def due(days: float, paid_days_ago: float | None = None) -> list[Mapping[str, Any]]:
    """An instalment as the bank learns of it: when due, and again when paid late."""
    told = {"loan_id": "l1", "due_at": ago(days), "due_amount": 110}
    unpaid: list[Mapping[str, Any]] = [{**told, "recorded_at": ago(days)}]
    if paid_days_ago is None:
        return unpaid
    paid = {**told, "paid_at": ago(paid_days_ago), "paid_amount": 110}
    if paid_days_ago >= days:
        return [{**paid, "recorded_at": ago(days)}]
    return [*unpaid, {**paid, "recorded_at": ago(paid_days_ago)}]


def test_a_loan_in_arrears_in_numbers(bank: Bank, values: Values) -> None:
    raw = bank(
        loans=[loan("l1", 200), loan("l2", 900), loan("l2", 900, status="repaid", recorded_at=ago(30))],
        repayments=[*due(150, 150), *due(120, 100), *due(90, 90.5), *due(60), *due(30)],
    )
    answer = values(
        raw, "loans_running", "loan_amount_outstanding", "instalments_monthly", "days_past_due",
        "days_past_due_max_365d", "payments_late_365d", "payment_ratio_365d", "inflow_90d",
        "instalment_to_inflow_90d",
    )  # fmt: skip
    assert list(answer.values()) == [1, 700, 110, 60, 60, 3, 330 / 550, 0, 100]
    before = values(raw, "days_past_due", "loans_running", at=ago(110))
    assert before == {"days_past_due": 10, "loans_running": 2}


def test_without_a_table_of_repayments_instalments_count_as_paid_when_due(bank: Bank, values: Values) -> None:
    raw = bank(loans=[loan("l1", 31 * 4), loan("l2", 31 * 40)])
    answer = values(raw, "loan_amount_outstanding", "days_past_due")
    assert answer == {"loan_amount_outstanding": 600, "days_past_due": None}


def test_a_loan_without_an_instalment_has_the_amount_by_its_term(bank: Bank, values: Values) -> None:
    assert values(bank(loans=[loan("l1", 3, instalment=None)]), "instalments_monthly") == {
        "instalments_monthly": 100
    }


@pytest.mark.parametrize(
    ("inflow", "expected"), [(660, 0.5), ("0.01", 100), (0, 100)], ids=["half", "almost-none", "none"]
)
def test_instalments_against_money_received(
    inflow: object, expected: float, bank: Bank, values: Values
) -> None:
    salary = {
        "booking_id": "b1",
        "account_id": "a1",
        "currency": "CNY",
        "booked_at": ago(3),
        "amount": inflow,
    }
    answer = values(
        bank(loans=[loan("l1", 30)], bookings=[salary]),
        "instalments_monthly",
        "inflow_90d",
        "instalment_to_inflow_90d",
    )
    assert answer["instalment_to_inflow_90d"] == expected


def test_the_last_bureau_report_known_counts(bank: Bank, values: Values) -> None:
    reports = [
        {"customer_id": "ann", "as_of": ago(9), "score": 600.0, "delinquencies": 1, "inquiries": 2},
        {"customer_id": "ann", "as_of": ago(5), "score": 650.0},
        {"customer_id": "ann", "as_of": ago(4), "score": 1.0, "recorded_at": DATE},
    ]
    answer = values(bank(bureau=reports), "bureau_score", "bureau_delinquencies", "applications_180d")
    assert answer == {"bureau_score": 650, "bureau_delinquencies": None, "applications_180d": None}


def test_an_application_made_at_the_date_is_not_its_own_past(bank: Bank, values: Values) -> None:
    asked = {"customer_id": "ann", "amount": 1, "currency": "CNY", "term_months": 3}
    raw = bank(applications=[{"application_id": f"q{d}", "at": ago(d), **asked} for d in (0, 1, 180, 181)])
    assert values(raw, "applications_180d") == {"applications_180d": 2}
