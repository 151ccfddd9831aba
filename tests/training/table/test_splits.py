import numpy as np
import pytest

from training.table.errors import BadSplit, TooFewRows
from training.table.splits import FOLDS, parted

N = 200
Y = (np.arange(N) % 4 == 0).astype(np.int8)
ALONE = np.arange(N)


def test_five_folds_judge_every_row_once_and_stratified():
    folds, _ = parted("5-fold", Y, ALONE, None)
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(N))
    assert {int(Y[fold.test].sum()) for fold in folds} == {10}


def test_no_fold_parts_a_group():
    groups = ALONE // 3
    for fold in parted("5-fold", Y, groups, None)[0]:
        assert not set(groups[fold.train]) & set(groups[fold.test])


def test_without_groups_the_folds_are_scikit_learns():
    from sklearn.model_selection import StratifiedKFold

    theirs = StratifiedKFold(FOLDS, shuffle=True, random_state=42).split(Y, Y)
    ours, _ = parted("5-fold", Y, ALONE, None)
    assert [fold.test.tolist() for fold in ours] == [test.tolist() for _, test in theirs]


@pytest.mark.parametrize(
    ("split", "train"),
    [
        pytest.param("rows:0.7", 140, id="rows"),
        pytest.param("time:0.7", 140, id="share-of-time"),
        pytest.param("time:1970-03-02", 120, id="iso-date"),
        pytest.param("time:02.03.1970", 120, id="date-with-dots"),
        pytest.param("time:700302", 120, id="six-digits"),
    ],
)
def test_later_rows_are_judged_by_earlier_ones(split, train):
    (fold,), _ = parted(split, Y, ALONE, ALONE // 2 * 1.0)
    assert fold.train.tolist() == list(range(train))
    assert fold.test.tolist() == list(range(train, N))
    assert fold.ordered


def test_rows_of_one_moment_are_not_parted():
    (fold,), _ = parted("time:0.7", Y, ALONE, np.repeat([1.0, 2.0], N // 2))
    assert len(fold.train) == N // 2


@pytest.mark.parametrize(
    ("split", "time", "said"),
    [
        pytest.param("6-fold", None, "no split", id="unknown"),
        pytest.param("time:0.7", None, "--time", id="no-time"),
        pytest.param("rows:1.7", None, "between 0 and 1", id="no-share"),
        pytest.param("rows:x", None, "wants a share", id="no-number"),
        pytest.param("time:soon", ALONE * 1.0, "neither a share nor a date", id="no-date"),
    ],
)
def test_a_split_that_cannot_be_made_says_why(split, time, said):
    with pytest.raises(BadSplit, match=said):
        parted(split, Y, ALONE, time)


@pytest.mark.parametrize("split", ["5-fold", "rows:0.7"])
def test_too_few_events_to_judge_on_are_refused(split):
    with pytest.raises(TooFewRows, match="of them the event"):
        parted(split, (ALONE > N - 9).astype(np.int8), ALONE, None)
