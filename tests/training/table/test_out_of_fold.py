from pathlib import Path

import numpy as np
import pytest

from tests.training.table.conftest import Quick, loans
from training.run import nobody
from training.table.baselines import probabilities
from training.table.out_of_fold import judged
from training.table.splits import parted
from training.validation import auc


def test_every_row_is_scored_by_models_that_never_saw_it(agree):
    table, seen = agree(loans()), []

    class Watched(Quick):
        def fit(self, X, y, groups=None, order=None):
            self.fitted = set(X["income"])
            return super().fit(X, y, groups, order)

        def predict_proba(self, X):
            seen.append(self.fitted & set(X["income"]))
            return super().predict_proba(X)

    folds, _ = parted("5-fold", table.y, table.groups, None)
    found = judged(table, folds, lambda *_: Watched(), None, nobody)
    assert sorted(found.rows) == list(range(len(table)))
    assert seen
    assert not any(seen)


def test_noise_is_worth_nothing_out_of_fold(agree, quick):
    frame = loans().assign(income=np.random.default_rng(1).random(400), age=1.0, job="x")
    table = agree(frame)
    folds, _ = parted("5-fold", table.y, table.groups, None)
    found = judged(table, folds, quick, None, nobody)
    for name, p in found.probability.items():
        assert 0.35 < auc(table.y[found.rows], p) < 0.65, name


def test_a_learner_gets_groups_and_the_order_in_time(agree):
    frame = loans().assign(client_id=np.arange(400) // 2, year=np.arange(400) // 10)
    table, made = agree(frame, time="year"), []

    def learns(*_):
        made.append(Quick())
        return made[-1]

    folds, _ = parted("time:0.7", table.y, table.groups, table.order)
    judged(table, folds, learns, None, nobody)
    (given,) = made[0].given
    assert given["order"].tolist() == [year for year in range(28) for _ in range(10)]
    assert len(np.unique(given["groups"])) == 140


def test_each_fold_keeps_its_own_search(agree):
    table, studies = agree(loans()), []

    def learns(_, study, __):
        studies.append(study.name)
        return Quick()

    folds, _ = parted("5-fold", table.y, table.groups, None)
    judged(table, folds, learns, Path("studies"), nobody)
    assert studies == ["fold-1", "fold-2", "fold-3", "fold-4", "fold-5"]


@pytest.mark.parametrize("name", ["lr", "hgb"])
def test_a_baseline_stands_new_categories_gaps_and_empty_columns(agree, name):
    frame = loans().assign(gap=np.nan, job=lambda f: f["job"].mask(f.index % 7 == 0))
    table = agree(frame.assign(gap=np.where(frame.index < 350, 1.0, np.nan)))
    train, test = table.frame.iloc[:300], table.frame.iloc[300:].assign(job="new")
    p = probabilities(name, train, table.y[:300], test)
    assert np.isfinite(p).all()
