"""Folds inside the training rows."""

import numpy as np

from training.learning.folds import forward, inside, shuffled


def test_all_rows_of_a_customer_are_in_one_fold():
    groups = np.array(["a", "b", "c", "d", "e", "f"] * 5, object)
    y = np.tile([1, 1, 0, 0, 0, 0], 5).astype(np.int8)
    for repeat in shuffled(y, groups, 2, 7):
        for fold in repeat:
            assert not set(groups[fold.fit]) & set(groups[fold.score])


def test_every_row_is_scored_once_a_repeat():
    y = (np.arange(103) % 4 == 0).astype(np.int8)
    for repeat in shuffled(y, None, 3, 7):
        assert np.sum([fold.score for fold in repeat], axis=0).tolist() == [1] * 103


def test_forward_folds_never_look_ahead_and_keep_a_moment_whole():
    generator = np.random.default_rng(2)
    at, y = generator.integers(0, 30, 500), generator.integers(0, 2, 500).astype(np.int8)
    found = forward(y, at, 4)
    assert len(found) == 4
    for fold in found:
        assert at[fold.fit].max() < at[fold.score].min()
    assert found[-1].score[at == at.max()].all()


def test_a_stretch_without_a_class_is_joined_to_the_next():
    at, y = np.arange(100), np.r_[np.tile([0, 1], 20), np.zeros(30), np.tile([0, 1], 15)].astype(np.int8)
    for fold in forward(y, at, 4):
        assert set(y[fold.score]) == set(y[fold.fit]) == {0, 1}


def test_one_row_of_a_class_leaves_nothing_to_judge_on():
    assert inside(np.array([1, 0, 0, 0], np.int8), None, None, 7) == []
