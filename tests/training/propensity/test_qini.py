import numpy as np
import pytest

from training.propensity.qini import Arms, by_tenth, known_qini, qini, qini_interval, random_qini

N = 20_000


@pytest.fixture(scope="module")
def offers() -> tuple[Arms, np.ndarray]:
    """Offers whose true uplift runs from 0 to .2, shown to seven in ten."""
    rng = np.random.default_rng(1)
    uplift, treated = rng.uniform(0, 0.2, N), rng.random(N) < 0.7
    y = rng.random(N) < 0.05 + uplift * treated
    return Arms.of(y, treated, np.full(N, 0.7)), uplift


def by_hand(score: np.ndarray, arms: Arms) -> float:
    """The docstring's formula, offer by offer."""
    order, area, before = np.argsort(-score), 0.0, 0.0
    y, t = arms.y[order], arms.treated[order]
    gains = []
    for best in range(1, len(y) + 1):
        shown, kept = t[:best], ~t[:best]
        gains.append((y[:best] * shown).sum() / t.sum() - (y[:best] * kept).sum() / (~t).sum())
    for gain in gains:
        area += (before + gain) / 2 / len(y)
        before = gain
    return area - gains[-1] / 2


def test_it_is_the_area_the_docstring_defines(offers):
    arms, uplift = offers
    few = np.arange(400)
    assert qini(uplift[few], arms.rows(few)) == pytest.approx(by_hand(uplift[few], arms.rows(few)))


def test_it_estimates_what_the_truth_would_give(offers):
    arms, uplift = offers
    found = qini_interval(uplift, arms, 7)
    assert found.low < known_qini(uplift, uplift) < found.high
    assert known_qini(uplift, uplift) == pytest.approx(0.2 / 12, rel=0.02)


def test_a_random_ranking_is_worth_nothing_and_a_reversed_one_less(offers):
    arms, uplift = offers
    random = qini_interval(np.random.default_rng(2).random(N), arms, 7)
    assert random.low < 0 < random.high
    assert qini(-uplift, arms) == pytest.approx(-qini(uplift, arms))


def test_random_rankings_lie_about_zero_and_the_truth_outside_them(offers):
    arms, uplift = offers
    band = random_qini(arms, 7)
    assert band.low < 0 < band.high
    assert abs(band.value) < 0.2 * band.high
    assert qini(uplift, arms) > band.high


def test_equal_scores_rank_nobody_before_another(offers):
    arms, _ = offers
    assert qini(np.zeros(N), arms) == pytest.approx(0, abs=1e-12)


def test_offers_made_likelier_to_good_buyers_are_weighted_back():
    rng = np.random.default_rng(3)
    base = rng.uniform(0, 0.4, N)
    chance = np.where(base > 0.2, 0.9, 0.3)  # whoever buys anyway is shown more
    treated = rng.random(N) < chance
    y = rng.random(N) < base + 0.05 * treated
    known, ignored = Arms.of(y, treated, chance), Arms.of(y, treated)
    assert known.worth().sum() == pytest.approx(0.05, abs=0.02)
    assert ignored.worth().sum() > 0.1


def test_the_bootstrap_draws_customers_not_offers(offers):
    arms, uplift = offers
    few = arms.rows(np.arange(2_000))
    apart = qini_interval(uplift[:2_000], few, 7)
    crowd = Arms(few.y, few.treated, few.chance, np.arange(2_000) % 40)
    together = qini_interval(uplift[:2_000], crowd, 7)
    assert together.high - together.low != pytest.approx(apart.high - apart.low, rel=0.02)


def test_a_paired_difference_is_surer_than_two_intervals(offers):
    arms, uplift = offers
    worse = uplift + np.random.default_rng(4).normal(0, 0.02, N)
    paired = qini_interval(uplift, arms, 7, worse)
    alone = qini_interval(uplift, arms, 7)
    assert paired.value == pytest.approx(qini(uplift, arms) - qini(worse, arms))
    assert paired.high - paired.low < 0.6 * (alone.high - alone.low)


def test_tenths_go_from_the_most_moved_to_the_least(offers):
    arms, uplift = offers
    tenths = by_tenth(uplift, arms)
    assert sum(each.n for each in tenths) == N
    assert tenths[0].said > 0.18
    assert tenths[-1].said < 0.02
    assert all(each.low - 0.02 < each.said < each.high + 0.02 for each in tenths)


def test_one_arm_alone_has_no_qini(offers):
    arms, uplift = offers
    shown = arms.rows(arms.treated)
    assert np.isnan(qini(uplift[arms.treated], shown))
    assert np.isnan(qini_interval(uplift[arms.treated], shown, 7).low)
