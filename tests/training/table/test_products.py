import json

import numpy as np
import pandas as pd
import pytest

from training.table.command import train_on_table
from training.table.errors import NotOnATable, TooFewRows
from training.table.options import Task
from training.table.unlabelled import NoTarget

PRODUCTS = ["card", "loan", "fund", "deposit", "pension"]


def holdings(n: int = 600, seed: int = 5) -> pd.DataFrame:
    """Who has a fund has a pension, who has a card has a loan; a deposit says nothing."""
    rng = np.random.default_rng(seed)
    invests, borrows = rng.random(n) < 0.4, rng.random(n) < 0.4
    chance = {
        "card": borrows,
        "loan": borrows,
        "fund": invests,
        "pension": invests,
        "deposit": np.ones(n) / 2,
    }
    return pd.DataFrame({name: (rng.random(n) < 0.05 + 0.9 * chance[name]).astype(int) for name in PRODUCTS})


def recommended(written, tmp_path, frame: pd.DataFrame, **asked: object) -> dict[str, object]:
    task = Task("recommendation", written(frame), **asked)  # type: ignore[arg-type]
    return json.loads(train_on_table(task, tmp_path).to_json())


def test_hidden_holdings_are_found_better_than_by_popularity(written, tmp_path):
    frame = holdings().assign(customer_id=range(600), age=40)
    found = recommended(written, tmp_path, frame)
    assert set(found["products"]) == set(PRODUCTS)
    assert found["over_popularity"]["interval"][0] > 0.05
    assert found["map_at_5"] > found["baseline"]["popularity"]["map_at_5"]
    assert any("'customer_id'" in warning for warning in found["warnings"])


def test_holdings_that_say_nothing_of_each_other_win_nothing(written, tmp_path):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({name: (rng.random(600) < 0.5).astype(int) for name in PRODUCTS})
    low, high = recommended(written, tmp_path, frame)["over_popularity"]["interval"]
    assert low < 0.03
    assert high > -0.03


@pytest.mark.parametrize(
    ("frame", "asked", "error", "said"),
    [
        pytest.param(
            holdings()[["card", "loan"]], {}, NotOnATable, "3 columns of 0 and 1", id="two-products"
        ),
        pytest.param(holdings(90), {}, TooFewRows, "hold two products", id="too-few-customers"),
        pytest.param(holdings(), {"target": "loan"}, NoTarget, "learns from the rows alone", id="a-target"),
    ],
)
def test_a_table_that_holds_no_holdings_is_refused(written, tmp_path, frame, asked, error, said):
    with pytest.raises(error, match=said):
        recommended(written, tmp_path, frame, **asked)
