"""Ann's bookings, small enough to check by hand. She is looked at on 1 July 2025."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

Bank = Callable[..., Path]
Values = Callable[..., dict[str, float | None]]
Everyone = Callable[..., dict[str, dict[str, float | None]]]

DATE = datetime(2025, 7, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def ago(days: float) -> datetime:
    return DATE - timedelta(days=days)


def booking(name: str, days: float, amount: object, balance: object, **more: Any) -> Mapping[str, Any]:
    told = {"account_id": "a1", "currency": "CNY", "booked_at": ago(days), "booking_id": name}
    return {**told, "amount": amount, "balance_after": balance, **more}


def test_a_quarter_of_an_account_in_numbers(bank: Bank, values: Values) -> None:
    raw = bank(
        bookings=[
            booking("b1", 400, 1000, 1000),  # too old for any window, but part of the history
            booking("b2", 200, -1500, -500, category="penalty_interest"),
            booking("b3", 120, 800, 300),
            booking("b4", 60, "3000.03", "3300.03", category="salary", channel="transfer", is_cash=False),
            booking("b5", 20, "-0.03", 3300, channel="mobile", is_cash=False, counterparty_country="US"),
            booking("b6", 10, -1300, 2000, channel="atm", is_cash=True, counterparty_country="CN"),
        ]
    )
    answer = values(
        raw, "inflow_30d", "inflow_90d", "inflow_365d", "outflow_30d", "outflow_90d", "outflow_365d",
        "bookings_30d", "bookings_90d", "cash_share_90d", "salary_monthly_90d", "balance_last",
        "balance_mean_90d", "balance_min_90d", "balance_min_365d",
        "negative_balance_bookings_365d", "days_since_last_booking", "history_days",
        "inflow_trend_90d", "mobile_share_90d", "foreign_share_90d", "penalty_interest_365d",
    )  # fmt: skip
    assert list(answer.values()) == [
        0, 3000.03, 3800.03, 1300.03, 1300.03, 2800.03, 2, 3, 1 / 3, 3000.03 / 3, 2000, 8600.03 / 3, 2000,
        -500, 1, 10, 365, (2 * 3000.03 - 3800.03) / 3800.03, 1 / 3, 1 / 2, 1500,
    ]  # fmt: skip


def test_volatility_is_the_standard_deviation(bank: Bank, values: Values) -> None:
    raw = bank(bookings=[booking(f"b{at}", at, 1, balance) for at, balance in ((1, 10), (2, 20), (3, 60))])
    assert values(raw, "balance_volatility_90d")["balance_volatility_90d"] == pytest.approx(
        21.602468994692867
    )


def test_a_balance_that_never_moves_has_no_volatility(bank: Bank, values: Values) -> None:
    raw = bank(bookings=[booking(f"b{at}", at, 1, "9999999999.99") for at in range(1, 30)])
    assert values(raw, "balance_volatility_90d") == {"balance_volatility_90d": 0}


def test_an_account_without_bookings_has_counts_of_zero_and_unknown_balances(
    bank: Bank, values: Values
) -> None:
    answer = values(bank(), "bookings_90d", "inflow_365d", "balance_last", "cash_share_90d", "history_days")
    assert list(answer.values()) == [0, 0, None, None, None]


EDGES: dict[str, tuple[datetime, datetime, int]] = {
    "a microsecond before": (DATE - MICROSECOND, DATE - MICROSECOND, 1),
    "at the date": (DATE, DATE, 0),
    "recorded at the date": (DATE - MICROSECOND, DATE, 0),
    "booked ahead": (DATE, DATE - MICROSECOND, 0),
    "the first moment of the window": (ago(30), ago(1), 1),
    "just before the window": (ago(30) - MICROSECOND, ago(1), 0),
}


def test_the_edges_of_a_date_and_of_a_window(bank: Bank, everyone: Everyone) -> None:
    long_ago = {"valid_from": ago(900)}
    raw = bank(
        customers=[{"customer_id": who, "joined_at": ago(900), **long_ago} for who in EDGES],
        accounts=[{"account_id": who, "currency": "CNY", "opened_at": ago(900), **long_ago} for who in EDGES],
        account_owners=[{"account_id": w, "customer_id": w, "role": "owner", **long_ago} for w in EDGES],
        bookings=[
            booking(who, 0, 5, 5, account_id=who, booked_at=booked, recorded_at=recorded)
            for who, (booked, recorded, _) in EDGES.items()
        ],
    )
    answer = everyone(raw, list(EDGES), "bookings_30d")
    seen = {who: row["bookings_30d"] for who, row in answer.items()}
    assert seen == {who: wanted for who, (_, _, wanted) in EDGES.items()}


def test_of_a_corrected_booking_counts_what_was_known_then(bank: Bank, values: Values) -> None:
    raw = bank(
        bookings=[
            booking("b1", 20, 100, 100),
            booking("b1", 20, 70, 70, recorded_at=ago(10)),
            booking("b1", 20, 999, 999, recorded_at=DATE),
        ]
    )
    assert values(raw, "inflow_30d", "balance_last") == {"inflow_30d": 70, "balance_last": 70}
    assert values(raw, "inflow_30d", at=ago(10)) == {"inflow_30d": 100}


def test_of_bookings_at_the_same_moment_the_last_recorded_then_the_greatest_id_is_last(
    bank: Bank, values: Values
) -> None:
    same_day = [booking("b3", 5, 1, 13), booking("b1", 5, 1, 11), booking("b2", 5, 1, 12, recorded_at=ago(4))]
    assert values(bank(bookings=same_day), "balance_last") == {"balance_last": 12}
    assert values(bank(bookings=same_day[:2]), "balance_last") == {"balance_last": 13}


def test_a_booking_moved_by_a_correction_is_no_longer_where_it_was(bank: Bank, values: Values) -> None:
    moved = [booking("b1", 5, 1, 11), booking("b2", 5, 1, 12), booking("b2", 9, 1, 10, recorded_at=ago(4))]
    raw = bank(bookings=moved)
    assert values(raw, "balance_last", at=ago(4)) == {"balance_last": 12}
    assert values(raw, "balance_last", "history_days") == {"balance_last": 11, "history_days": 9}


def test_features_follow_owners_and_the_money_they_keep(bank: Bank, values: Values) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    account = {"valid_from": long_ago, "currency": "CNY", "opened_at": long_ago}
    kinds = {"a1": "current", "a2": "card", "a3": "savings", "a4": "current"}
    roles = {"a1": "owner", "a2": "owner", "a3": "owner", "a4": "authorised"}
    raw = bank(
        accounts=[{"account_id": name, "type": kind, **account} for name, kind in kinds.items()],
        account_owners=[
            {"account_id": name, "customer_id": "ann", "role": role, "valid_from": long_ago}
            for name, role in roles.items()
        ],
        bookings=[booking(name, 5, 10**at, 10**at, account_id=name) for at, name in enumerate(kinds)],
    )
    assert values(raw, "inflow_30d", "balance_last", "accounts_open", "accounts_authorised") == {
        "inflow_30d": 101, "balance_last": 101, "accounts_open": 3, "accounts_authorised": 1,
    }  # fmt: skip


def test_foreign_money_counts_at_the_rate_known_then(bank: Bank, values: Values) -> None:
    rates = [
        {"currency": "USD", "as_of": ago(9), "rate": 7.0},
        {"currency": "USD", "as_of": ago(3), "rate": 7.1},
        {"currency": "USD", "as_of": ago(2), "rate": 9.9, "recorded_at": DATE},
    ]
    dollars = [booking("b1", 5, 100, 100, currency="USD"), booking("b2", 6, 1, 1)]
    raw = bank(bookings=dollars, fx_rates=rates)
    assert values(raw, "inflow_30d", "balance_last") == {"inflow_30d": 711, "balance_last": 710}


def test_foreign_money_without_a_rate_is_left_out(bank: Bank, values: Values) -> None:
    raw = bank(bookings=[booking("b1", 5, 100, 100, currency="USD"), booking("b2", 6, 1, 1)])
    assert values(raw, "inflow_30d", "bookings_30d") == {"inflow_30d": 1, "bookings_30d": 2}
