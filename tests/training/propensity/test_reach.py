import numpy as np
import pytest

from training.propensity.reach import Reach


@pytest.fixture
def train() -> tuple[np.ndarray, np.ndarray]:
    """Ten thousand customers; only those of 3 to 23 months who hold nothing yet ever buy."""
    generator = np.random.default_rng(1)
    months, holds = generator.uniform(0, 60, 10_000), generator.random(10_000) < 0.3
    could = (months > 3) & (months < 23) & ~holds
    matrix = np.stack([months, np.where(holds, 1.0, 0.0), generator.normal(size=10_000)], axis=1)
    return matrix.astype(np.float32), (could & (generator.random(10_000) < 0.1)).astype(np.int8)


@pytest.mark.parametrize(("months", "holds", "reached"), [
    pytest.param(12, 0, True, id="may-buy"),
    pytest.param(40, 0, False, id="too-long-a-customer"),
    pytest.param(12, 1, False, id="has-it-already"),
])  # fmt: skip
def test_only_those_of_whom_somebody_alike_bought_are_in_reach(train, months, holds, reached):
    asked = np.array([[months, holds, 0.0]], np.float32)
    assert Reach.of(train[0], asked).within(train[1]).tolist() == [reached]


def test_what_is_unknown_is_in_reach_until_enough_of_them_did_not_buy(train):
    matrix, y = train
    asked = np.array([[12, np.nan, 0.0]], np.float32)
    assert Reach.of(matrix, asked).within(y).all()
    matrix[y == 0, 1] = np.where(np.arange((y == 0).sum()) % 4 == 0, np.nan, matrix[y == 0, 1])
    assert not Reach.of(matrix, asked).within(y).any()


def test_a_rare_purchase_by_chance_puts_nobody_out_of_reach():
    generator = np.random.default_rng(2)
    matrix = generator.normal(size=(20_000, 30)).astype(np.float32)
    y = (generator.random(20_000) < 0.02).astype(np.int8)
    assert Reach.of(matrix, matrix).within(y).all()
