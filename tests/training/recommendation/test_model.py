import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from training.recommendation.content import BAND_COLUMNS, Content
from training.recommendation.model import Moment, candidates
from training.recommendation.ranking import rank

PRODUCTS = tuple(f"P{i}" for i in range(8))


def moment(seed: int) -> Moment:
    """Who holds product i (of the first four) adds i + 4; nothing else is ever added."""
    generator = np.random.default_rng(seed)
    held = np.zeros((900, 8), bool)
    held[np.arange(900), generator.integers(0, 4, 900)] = True
    added = np.roll(held, 4, axis=1) & (generator.random((900, 1)) < 0.5)
    matrix = generator.normal(size=(900, 3)).astype(np.float32)
    return Moment(0, matrix, held, added, np.full(900, -1))


def test_item_item_learns_what_follows_what_and_popularity_cannot():
    learned = {
        c.name: c
        for c in candidates(moment(1), moment(2), PRODUCTS, 7, only=("popularity", "item_item additions"))
    }
    later = moment(3)
    judged = {
        name: rank(c.runtime.scores(later.held), later.held, later.added) for name, c in learned.items()
    }
    assert judged["item_item additions"].mean["map_at_5"] == 1.0
    assert judged["item_item additions"].over(judged["popularity"], 7).low > 0


def test_als_gives_factors_that_the_release_folds_in_the_same_way_twice():
    name = "als 4 factors, ridge 1, confidence 2"
    first, second = (
        next(c for c in candidates(moment(1), moment(2), PRODUCTS, 7, only=(name,)) if c.name == name)
        for _ in range(2)
    )
    assert first.factors is not None
    assert (first.factors == second.factors).all()
    assert first.factors.shape == (8, 4)


def test_ndcg_agrees_with_scikit_learn():
    generator = np.random.default_rng(2)
    scores, added = generator.random((200, 8)), generator.random((200, 8)) < 0.3
    added = added[added.any(axis=1)]
    scores = scores[: len(added)]
    ours = rank(scores, np.zeros_like(added), added).mean["ndcg_at_5"]
    assert ours == pytest.approx(ndcg_score(added, scores, k=5), abs=1e-4)


def test_what_is_held_is_never_recommended():
    held = np.array([[True, False, False]])
    assert rank(np.array([[9.0, 2.0, 1.0]]), held, np.array([[False, True, False]])).mean["map_at_5"] == 1.0


def test_a_newcomer_gets_what_people_like_them_took():
    generator = np.random.default_rng(3)
    matrix = np.zeros((1000, 3), np.float32)
    matrix[:, BAND_COLUMNS.index("income_monthly")] = generator.uniform(1000, 9000, 1000)
    rich = matrix[:, BAND_COLUMNS.index("income_monthly")] > 7000
    content = Content.fit(matrix, BAND_COLUMNS, np.stack([~rich, rich], axis=1))
    assert (content.scores(matrix, BAND_COLUMNS).argmax(axis=1) == rich).mean() > 0.95


def test_somebody_of_whom_nothing_is_known_gets_the_popularity_of_their_own_band():
    matrix = np.ones((100, 3), np.float32)
    content = Content.fit(matrix, BAND_COLUMNS, np.repeat([[True, False]], 100, axis=0))
    unknown = np.full((1, 3), np.nan, np.float32)
    assert content.scores(unknown, BAND_COLUMNS)[0] == pytest.approx([1.0, 0.0], abs=1e-4)
