"""How Ann pays and what for."""

from typing import Any

import pytest

from tests.feature_repo.conftest import ANNS, OWNS
from tests.feature_repo.features.stories import Values, account, ago, booking, right, story, tell


def paid(days: float, amount: object, channel: str, category: str, **more: Any) -> Any:
    return booking(days, amount, channel=channel, category=category, **{"is_cash": False, **more})


STORIES = {
    "half a year": story(
        {"cash_share_90d": 2 / 9, "cash_share_365d": 0.3, "cash_in_90d": 80, "cash_out_90d": 30,
         "cash_out_365d": 530, "cash_out_share_90d": 0.03, "foreign_share_90d": 1 / 4,
         "foreign_share_365d": 2 / 5, "mobile_share_90d": 0.2, "mobile_share_365d": 3 / 12,
         "online_share_90d": 0.1, "branch_share_90d": 0.1, "branch_share_365d": 2 / 12,
         "atm_share_90d": 0.2, "card_share_90d": 0.1, "card_share_365d": 1 / 12,
         "standing_order_share_90d": 0.1, "mobile_trend_90d": 0.2 - 0.5, "rent_share_90d": 0.2,
         "household_share_90d": 0.05, "insurance_share_90d": 0.04, "card_payment_share_90d": 0.1,
         "card_payment_share_365d": 0.55, "loan_payment_share_90d": 0.06, "investment_share_365d": 0.06,
         "transfer_out_share_90d": 0.3, "transfer_out_share_365d": 0.15, "fees_365d": 100,
         "invested_90d": 120, "invested_365d": 120, "counterparties_180d": 6, "payment_recency_days": 5,
         "payments_30d": 3, "payments_90d": 5, "payments_365d": 7, "outflow_per_booking_90d": 1000 / 9},
        bookings=[
            paid(5, -100, "card", "card_payment", counterparty_country="CN", counterparty_id="shop"),
            paid(10, -50, "mobile", "household", counterparty_country="US", counterparty_id="web"),
            paid(15, -200, "branch", "rent", counterparty_country="CN", counterparty_id="landlord"),
            paid(20, -30, "atm", "cash_out", is_cash=True),
            paid(25, 80, "atm", "cash_in", is_cash=True),
            paid(40, -40, "online", "insurance", counterparty_country="CN", counterparty_id="insurer"),
            paid(45, -60, "standing_order", "loan_payment"),
            paid(50, -120, "transfer", "investment", counterparty_id="broker"),
            paid(55, -300, "transfer", "transfer_out", counterparty_id="bob"),
            paid(60, -100, "mobile", "fee", is_cash=None),
            paid(120, -500, "mobile", "card_payment", is_cash=True, counterparty_country="US",
                 counterparty_id="shop"),
            paid(150, -500, "branch", "card_payment", is_cash=None),
            paid(400, -999, "mobile", "fee", is_cash=True, counterparty_id="long ago"),
        ],
    ),
    "nothing is told but the amount": story(
        {"cash_share_90d": None, "foreign_share_90d": None, "mobile_share_90d": None,
         "mobile_trend_90d": None, "cash_out_90d": 0, "cash_out_share_90d": 0, "rent_share_90d": 0,
         "fees_365d": 0, "counterparties_180d": 0, "payments_30d": 0, "payment_recency_days": None,
         "outflow_per_booking_90d": 100},
        bookings=[booking(5, -100)],
    ),
    "money came in only": story(
        {"cash_in_90d": 0, "cash_out_share_90d": None, "rent_share_90d": None, "payments_90d": 0,
         "outflow_per_booking_90d": None, "mobile_share_90d": 1},
        bookings=[booking(5, 100, channel="mobile")],
    ),
    "a booking of nothing is not one that left": story(
        {"outflow_per_booking_90d": 100},
        bookings=[booking(5, -100), booking(6, 0)],
    ),
    "no bookings": story(
        {"cash_share_90d": None, "cash_in_90d": 0, "foreign_share_365d": None, "fees_365d": 0,
         "counterparties_180d": 0, "payments_365d": 0, "outflow_per_booking_90d": None},
    ),
    "a refund is no fee": story(
        {"fees_365d": 5}, bookings=[booking(5, -5, category="fee"), booking(4, 3, category="fee")]
    ),
    "counterparties of 180 days to the microsecond": story(
        {"counterparties_180d": 1},
        bookings=[booking(180, -5, counterparty_id="in"), booking(180.00001, -5, counterparty_id="out")],
    ),
    "a card account is not where money is kept": story(
        {"payments_30d": 1, "counterparties_180d": 1},
        accounts=[ANNS, account("a2", type="card"), account("a3")],
        account_owners=[OWNS, right("a2"), right("a3", "authorised")],
        bookings=[booking(3, -5, channel="card", counterparty_id=name, account_id=name,
                          booking_id=name)
                  for name in ("a1", "a2", "a3")],
    ),
    "the shop was in another country, corrected": story(
        {"foreign_share_90d": 1, "cash_out_90d": 40},
        bookings=[
            booking(9, -50, counterparty_country="CN", is_cash=True, booking_id="b"),
            booking(9, -40, counterparty_country="US", is_cash=True, booking_id="b", recorded_at=ago(2)),
            booking(9, -30, counterparty_country="CN", is_cash=True, booking_id="b", recorded_at=ago(0)),
        ],
    ),
    "dollars drawn": story(
        {"cash_out_90d": 70, "outflow_per_booking_90d": 70},
        bookings=[booking(9, -10, currency="USD", is_cash=True)],
    ),
}  # fmt: skip
RATE = [{"currency": "USD", "as_of": ago(20), "rate": 7.0}]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Values]:
    return tell(tmp_path_factory.mktemp("spending"), STORIES, fx_rates=RATE)


@pytest.mark.parametrize("name", STORIES)
def test_what_was_spent_comes_to(name: str, told: dict[str, Values]) -> None:
    assert told[name] == pytest.approx(STORIES[name].expected)
