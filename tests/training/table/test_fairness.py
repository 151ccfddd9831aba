import numpy as np
import pytest

from training.table.columns import Column, Form, Kind
from training.table.fairness import compared, sentences

N = 1_000
SEX = np.array(["f", "m"], object)[(np.arange(N) % 5 > 0).astype(int)]  # 200 f, 800 m
RNG = np.random.default_rng(3)
Y = (RNG.random(N) < 0.3).astype(np.int8)


def by_sex(p, risk: bool = True):
    return compared(Column("sex", Form(Kind.CATEGORY), SEX, {}, {}), Y, p, risk)


def test_equal_scores_give_ratios_near_one():
    found = by_sex(RNG.random(N))
    assert [group.name for group in found.groups] == ["m", "f"]
    assert found.adverse_impact_ratio == pytest.approx(1, abs=0.15)
    assert not list(sentences(found))


@pytest.mark.parametrize(
    ("risk", "harmed"), [pytest.param(True, "f", id="credit"), pytest.param(False, "m", id="offer")]
)
def test_a_higher_score_harms_in_credit_and_helps_in_an_offer(risk, harmed):
    found = by_sex(RNG.random(N) + 0.5 * (SEX == "f"), risk)
    favoured = {group.name: group.favoured for group in found.groups}
    assert min(favoured, key=lambda name: favoured[name]) == harmed


def test_a_ratio_below_four_fifths_is_said_with_its_interval():
    (said,) = sentences(by_sex(RNG.random(N) + 0.5 * (SEX == "f")))
    assert "sex 'f'" in said
    assert "below 0.8" in said


def test_rates_and_opportunity_are_counted_by_hand():
    p = np.where(SEX == "f", 0.6, 0.1) + np.arange(N) * 1e-6
    found = by_sex(p)
    women = found.groups[1]
    men = found.groups[0].deserving_favoured
    assert women.observed == pytest.approx(Y[SEX == "f"].mean())
    assert women.predicted == pytest.approx(0.6, abs=1e-3)
    assert (women.favoured, women.deserving_favoured, found.equal_opportunity) == (0.0, 0.0, men)


def test_many_numbers_are_compared_in_quarters_and_the_missing_apart():
    ages = np.where(np.arange(N) < 100, np.nan, np.arange(N) % 60 + 18.0)
    found = compared(Column("age", Form(Kind.NUMBER), ages, {}, {}), Y, RNG.random(N), True)
    names = {group.name for group in found.groups}
    assert len(names) == 5
    assert "(missing)" in names
