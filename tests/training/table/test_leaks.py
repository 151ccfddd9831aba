import numpy as np
import pytest

from training.table.columns import Column, Form, Kind
from training.table.leaks import alone

N = 2_000
RNG = np.random.default_rng(5)
Y = (RNG.random(N) < 0.2).astype(np.int8)


def number(values) -> Column:
    return Column("x", Form(Kind.NUMBER), np.asarray(values, float), {}, {})


def words(values) -> Column:
    return Column("x", Form(Kind.CATEGORY), np.asarray(values, object), {}, {})


@pytest.mark.parametrize(
    ("column", "decides", "suspect"),
    [
        pytest.param(number(RNG.random(N)), False, False, id="noise"),
        pytest.param(words(RNG.choice([f"c{i}" for i in range(500)], N)), False, False, id="many-categories"),
        pytest.param(number(Y + RNG.normal(0, 0.4, N)), False, True, id="nearly-the-target"),
        pytest.param(number(-(Y + RNG.normal(0, 0.4, N))), False, True, id="nearly-the-target-turned"),
        pytest.param(number(np.abs(Y * 3 - RNG.choice([0, 6], N)) + RNG.normal(0, 0.5, N)), False, True,
                     id="neither-rising-nor-falling"),
        pytest.param(words(np.where(Y, "lost", "fine")), True, True, id="renamed"),
        pytest.param(number(Y + RNG.random(N) * 0.9), True, True, id="a-threshold-decides"),
        pytest.param(number(np.where(Y, RNG.random(N), np.nan)), True, True, id="filled-in-afterwards"),
    ],
)  # fmt: skip
def test_a_column_that_knows_too_much_shows_alone(column, decides, suspect):
    found = alone(column, Y)
    assert (found.decides, found.suspect) == (decides, suspect), found


def test_rare_categories_do_not_look_better_than_they_are():
    assert 0.4 < alone(words([f"c{i // 3}" for i in range(N)]), Y).auc < 0.6
