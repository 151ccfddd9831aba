"""What Ann holds, and for how long."""

from collections.abc import Callable
from pathlib import Path

import pytest

from feature_repo.raw.contracts import FAMILIES
from tests.feature_repo.conftest import DATE, Row
from tests.feature_repo.features.stories import SECOND, Values, ago, of_ann, story, tell

Bank = Callable[..., Path]
holding = of_ann(currency="CNY")
PRODUCTS: list[Row] = [
    *({"product_id": family, "valid_from": ago(900), "family": family} for family in FAMILIES),
    {"product_id": "f", "valid_from": ago(900), "family": "fund", "risk_level": "R3",
     "seller_risk_level": "R4"},
    {"product_id": "f", "valid_from": ago(10), "family": "fund", "risk_level": "R5", "recorded_at": DATE},
    {"product_id": "s", "valid_from": ago(900), "family": "savings", "risk_level": "R1"},
]  # fmt: skip


def bought(product: str, days: float, **more: object) -> Row:
    return holding(product_id=product, opened_at=ago(days), **more)


STORIES = {
    "savings twice, a fund, and a card given up": story(
        {"products_held": 2, "families_held": 2, "has_savings": 1, "has_card": 0, "has_fund": 1,
         "has_loan": 0, "holdings_value": 177.5, "product_risk_held_max": 4, "days_since_last_purchase": 80,
         "days_since_first_purchase": 500, "days_since_last_closing": 5, "products_bought_90d": 1,
         "products_bought_365d": 2, "products_closed_365d": 1, "products_ever": 3,
         "holding_days_mean": (500 + 300 + 80) / 3},
        holdings=[
            bought("f", 500, amount=100, value="120.5"),
            bought("f", 500, amount=100, value=0, closed_at=DATE, recorded_at=DATE),
            bought("s", 300, amount=50),
            bought("s", 80, amount=7),
            bought("card", 400),
            bought("card", 400, closed_at=ago(5), recorded_at=ago(5)),
        ],
    ),
    "one of everything": story(
        {"products_held": len(FAMILIES), "families_held": len(FAMILIES), "has_savings": 1, "has_deposit": 1,
         "has_card": 1, "has_loan": 1, "has_mortgage": 1, "has_fund": 1, "has_insurance": 1,
         "has_pension": 1, "holdings_value": 4, "product_risk_held_max": None},
        holdings=[bought(family, 9, amount=1) for family in FAMILIES],
    ),
    "nothing": story(
        {"products_held": 0, "families_held": 0, "has_card": 0, "holdings_value": 0,
         "product_risk_held_max": None, "days_since_last_purchase": None, "products_bought_365d": 0,
         "products_ever": 0, "holding_days_mean": None, "products_maturing_90d": 0},
    ),
    "some products fall due": story(
        {"products_maturing_90d": 2, "products_held": 3, "days_since_last_closing": 2},
        holdings=[
            bought("deposit", 20, matures_at=DATE),
            bought("deposit", 21, matures_at=ago(-90)),
            bought("deposit", 22, matures_at=ago(-90) + SECOND),
            bought("deposit", 23, matures_at=ago(1)),
            bought("s", 24, matures_at=ago(-10), closed_at=ago(2)),
            bought("f", 25), bought("card", 26),
        ],
    ),
    "closed in the last second": story(
        {"products_held": 0, "products_closed_365d": 1, "days_since_last_closing": 1 / 86_400},
        holdings=[bought("s", 20, closed_at=DATE - SECOND)],
    ),
    "closed a year ago to the second, and before": story(
        {"products_closed_365d": 1, "products_ever": 2},
        holdings=[bought("s", 500, closed_at=ago(365)), bought("f", 500, closed_at=ago(365) - SECOND)],
    ),
    "closed at the date is held": story(
        {"products_held": 1, "products_closed_365d": 0, "days_since_last_closing": None},
        holdings=[bought("s", 20, closed_at=DATE)],
    ),
    "a closing that was taken back": story(
        {"products_held": 1, "products_closed_365d": 0},
        holdings=[bought("s", 20, closed_at=ago(9)), bought("s", 20, recorded_at=ago(8))],
    ),
    "bought 90 and 365 days ago": story(
        {"products_bought_90d": 1, "products_bought_365d": 2},
        holdings=[bought("s", days) for days in (90, 90.00001, 365.00001)],
    ),
    "a product nobody described": story(
        {"products_held": 1, "families_held": 0, "holdings_value": 0},
        holdings=[bought("ghost", 20, amount=5)],
    ),
    "dollars, and dollars without an amount": story(
        {"holdings_value": 7}, holdings=[bought("s", 20, amount=1, currency="USD"),
                                         bought("s", 21, currency="USD")],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Values]:
    rate = [{"currency": "USD", "as_of": ago(20), "rate": 7.0}]
    return tell(tmp_path_factory.mktemp("holdings"), STORIES, products=PRODUCTS, fx_rates=rate)


@pytest.mark.parametrize("name", STORIES)
def test_what_is_held_comes_to(name: str, told: dict[str, Values]) -> None:
    assert told[name] == pytest.approx(STORIES[name].expected)


def test_without_the_products_table_only_families_are_unknown(
    bank: Bank, values: Callable[..., Values]
) -> None:
    answer = values(bank(holdings=[bought("f", 9)]), "products_held", "has_card", "holdings_value")
    assert list(answer.values()) == [1, None, None]
