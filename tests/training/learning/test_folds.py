import numpy as np

from training.learning.folds import shuffled


def test_all_rows_of_a_customer_are_in_one_fold():
    groups = np.array(["a", "b", "c", "d", "e", "f"] * 5, object)
    y = np.tile([1, 1, 0, 0, 0, 0], 5).astype(np.int8)
    for repeat in shuffled(y, groups, 2, 7):
        for fold in repeat:
            assert not set(groups[fold.fit]) & set(groups[fold.score])
