from pathlib import Path

import numpy as np
import pytest

from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.checks.exported import exported
from training.dataset import Dataset
from training.export import as_json
from training.release.segmentation import Segmentation
from training.run import Run
from training.segmentation.exhibits import drawn
from training.segmentation.explaining import drivers
from training.segmentation.fitting import Fitted, fit
from training.segmentation.leakage import age, gender
from training.segmentation.model import _proof, as_model
from training.segmentation.naming import names
from training.segmentation.rows import Rows
from training.segmentation.segmenter import Segmenter

COLUMNS = ("income_monthly", "cash_share_90d", "families_held")
WORTH = ("payment_recency_days", "payments_90d", "outflow_90d", "balance_mean_90d")
SPREAD = np.array([[400, 0.04, 0.2]])
CENTRES = np.array([[3_000, 0.9, 1], [4_000, 0.1, 2], [40_000, 0.1, 6], [60_000, 0.9, 3]])
DAY = 86_400_000_000


def rows(moved: int = 0, seed: int = 4) -> Rows:
    """Four kinds of customers at two dates; `moved` of the first kind turn into the last."""
    generator = np.random.default_rng(seed)
    truth = np.repeat([0, 1, 2, 3], [400, 300, 200, 100])
    later = truth.copy()
    later[:moved] = 3
    kinds = np.r_[truth, later]
    values = (
        CENTRES[kinds] + generator.normal(size=(2000, 3)) * SPREAD * np.array([[1], [1], [3], [3]])[kinds]
    )
    worth = generator.gamma(2, 500, size=(2000, len(WORTH)))
    matrix = np.c_[values, worth].astype(np.float32)
    ids = np.array([f"c{i:04}" for i in range(1000)] * 2, object)
    at = np.repeat([0, 90 * DAY], 1000)
    data = Dataset(ids, at, matrix, (*COLUMNS, *WORTH), "segmentation_v1")
    return Rows(data, at == 0, at > 0, COLUMNS)


def a_run(tmp: Path, **more) -> Run:
    source = Source("tiny", "CNY", "2024-01-01T00:00:00+00:00", "2025-01-01T00:00:00+00:00", "d" * 64, {})
    return Run(Settings(home=tmp), source, 7, **more)


def made(seen: Rows, run: Run) -> tuple[Fitted, dict[str, str]]:
    """Fitted with little effort: the groups lie far apart."""
    return fit(seen, run, Segmenter(candidates=(3, 4, 5), starts=4, resamples=2, random_state=run.seed))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Fitted, Rows]:
    seen = rows()
    return made(seen, a_run(tmp_path_factory.mktemp("home")))[0], seen


def registered(fitted: Fitted, folder: Path) -> Path:
    folder.mkdir()
    (folder / "model.json").write_bytes(as_json(as_model(fitted.model)))
    return folder


def test_the_largest_segment_of_a_first_version_is_s1(fitted):
    segments = fitted[0].model.segments
    assert [segment.id for segment in segments] == ["S1", "S2", "S3", "S4"]
    assert [segment.share for segment in segments] == [0.4, 0.3, 0.2, 0.1]
    assert fitted[0].model.last_number == 4


def test_what_serving_reads_back_places_everybody_alike(fitted, tmp_path):
    found, seen = fitted
    part = registered(found, tmp_path / "part")
    read = Segmentation.read({"model.json": (part / "model.json").read_bytes()})
    matrix = seen.part(seen.first, read.columns)
    assert (read.assign(matrix) == found.segmenter.labels_).all()
    assert read.value is not None
    assert read.value.columns == WORTH
    worth = seen.part(seen.first, read.value.columns)
    counts = np.bincount(read.value.tier(worth), minlength=4)
    assert counts.tolist() == pytest.approx([500, 300, 150, 50], abs=2)
    assert np.bincount(read.value.rfm(worth)[:, 1])[1:].tolist() == pytest.approx([200] * 5, abs=2)


def test_ids_last_through_retraining_and_a_new_segment_gets_a_new_number(fitted, tmp_path):
    part = registered(fitted[0], tmp_path / "part")
    told: list[tuple[str, str]] = []
    run = a_run(tmp_path, parts={"segmentation": part}, tell=lambda step, line: told.append((step, line)))
    again, why = made(rows(seed=5), run)
    assert again.model.ids == ("S1", "S2", "S3", "S4")
    assert why == {}
    assert min(again.identity.matched.values()) > 0.9
    assert dict(told)["calibrate"].startswith("4 of 4 segments keep the id")
    gone = Segmentation(**{**again.model.__dict__, "centers": again.model.centers[:3],
                           "segments": again.model.segments[:3], "last_number": 9})  # fmt: skip
    kept, _ = made(rows(), a_run(tmp_path, parts={"segmentation": registered_model(gone, tmp_path / "gone")}))
    assert kept.model.ids == ("S1", "S2", "S3", "S10")
    assert kept.model.last_number == 10


def registered_model(model: Segmentation, folder: Path) -> Path:
    folder.mkdir()
    (folder / "model.json").write_bytes(as_json(as_model(model)))
    return folder


