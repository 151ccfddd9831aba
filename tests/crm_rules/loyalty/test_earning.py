from datetime import UTC, datetime, timedelta, timezone

import pytest

from crm_rules.loyalty.earning import expires_at, points_for
from crm_rules.loyalty.lots import Lot, draw
from crm_rules.policy import Policy


@pytest.mark.parametrize(
    ("amount", "category", "points"),
    [
        pytest.param(-100_00, "card_payment", 10, id="spent"),
        pytest.param(-9_99, "card_payment", 0, id="too-little"),
        pytest.param(-10_00, "card_payment", 1, id="just-enough"),
        pytest.param(-19_99, "card_payment", 1, id="rounded-down"),
        pytest.param(100_00, "card_payment", -10, id="refund-takes-the-same"),
        pytest.param(-100_00, "household", 5, id="another-rate"),
        pytest.param(-100_00, "rent", 0, id="no-earning-category"),
        pytest.param(0, "card_payment", 0, id="nothing"),
        pytest.param(-(10**15), "card_payment", 10**12, id="exact-when-huge"),
    ],
)
def test_points_of_a_booking(policy: Policy, amount: int, category: str, points: int) -> None:
    assert points_for(amount, category, policy.loyalty) == points


@pytest.mark.parametrize(
    ("earned", "end"),
    [
        pytest.param(datetime(2024, 1, 31, 8, tzinfo=UTC), (2026, 2, 1), id="the-day-ends"),
        pytest.param(datetime(2024, 2, 29, 23, tzinfo=UTC), (2026, 3, 1), id="leap-day"),
        pytest.param(datetime(2024, 12, 31, tzinfo=UTC), (2027, 1, 1), id="new-year"),
        pytest.param(
            datetime(2024, 1, 1, 3, tzinfo=timezone(timedelta(hours=8))), (2026, 1, 1), id="counted-in-utc"
        ),
    ],
)
def test_points_last_to_the_end_of_their_last_day(
    policy: Policy, earned: datetime, end: tuple[int, int, int]
) -> None:
    assert expires_at(earned, policy.loyalty) == datetime(*end, tzinfo=UTC)


def test_a_debit_draws_on_the_earliest_expiry_first_then_on_the_older_lot() -> None:
    soon, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    lots = [Lot(3, 10, late), Lot(2, 10, soon), Lot(1, 10, soon)]
    assert draw(lots, 25) == [(1, 10), (2, 10), (3, 5)]
    assert draw(lots, 99) == [(1, 10), (2, 10), (3, 10)]
    assert draw(lots, 0) == []
