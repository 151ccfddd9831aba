"""Ann's bookings, small enough to check by hand. She is looked at on 1 July 2025."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import pytest

from tests.feature_repo.conftest import DATE, Row
from tests.feature_repo.features.stories import MICROSECOND, Values, ago, booking, story, tell

Bank = Callable[..., Path]
Compute = Callable[..., Values]
Everyone = Callable[..., dict[str, Values]]


def named(name: str, days: float, amount: object, balance: object, **more: Any) -> Row:
    return booking(days, amount, balance, booking_id=name, **more)


MONTHS_IN = [100, 900, 0, 600, 600, 0, 0, 0, 0, 0, 0, 0]
MONTHS_OUT = [500, 0, 200, 0, 0, 0, 0, 0, 0, 0, 1600, 0]
STORIES = {
    "a salary, and less of it": story(
        {"inflow_30d": 100, "inflow_90d": 1000, "inflow_180d": 2200, "inflow_365d": 2200, "outflow_30d": 500,
         "outflow_90d": 700, "outflow_180d": 700, "outflow_365d": 2300, "net_flow_90d": 300,
         "net_flow_365d": -100, "savings_rate_90d": 0.3, "savings_rate_365d": -1 / 22,
         "largest_inflow_90d": 900, "largest_outflow_90d": 500, "bookings_30d": 2, "bookings_90d": 4,
         "bookings_180d": 6, "bookings_365d": 7, "months_active_365d": 6, "salary_monthly_90d": 300,
         "salary_monthly_365d": 2100 * 30 / 365, "salary_months_180d": 3, "salary_months_365d": 3,
         "days_since_last_salary": 40, "salary_trend_90d": -1 / 7, "regular_payer_months_180d": 3,
         "regular_inflow_monthly_180d": 350, "inflow_concentration_180d": 21 / 22, "balance_last": 400,
         "balance_mean_30d": 350, "balance_mean_90d": 350, "balance_mean_180d": 2200 / 6,
         "balance_mean_365d": 1700 / 7, "balance_min_90d": -100, "balance_min_365d": -500,
         "balance_max_90d": 800, "balance_max_365d": 800,
         "balance_volatility_90d": pstdev((-100, 800, 300, 400)),
         "balance_volatility_365d": pstdev((-500, 100, 700, -100, 800, 300, 400)),
         "balance_trend_90d": -50 / 750, "negative_balance_bookings_90d": 1,
         "negative_balance_bookings_365d": 2, "days_since_last_booking": 10, "history_days": 365,
         "inflow_trend_30d": -0.8, "inflow_trend_90d": -1 / 11, "outflow_trend_30d": 1,
         "outflow_trend_90d": 1, "inflow_volatility_365d": pstdev(MONTHS_IN) / fmean(MONTHS_IN),
         "outflow_volatility_365d": pstdev(MONTHS_OUT) / fmean(MONTHS_OUT), "penalty_interest_365d": 1600},
        bookings=[
            booking(400, 1000, 1000, category="salary"),  # too old for any window, but part of the history
            booking(330, -1600, -500, category="penalty_interest"),
            booking(150, 600, 100, category="salary", counterparty_id="acme"),
            booking(100, 600, 700, category="pension", counterparty_id="acme"),
            booking(70, -200, -100),
            booking(40, 900, 800, category="salary", counterparty_id="acme"),
            booking(20, -500, 300),
            booking(10, 100, 400, counterparty_id="bob"),
        ],
    ),
    "windows to the microsecond": story(
        {"inflow_30d": 1, "inflow_90d": 11, "inflow_180d": 111, "inflow_365d": 1111, "outflow_30d": 0,
         "outflow_90d": 1, "outflow_180d": 11, "outflow_365d": 111, "bookings_365d": 7},
        bookings=[
            one
            for days, amount in ((30, 1), (90, 10), (180, 100), (365, 1000))
            for one in (booking(days, amount), booking(ago(days) - MICROSECOND, -amount))
        ],
    ),
    "the thirteenth month has five days": story(
        {"months_active_365d": 2, "inflow_365d": 111, "inflow_volatility_365d": pstdev([1, *[0] * 11]) * 12},
        bookings=[booking(360, 1), booking(ago(360) - MICROSECOND, 10), booking(365, 100),
                  booking(ago(365) - MICROSECOND, 1000)],
    ),
    "payers without categories": story(
        {"regular_payer_months_180d": 6, "regular_inflow_monthly_180d": 500,
         "inflow_concentration_180d": 9000 / 12060, "salary_months_180d": 0, "salary_monthly_90d": 0,
         "days_since_last_salary": None, "salary_trend_90d": None},
        bookings=[
            *(booking(days, 1000, counterparty_id="employer") for days in (5, 35, 65)),
            *(booking(days, 10, counterparty_id="brother") for days in (15, 45, 75, 105, 135, 180)),
            booking(50, 9000, counterparty_id="car buyer"),
            booking(181, 9000, counterparty_id="employer"),
            booking(20, 7777),  # from nobody knows whom
        ],
    ),
    "paid twice a month is one month": story(
        {"regular_payer_months_180d": 2, "regular_inflow_monthly_180d": 0, "inflow_concentration_180d": 1},
        bookings=[booking(days, 100, counterparty_id="shop") for days in (1, 2, 31, 32)],
    ),
    "a salary paid back": story(
        {"salary_monthly_90d": 0, "salary_months_180d": 0, "days_since_last_salary": 20},
        bookings=[booking(20, 900, category="salary"), booking(10, -900, category="salary")],
    ),
    "an account without bookings": story(
        {"bookings_90d": 0, "inflow_365d": 0, "net_flow_90d": 0, "savings_rate_90d": None,
         "largest_inflow_90d": None, "months_active_365d": 0, "salary_months_365d": 0, "balance_last": None,
         "balance_mean_90d": None, "balance_volatility_90d": None, "balance_trend_90d": None,
         "negative_balance_bookings_90d": 0, "days_since_last_booking": None, "history_days": None,
         "inflow_trend_30d": None, "inflow_volatility_365d": None, "regular_payer_months_180d": 0,
         "inflow_concentration_180d": None},
    ),
    "balances are not told": story(
        {"bookings_30d": 1, "balance_last": None, "balance_mean_30d": None, "balance_min_90d": None,
         "balance_volatility_90d": None, "negative_balance_bookings_90d": 0, "days_since_last_booking": 5,
         "history_days": 5},
        bookings=[booking(5, 1)],
    ),
    "a balance that never moves": story(
        {"balance_volatility_90d": 0, "balance_mean_90d": 9_999_999_999.99},
        bookings=[booking(days, 1, "9999999999.99") for days in range(1, 30)],
    ),
    "only money that left": story(
        {"savings_rate_90d": None, "net_flow_90d": -5, "largest_inflow_90d": None,
         "inflow_volatility_365d": None},
        bookings=[booking(5, -5)],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Values]:
    return tell(tmp_path_factory.mktemp("activity"), STORIES)


@pytest.mark.parametrize("name", STORIES)
def test_what_flowed_comes_to(name: str, told: dict[str, Values]) -> None:
    assert told[name] == pytest.approx(STORIES[name].expected)


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
            named(who, 0, 5, 5, account_id=who, booked_at=booked, recorded_at=recorded)
            for who, (booked, recorded, _) in EDGES.items()
        ],
    )
    answer = everyone(raw, list(EDGES), "bookings_30d")
    seen = {who: row["bookings_30d"] for who, row in answer.items()}
    assert seen == {who: wanted for who, (_, _, wanted) in EDGES.items()}


def test_of_a_corrected_booking_counts_what_was_known_then(bank: Bank, values: Compute) -> None:
    raw = bank(
        bookings=[
            named("b1", 20, 100, 100),
            named("b1", 20, 70, 70, recorded_at=ago(10)),
            named("b1", 20, 999, 999, recorded_at=DATE),
        ]
    )
    assert values(raw, "inflow_30d", "balance_last") == {"inflow_30d": 70, "balance_last": 70}
    assert values(raw, "inflow_30d", at=ago(10)) == {"inflow_30d": 100}


def test_of_bookings_at_the_same_moment_the_last_recorded_then_the_greatest_id_is_last(
    bank: Bank, values: Compute
) -> None:
    same_day = [named("b3", 5, 1, 13), named("b1", 5, 1, 11), named("b2", 5, 1, 12, recorded_at=ago(4))]
    assert values(bank(bookings=same_day), "balance_last") == {"balance_last": 12}
    assert values(bank(bookings=same_day[:2]), "balance_last") == {"balance_last": 13}


def test_a_booking_moved_by_a_correction_is_no_longer_where_it_was(bank: Bank, values: Compute) -> None:
    moved = [named("b1", 5, 1, 11), named("b2", 5, 1, 12), named("b2", 9, 1, 10, recorded_at=ago(4))]
    raw = bank(bookings=moved)
    assert values(raw, "balance_last", at=ago(4)) == {"balance_last": 12}
    assert values(raw, "balance_last", "history_days") == {"balance_last": 11, "history_days": 9}


def test_features_follow_owners_and_the_money_they_keep(bank: Bank, values: Compute) -> None:
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
        bookings=[named(name, 5, 10**at, 10**at, account_id=name) for at, name in enumerate(kinds)],
    )
    assert values(raw, "inflow_30d", "balance_last", "accounts_open", "accounts_authorised") == {
        "inflow_30d": 101, "balance_last": 101, "accounts_open": 3, "accounts_authorised": 1,
    }  # fmt: skip


def test_foreign_money_counts_at_the_rate_known_then(bank: Bank, values: Compute) -> None:
    rates = [
        {"currency": "USD", "as_of": ago(9), "rate": 7.0},
        {"currency": "USD", "as_of": ago(3), "rate": 7.1},
        {"currency": "USD", "as_of": ago(2), "rate": 9.9, "recorded_at": DATE},
    ]
    dollars = [named("b1", 5, 100, 100, currency="USD"), named("b2", 6, 1, 1)]
    raw = bank(bookings=dollars, fx_rates=rates)
    assert values(raw, "inflow_30d", "balance_last") == {"inflow_30d": 711, "balance_last": 710}


def test_foreign_money_without_a_rate_is_left_out(bank: Bank, values: Compute) -> None:
    raw = bank(bookings=[named("b1", 5, 100, 100, currency="USD"), named("b2", 6, 1, 1)])
    assert values(raw, "inflow_30d", "bookings_30d") == {"inflow_30d": 1, "bookings_30d": 2}
