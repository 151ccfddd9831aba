import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks as checks

from tests.training.recommendation.conftest import COLUMNS, FACTS, moment
from training.recommendation.collaborative import FILTERS
from training.recommendation.estimator import ProductRecommender, hide_one
from training.recommendation.ranking import rank
from training.validation import auc, calibration_error

HELD, ADDED = [[0, 1], [1, 0]], [[0, 0], [0, 1]]
DATA = os.environ.get("BANK_TEST_DATA", "")


@pytest.fixture(scope="module")
def fitted(half_years):
    learn = half_years[0]
    return ProductRecommender(own=10.0).fit(
        learn.held, learn.added, features=learn.matrix, columns=COLUMNS, segments=learn.segments,
        products=FACTS,
    )  # fmt: skip


@pytest.mark.parametrize(
    "check",
    [
        checks.check_no_attributes_set_in_init, checks.check_parameters_default_constructible,
        checks.check_get_params_invariance, checks.check_set_params,
        checks.check_estimator_repr, checks.check_estimator_cloneable,
    ],
    ids=lambda check: check.__name__,
)  # fmt: skip
def test_scikit_learns_checks_that_need_no_continuous_x_pass(check):
    check("ProductRecommender", ProductRecommender())


def test_an_unfitted_one_says_so_and_fitting_twice_gives_the_same(half_years):
    learn = half_years[0]
    with pytest.raises(NotFittedError):
        ProductRecommender().predict_proba(learn.held)
    once = ProductRecommender(filter="bpr").fit(learn.held, learn.added)
    again = clone(once).fit(learn.held, learn.added)
    assert (once.predict_proba(learn.held) == again.predict_proba(learn.held)).all()


def test_its_chances_are_calibrated_and_its_order_follows_the_known_rules(fitted, half_years):
    later = half_years[1]
    chance = fitted.predict_proba(later.held, features=later.matrix, segments=later.segments)
    there = ~later.held
    y = later.added[there].astype(np.int8)
    assert calibration_error(y, chance[there]) < 0.015
    assert auc(y, chance[there]) > 0.7
    judged, plain = (
        rank(scores, later.held, later.added)
        for scores in (chance, np.tile(half_years[0].added.mean(axis=0), (len(later), 1)))
    )
    assert judged.over(plain, 7).low > 0.05


@pytest.mark.parametrize("hidden", ["features", "segments"])
def test_what_is_left_out_is_missed(fitted, half_years, hidden):
    later = half_years[1]
    given = {"features": later.matrix, "segments": later.segments}
    whole = rank(fitted.predict_proba(later.held, **given), later.held, later.added)
    less = rank(fitted.predict_proba(later.held, **(given | {hidden: None})), later.held, later.added)
    assert whole.over(less, 7).low > 0


def test_a_new_product_is_placed_by_its_attributes(half_years):
    learn, later = half_years[0], half_years[1]
    kept, new = [at for at in range(9) if at != 8], 8  # loan-2: the rich add it
    model = ProductRecommender().fit(
        learn.held[:, kept], learn.added[:, kept], features=learn.matrix, columns=COLUMNS,
        products=[FACTS[at] for at in kept],
    ).recommender_  # fmt: skip
    odds = model.margins(model.shelf_of([FACTS[new]]), later.held[:, kept], later.matrix)[:, 0]
    there = ~later.held[:, new]
    assert auc(later.added[there, new].astype(np.int8), odds[there]) > 0.6


def test_five_products_nobody_holding_anything_and_one_holding_all():
    rng = np.random.default_rng(2)
    held, added = np.zeros((400, 5), int), (rng.random((400, 5)) < [0.3, 0.2, 0.1, 0.05, 0.01]).astype(int)
    model = ProductRecommender(filter="als").fit(held, added)
    assert model.recommend(held[:2]).tolist() == [[0, 1, 2, 3, 4]] * 2
    assert model.predict_proba(held).mean(axis=0) == pytest.approx(added.mean(axis=0), abs=0.01)
    assert model.recommend(np.ones((1, 5), int)).tolist() == [[-1] * 5]


def test_of_a_family_hardly_ever_added_from_nothing_is_said(half_years):
    learn = half_years[0]
    added = learn.added.copy()
    added[:, 3:6] = False
    model = ProductRecommender().fit(learn.held, added, products=FACTS)
    assert np.isnan(model.predict_proba(learn.held[:3])).tolist() == [[f == "fund" for f in _families()]] * 3
    assert not np.isin(model.recommend(learn.held, k=9), (3, 4, 5)).any()


def _families() -> list[str]:
    return [each.family for each in FACTS]


@pytest.mark.parametrize(
    ("held", "added", "more", "said"),
    [
        pytest.param([[0.5, 1], [1, 0]], [[0, 0], [0, 1]], {}, "zeros and ones", id="amounts"),
        pytest.param([[0, 1], [1, 0]], [[0, 0, 1], [0, 1, 0]], {}, "alike", id="other-products"),
        pytest.param([[1], [0]], [[0], [1]], {}, "2 products", id="one-product"),
        pytest.param([[0, np.nan], [1, 0]], [[0, 0], [0, 1]], {}, "NaN", id="missing"),
        pytest.param(HELD, ADDED, {"features": [[1.0]]}, "features", id="few-features"),
        pytest.param(HELD, ADDED, {"products": [FACTS[0]]}, "1 products", id="few-products"),
    ],
)  # fmt: skip
def test_a_table_that_does_not_fit_is_refused(held, added, more, said):
    with pytest.raises(ValueError, match=said):
        ProductRecommender().fit(held, added, **more)


def test_another_number_of_products_at_scoring_is_refused(fitted):
    with pytest.raises(ValueError, match="expecting 9 features"):
        fitted.predict_proba(np.zeros((2, 8), int))


def account_products() -> np.ndarray:
    with (Path(DATA) / "berka" / "account_product_matrix.csv").open() as file:
        return np.array([[int(cell) for cell in row[1:]] for row in list(csv.reader(file))[1:]])


def policies() -> np.ndarray:
    """Caravan's 21 numbers of policies: held where there is one."""
    with gzip.open(Path(DATA) / "caravan" / "Caravan.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    names = list(rows[0])[64:85]
    return np.array([[float(row[name]) > 0 for name in names] for row in rows], int)


@pytest.mark.skipif(not DATA, reason="BANK_TEST_DATA is not set: berka, caravan")
@pytest.mark.parametrize(
    ("table", "filtering"),
    [*((account_products, kind) for kind in FILTERS), (policies, "bm25")],
)
def test_the_hidden_product_of_a_real_table_is_found_better_than_by_popularity(table, filtering):
    held, added = hide_one(table(), seed=7)
    rows = np.random.default_rng(7).permutation(len(held))
    learn, later = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    model = ProductRecommender(filter=filtering).fit(held[learn], added[learn])
    popularity = np.tile(added[learn].mean(axis=0), (len(later), 1))
    ours = rank(model.predict_proba(held[later]), held[later], added[later])
    plain = rank(popularity, held[later], added[later])
    assert ours.over(plain, 7).low > 0


def test_what_moment_makes_is_what_the_rules_say():
    later = moment(9, n=20_000)
    partner = later.added[:, 3][later.held[:, 0]].mean()
    assert partner > 4 * later.added[:, 3][~later.held[:, 0]].mean()