@pytest.mark.parametrize(
    ("change", "why", "first"),
    [
        pytest.param({"columns": ("income_monthly", "no_such", "families_held")}, "no_such", "S5", id="gone"),
        pytest.param({"last_number": 1}, "cannot be read", "S5", id="broken"),
    ],
)
def test_an_earlier_version_that_cannot_place_these_customers_is_left_by_name(
    fitted, tmp_path, change, why, first
):
    model = Segmentation(**{**fitted[0].model.__dict__, **change})
    part = registered_model(model, tmp_path / "part")
    found, left_out = made(rows(), a_run(tmp_path, parts={"segmentation": part}))
    assert why in left_out["ids"]
    assert found.earlier is None
    assert found.model.ids[0] == first


def test_the_tree_repeats_the_segments_and_each_has_a_rule(fitted):
    found, seen = fitted
    matrix = seen.part(seen.later, found.model.columns)
    label = found.model.assign(matrix)
    assert found.explained.fidelity(matrix, label) > 0.95
    assert all(told.fidelity > 0.9 and told.true > 0.9 for told in found.explained.by_segment(matrix, label))
    assert all(any(column in segment.rule for column in COLUMNS) for segment in found.model.segments)


def test_every_segment_has_a_name_of_its_own_in_both_languages(fitted):
    segments = fitted[0].model.segments
    assert len({s.name_en for s in segments}) == len({s.name_zh for s in segments}) == 4


def test_two_columns_of_one_idea_name_a_segment_once():
    english, chinese = names(np.array([[2.0, 1.9, -1.0]]), ["risk_level", "product_risk_held_max", "rent"])[0]
    assert english == "High risk appetite, low rent"
    assert chinese == "风险偏好高、rent低"


def test_segments_are_the_same_whenever_they_are_trained(fitted, tmp_path):
    again, _ = made(rows(), a_run(tmp_path))
    assert as_json(as_model(again.model)) == as_json(as_model(fitted[0].model))


def test_a_behaviour_is_explained_by_what_drives_it():
    matrix = np.random.default_rng(1).normal(size=(2000, 3)).astype(np.float32)
    left = (matrix[:, 1] > 1.0).astype(np.int8)
    said = drivers(matrix, left, COLUMNS, "leaves")
    assert "cash_share_90d" in said["groups"][0]["rule"]
    assert said["groups"][0]["rate"] > 0.9 > said["rate"] > said["groups"][-1]["rate"]


def test_who_moves_shows_in_the_migration_matrix(tmp_path):
    seen = rows(moved=40)
    found, _ = made(seen, a_run(tmp_path))
    shown = drawn(seen, found, [], {}, 7)
    assert shown["migration"].rows[0] == ("S1", 360, 0, 0, 40)
    assert {"sizes", "profiles", "snake", "silhouettes", "rules", "choice", "benchmark", "stability",
            "sensitivity"} <= set(shown)  # fmt: skip
    assert all(each.title and each.title_zh and each.rows for each in shown.values())
    assert shown["benchmark"].rows[0][2] > shown["benchmark"].rows[2][4]


def test_retraining_shows_who_changed_segment(fitted, tmp_path):
    part = registered(fitted[0], tmp_path / "part")
    again, _ = made(rows(), a_run(tmp_path, parts={"segmentation": part}))
    shown = drawn(rows(), again, [], {}, 7)["migration_retraining"]
    assert [row[at + 1] for at, row in enumerate(shown.rows)] == [400, 300, 200, 100]


@pytest.mark.parametrize("told", [pytest.param(True, id="told"), pytest.param(False, id="independent")])
def test_a_protected_attribute_is_guessed_only_where_the_segment_tells_it(told):
    generator = np.random.default_rng(3)
    label = generator.integers(0, 3, 3000)
    other = label if told else generator.integers(0, 3, 3000)
    female = (generator.random(3000) < np.array([0.2, 0.5, 0.8])[other]).astype(float)
    years = np.array([22.0, 40.0, 70.0])[other] + generator.normal(0, 3, 3000)
    by_gender, by_age = gender(label, female, 3, 0), age(label, years, 3, 0)
    assert by_gender is not None
    assert by_age is not None
    assert (by_gender.tells, by_age.tells) == (told, told)
    if not told:
        assert by_gender.found.low < by_gender.blind < by_gender.found.high


def test_an_attribute_nobody_knows_is_not_judged():
    assert gender(np.zeros(100, int), np.full(100, np.nan), 1, 0) is None
    assert age(np.zeros(100, int), np.full(100, 40.0), 1, 0) is None


def test_the_exported_part_places_the_rows_set_aside_as_the_segmenter_did(fitted):
    found, seen = fitted
    proof = _proof(seen, found, 7)
    part = exported("segmentation", {"model.json": as_json(as_model(found.model))})["segment"]
    assert (len(proof), proof.tested, part.reads) == (3_000, 1_000, proof.reads)
    assert np.array_equal(part.score(proof), proof.said)
    assert np.isnan(proof.labels).all()
