import numpy as np

from training.evidence.sensitivity import sensitivity

WINDOW = {"from": "2025-01-01", "to": "2025-03-31"}


def swings(score, matrix):
    found = sensitivity("x", "x", score, matrix.astype(np.float32), ("a", "b", "c"), WINDOW)
    return {row[0]: row for row in found.rows}, found


def test_the_column_that_moves_the_score_most_comes_first():
    matrix = np.random.default_rng(1).normal(size=(500, 3))
    rows, found = swings(lambda m: 2 * m[:, 1] - 0.5 * m[:, 0].astype(np.float64), matrix)
    assert [row[0] for row in found.rows] == ["b", "a", "c"]
    assert rows["b"][4] > rows["b"][3]
    assert rows["a"][4] < rows["a"][3]
    assert rows["c"][3] == rows["c"][4]
    assert found.title.startswith("x: most sensitive to b")


def test_a_column_that_is_all_missing_moves_nothing():
    matrix = np.random.default_rng(1).normal(size=(50, 3))
    matrix[:, 2] = np.nan
    rows, _ = swings(lambda m: np.nansum(m, axis=1).astype(np.float64), matrix)
    assert rows["c"][1] is None
    assert rows["c"][3] == rows["c"][4] == rows["c"][5]


def test_many_rows_are_thinned_evenly():
    matrix = np.random.default_rng(1).normal(size=(50_000, 3))
    calls: list[int] = []

    def score(rows):
        calls.append(len(rows))
        return rows[:, 0].astype(np.float64)

    swings(score, matrix)
    assert set(calls) == {2000}
