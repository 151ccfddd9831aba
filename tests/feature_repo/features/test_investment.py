"""What Ann invests in."""

import pytest

from tests.feature_repo.conftest import DATE, Row
from tests.feature_repo.features.stories import Values, ago, booking, of_ann, story, tell, version

holding = of_ann(currency="CNY")
LEVELS = {"deposit": ("R1", None), "fund": ("R3", "R4"), "pension": ("R2", "R2"), "savings": ("R1", None)}
PRODUCTS: list[Row] = [
    *(
        {"product_id": family, "valid_from": ago(900), "family": family, "risk_level": issuer,
         "seller_risk_level": seller}
        for family, (issuer, seller) in LEVELS.items()
    ),
    {"product_id": "wild", "valid_from": ago(900), "family": "fund", "risk_level": "R5"},
    {"product_id": "unrated", "valid_from": ago(900), "family": "fund"},
    {"product_id": "worse", "valid_from": ago(900), "family": "fund", "risk_level": "R1"},
    {"product_id": "worse", "valid_from": ago(50), "family": "fund", "risk_level": "R4"},
]  # fmt: skip


def bought(product: str, days: float, **more: object) -> Row:
    return holding(product_id=product, opened_at=ago(days), **more)


STORIES = {
    "a saver who once dared": story(
        {"deposit_value": 1000, "fund_value": 600, "pension_value": 400, "risky_share": 0.3,
         "risk_held_mean": (1 * 1000 + 4 * 600 + 2 * 400) / 2000,
         "risk_bought_mean": (1 * 1000 + 4 * 500 + 2 * 400 + 5 * 2000) / 3900, "risk_bought_max_365d": 2,
         "investments_bought_365d": 2, "investment_amount_365d": 1400, "investment_amount_max": 2000,
         "market_purchases": 3, "days_since_last_investment": 60, "risk_room": 3 - 4,
         "investments_to_wealth": 0.7},
        customers=[version(900, risk_level="C3")],
        bookings=[booking(3, 1, 3000)],
        holdings=[
            bought("deposit", 60, amount=1000),
            bought("fund", 500, amount=500, value=600),
            bought("pension", 300, amount=400),
            bought("savings", 20, amount=5000),
            bought("wild", 400, amount=2000, closed_at=ago(100)),
        ],
    ),
    "nothing": story(
        {"deposit_value": 0, "risky_share": None, "risk_held_mean": None, "risk_bought_max_365d": None,
         "investments_bought_365d": 0, "investment_amount_max": 0, "market_purchases": 0,
         "days_since_last_investment": None, "risk_room": None, "investments_to_wealth": None},
    ),
    "savings alone are no investment": story(
        {"risky_share": None, "risk_held_mean": None, "investments_bought_365d": 0,
         "investment_amount_365d": 0, "days_since_last_investment": None, "risk_bought_max_365d": 1,
         "investments_to_wealth": 1},
        bookings=[booking(3, -1, -100)],  # what is owed is no wealth
        holdings=[bought("savings", 20, amount=50)],
    ),
    "a fund of unknown risk": story(
        {"fund_value": 150, "risky_share": 100 / 150, "risk_held_mean": 4, "risk_bought_max_365d": 4},
        holdings=[bought("fund", 20, amount=100), bought("unrated", 20, amount=50)],
    ),
    "a fund that became riskier": story(
        {"risky_share": 1, "risk_held_mean": 4, "risk_bought_mean": 4, "risk_room": 1},
        customers=[version(900, risk_level="C5")],
        holdings=[bought("worse", 200, amount=10)],
    ),
    "dollars in a fund": story(
        {"fund_value": 700, "investment_amount_365d": 630, "risk_held_mean": 4},
        holdings=[bought("fund", 9, amount=90, value=100, currency="USD", closed_at=DATE, recorded_at=ago(8)),
                  bought("deposit", 9, amount=0)],
    ),
    "a year ago to the microsecond": story(
        {"investments_bought_365d": 1, "investment_amount_365d": 3, "risk_bought_max_365d": 1},
        holdings=[bought("deposit", 365, amount=3), bought("fund", 365.00001, amount=4)],
    ),
    "an amount corrected twice": story(
        {"investment_amount_max": 8, "deposit_value": 8},
        holdings=[bought("deposit", 9, amount=500), bought("deposit", 9, amount=8, recorded_at=ago(5)),
                  bought("deposit", 9, amount=900, recorded_at=DATE)],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Values]:
    rate = [{"currency": "USD", "as_of": ago(20), "rate": 7.0}]
    return tell(tmp_path_factory.mktemp("investment"), STORIES, products=PRODUCTS, fx_rates=rate)


@pytest.mark.parametrize("name", STORIES)
def test_what_was_invested_comes_to(name: str, told: dict[str, Values]) -> None:
    assert told[name] == pytest.approx(STORIES[name].expected)
