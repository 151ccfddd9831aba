import numpy as np
import pytest

from training.segmentation.model import Fitted, fit, jaccards
from training.segmentation.profiles import drivers, names

COLUMNS = ("income_monthly", "cash_share_90d", "products_held")


@pytest.fixture(scope="module")
def fitted() -> tuple[Fitted, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(4)
    truth = np.repeat([0, 1, 2, 3], 250)
    centres = np.array([[3_000, 0.9, 1], [4_000, 0.1, 2], [40_000, 0.1, 6], [60_000, 0.9, 3]])
    spread = np.array([[400, 0.04, 0.2]]) * np.array([[1], [1], [8], [8]])[truth]
    matrix = (centres[truth] + generator.normal(size=(1000, 3)) * spread).astype(np.float32)
    matrix[::50, 0] = np.nan
    return fit(matrix, COLUMNS, seed=7), matrix, truth


def test_four_groups_are_found_as_four_segments(fitted):
    found, matrix, truth = fitted
    assert found.chosen.k == 4
    assert jaccards(truth, found.model.assign(matrix), 4).min() > 0.85


def test_the_tree_repeats_the_segments_and_each_has_a_rule(fitted):
    found, matrix, _ = fitted
    assert found.explained.fidelity(matrix, found.model.assign(matrix)) > 0.95
    assert all(any(column in segment.rule for column in COLUMNS) for segment in found.model.segments)


def test_every_segment_has_a_name_of_its_own_in_both_languages(fitted):
    segments = fitted[0].model.segments
    assert len({s.name_en for s in segments}) == len({s.name_zh for s in segments}) == 4
    assert {s.id for s in segments} == {"S1", "S2", "S3", "S4"}


def test_two_columns_of_one_idea_name_a_segment_once():
    english, chinese = names(
        np.array([[2.0, 1.9, -1.0]]), ["products_held", "families_held", "income_monthly"]
    )[0]
    assert english == "High number of products, low income"
    assert chinese == "产品数高、收入低"


def test_segments_are_the_same_whenever_they_are_trained(fitted):
    found, matrix, _ = fitted
    assert (fit(matrix, COLUMNS, seed=7).model.centers == found.model.centers).all()


def test_a_behaviour_is_explained_by_what_drives_it():
    matrix = np.random.default_rng(1).normal(size=(2000, 3)).astype(np.float32)
    left = (matrix[:, 1] > 1.0).astype(np.int8)
    said = drivers(matrix, left, COLUMNS, "leaves")
    assert "cash_share_90d" in said["groups"][0]["rule"]
    assert said["groups"][0]["rate"] > 0.9 > said["rate"] > said["groups"][-1]["rate"]
