"""Ann's loans, small enough to check by hand. She is looked at on 1 July 2025."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.feature_repo.conftest import ANNS, DATE, OWNS, Row
from tests.feature_repo.features.stories import (
    MICROSECOND,
    SECOND,
    Values,
    account,
    ago,
    booking,
    of_ann,
    right,
    story,
    tell,
    version,
)

Bank = Callable[..., Path]
Compute = Callable[..., Values]


def loan(name: str, days: float, **more: Any) -> Row:
    told = {"currency": "CNY", "granted_at": ago(days), "amount": 1000, "term_months": 10}
    return of_ann(**told)(loan_id=name, **{"instalment": 110, "status": "running", **more})


def due(days: float, paid: float | datetime | None = None, of: str = "l1") -> list[Row]:
    """An instalment as the bank learns of it: when due, and again when paid late."""
    told = {"loan_id": of, "due_at": ago(days), "due_amount": 110}
    unpaid: Row = {**told, "recorded_at": ago(days)}
    if paid is None:
        return [unpaid]
    paid_at = paid if isinstance(paid, datetime) else ago(paid)
    settled = {**told, "paid_at": paid_at, "paid_amount": 110}
    if paid_at <= ago(days):
        return [{**settled, "recorded_at": ago(days)}]
    return [unpaid, {**settled, "recorded_at": paid_at}]


def asked(days: float, amount: int, **more: Any) -> Row:
    told = of_ann(amount=amount, currency="CNY", term_months=3, at=ago(days))
    return told(application_id=f"q{days}", **more)


CARD = {
    "accounts": [ANNS, account("card", type="card", credit_limit=2000)],
    "account_owners": [OWNS, right("card")],
}
STORIES = {
    "in arrears": story(
        {"loans_running": 1, "loan_amount_outstanding": 700, "instalments_monthly": 110, "days_past_due": 60,
         "loans_repaid": 1, "loans_written_off": 1, "loans_granted_365d": 1, "loan_tenure_days": 900,
         "loan_months_left": 10 - 200 / 30.4375, "days_past_due_max_90d": 60, "days_past_due_max_365d": 60,
         "payments_late_90d": 2, "payments_late_365d": 3, "payments_in_time_365d": 2,
         "payment_ratio_90d": 1 / 3, "payment_ratio_365d": 3 / 5, "instalments_unpaid": 2,
         "arrears_amount": 220, "days_since_last_late": 30, "instalment_to_inflow_90d": 0.5,
         "instalment_to_income": 0.1, "card_debt": 500, "credit_limit_total": 2000,
         "credit_utilisation": 0.25, "exposure_total": 2700, "debt_to_income": 2700 / (12 * 1100)},
        customers=[version(900, income_monthly=1100)],
        loans=[loan("l1", 200), loan("l2", 900), loan("l2", 900, status="repaid", recorded_at=ago(30)),
               loan("l3", 800, status="written_off")],
        repayments=[*due(150, 150), *due(120, 100), *due(90, 90.5), *due(60), *due(30)],
        bookings=[booking(3, 660), booking(9, -40, -900, account_id="card"),
                  booking(8, 400, -500, account_id="card")],
        **CARD,
    ),
    "asked and looked up": story(
        {"applications_90d": 1, "applications_180d": 2, "applications_365d": 3,
         "applications_refused_365d": 1, "days_since_last_application": 10, "amount_applied_365d": 900,
         "bureau_score": 650, "bureau_delinquencies": 1, "bureau_inquiries": 2, "bureau_age_days": 5},
        applications=[asked(0, 9999), asked(10, 100, outcome="approved"), asked(180, 900),
                      asked(181, 500, outcome="refused"), asked(365.00001, 5000, outcome="refused")],
        bureau=[
            of_ann(as_of=ago(9))(score=600.0, delinquencies=7, inquiries=7),
            of_ann(as_of=ago(5))(score=650.0, delinquencies=1, inquiries=2),
            of_ann(as_of=ago(4))(score=1.0, recorded_at=DATE),
        ],
    ),
    "the last report says little": story(
        {"bureau_score": 650, "bureau_delinquencies": None},
        bureau=[of_ann(as_of=ago(9))(score=600.0, delinquencies=7), of_ann(as_of=ago(5))(score=650.0)],
    ),
    "a refusal taken back": story(
        {"applications_refused_365d": 0, "applications_365d": 1},
        applications=[asked(20, 5, outcome="refused"),
                      asked(20, 5, outcome="approved", recorded_at=ago(2))],
    ),
    "nothing": story(
        {"loans_running": 0, "loan_amount_outstanding": 0, "days_past_due": 0, "loan_tenure_days": None,
         "loan_months_left": 0, "payments_late_365d": 0, "payment_ratio_365d": None,
         "days_since_last_late": None, "instalment_to_inflow_90d": 0, "instalment_to_income": None,
         "applications_365d": 0, "days_since_last_application": None, "amount_applied_365d": 0,
         "bureau_score": None, "credit_limit_total": 0, "card_debt": 0, "credit_utilisation": None,
         "exposure_total": 0, "debt_to_income": None},
    ),
    "late by a day to the second": story(
        {"payments_late_365d": 1, "payments_in_time_365d": 1, "days_past_due_max_365d": 1,
         "days_past_due": 0, "days_since_last_late": 40},
        loans=[loan("l1", 200)],
        repayments=[*due(40, 39), *due(20, ago(19) - SECOND)],
    ),
    "due in windows to the microsecond": story(
        {"payment_ratio_90d": 1, "payment_ratio_365d": 1 / 2, "payments_late_365d": 1,
         "instalments_unpaid": 2},
        loans=[loan("l1", 900)],
        repayments=[*due(90, 90), *due(90.00001), *due(365.00001)],
    ),
    "paid at the date is not yet paid": story(
        {"days_past_due": 30, "arrears_amount": 110, "payment_ratio_90d": 0},
        loans=[loan("l1", 200)], repayments=due(30, DATE),
    ),
    "a payment of the last microsecond": story(
        {"days_past_due": 0, "payment_ratio_90d": 1, "payments_late_90d": 1},
        loans=[loan("l1", 200)], repayments=due(30, DATE - MICROSECOND),
    ),
    "written off, and no longer owed": story(
        {"days_past_due": 0, "arrears_amount": 0, "instalments_unpaid": 0, "payments_late_365d": 1,
         "loan_amount_outstanding": 0},
        loans=[loan("l1", 200, status="written_off")], repayments=due(30),
    ),
    "a term that is over": story(
        {"loan_months_left": 0, "loan_amount_outstanding": 1000}, loans=[loan("l1", 900)], repayments=[]
    ),
    "no income": story(
        {"instalment_to_income": 100, "debt_to_income": 100, "instalment_to_inflow_90d": 100},
        customers=[version(900, income_monthly=0)], loans=[loan("l1", 20)],
    ),
    "almost no income": story(
        {"instalment_to_income": 100, "debt_to_income": 100, "instalment_to_inflow_90d": 100},
        customers=[version(900, income_monthly="0.01")], loans=[loan("l1", 20)],
        bookings=[booking(3, "0.01")],
    ),
    "neither income nor debt": story(
        {"instalment_to_income": 0, "debt_to_income": 0}, customers=[version(900, income_monthly=0)]
    ),
    "owed dollars": story(
        {"loan_amount_outstanding": 3500, "instalments_monthly": 1540, "arrears_amount": 770,
         "payment_ratio_90d": 1 / 2, "credit_limit_total": 140, "card_debt": 70, "credit_utilisation": 0.5,
         "amount_applied_365d": 70},
        loans=[loan("l1", 200, currency="USD", instalment=220, term_months=1)],
        repayments=[*due(60, 60), *due(30)],
        applications=[asked(5, 10, currency="USD"), asked(6, 60)],
        bookings=[booking(9, -10, -10, account_id="card", currency="USD")],
        accounts=[ANNS, account("card", type="card", credit_limit=20, currency="USD")],
        account_owners=[OWNS, right("card")],
    ),
    "a card of somebody else": story(
        {"credit_limit_total": 0, "card_debt": 0, "credit_utilisation": None},
        accounts=CARD["accounts"], account_owners=[OWNS, right("card", "authorised")],
        bookings=[booking(9, -40, -900, account_id="card")],
    ),
    "a limit that was corrected, on a card then closed": story(
        {"credit_limit_total": 50},
        accounts=[
            account("a1", credit_limit=30), account("a1", credit_limit=50, recorded_at=ago(3)),
            account("a1", credit_limit=70, recorded_at=DATE),
            account("card", type="card", credit_limit=900, closed_at=ago(1)),
        ],
        account_owners=[OWNS, right("card")],
    ),
    "more owed than the limit": story(
        {"credit_utilisation": 1.5}, bookings=[booking(9, -40, -3000, account_id="card")], **CARD
    ),
    "money kept on the card": story(
        {"card_debt": 0, "credit_utilisation": 0}, bookings=[booking(9, 40, 40, account_id="card")], **CARD
    ),
    "a loan without an instalment": story(
        {"instalments_monthly": 100}, loans=[loan("l1", 3, instalment=None)]
    ),
    "a loan whose state is not told runs": story(
        {"loans_running": 2, "loans_repaid": 0},
        loans=[loan("l1", 3, status=None), loan("l2", 3, status="running_in_debt")],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Values]:
    rate = [{"currency": "USD", "as_of": ago(20), "rate": 7.0}]
    return tell(tmp_path_factory.mktemp("credit"), STORIES, fx_rates=rate)


@pytest.mark.parametrize("name", STORIES)
def test_what_is_owed_comes_to(name: str, told: dict[str, Values]) -> None:
    assert told[name] == pytest.approx(STORIES[name].expected)


def test_arrears_are_as_old_as_they_were_then(bank: Bank, values: Compute) -> None:
    story = STORIES["in arrears"]
    before = values(bank(**story.tables), "days_past_due", "loans_running", at=ago(110))
    assert before == {"days_past_due": 10, "loans_running": 2}


def test_without_a_table_of_repayments_instalments_count_as_paid_when_due(
    bank: Bank, values: Compute
) -> None:
    raw = bank(loans=[loan("l1", 31 * 4), loan("l2", 31 * 40)])
    answer = values(raw, "loan_amount_outstanding", "days_past_due")
    assert answer == {"loan_amount_outstanding": 600, "days_past_due": None}


def test_without_a_table_of_applications_they_are_unknown(bank: Bank, values: Compute) -> None:
    assert values(bank(), "applications_180d", "bureau_score") == {
        "applications_180d": None, "bureau_score": None,
    }  # fmt: skip
