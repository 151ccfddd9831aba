import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.evidence.exhibit import Exhibit
from training.evidence.lineage import Lineage, lineage
from training.export import arrays, bins, write_part
from training.gates import at_least
from training.trained import Trained, Trial
from training.version import NoRecord, NotRegistered

AT = datetime(2026, 1, 2, tzinfo=UTC)


def trained() -> Trained:
    return Trained(
        name="recommendation", service="recommendation_v1", model={"kind": "popularity", "products": ["A"]},
        files={"factors.npz": arrays(similarity=np.eye(2))}, reference={"n": 1},
        metrics={"map_at_5": 0.3, "bad": float("nan")},
        gates=(at_least("discrimination", "gain", 0.1, 0.0),), parameters={"chosen": "popularity"},
        chosen="popularity",
        window={"from": "2025-01-01", "to": "2025-06-30"},
        exhibits={"ranking": Exhibit("a", "b", b"png", ("product", "n"), (("A", 3),))},
    )  # fmt: skip


CARDS = {"card.en.html", "card.en.md", "card.zh.html", "card.zh.md"}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory):
    from training.registry import Registry

    return Registry(Settings(home=tmp_path_factory.mktemp("home")))


def made(author: str = "dana", seed: int = 7) -> Lineage:
    bank = Source("test", "EUR", "2024-01-01T00:00:00+00:00", "2025-07-01T00:00:00+00:00", "12" * 32, {})
    return lineage(bank, "recommendation_v1", "which product is added", author, AT, seed)


def test_a_version_is_the_part_folder_with_who_when_and_from_what(registry):
    version = registry.log(trained(), made())
    assert sorted(file.name for file in version.part.iterdir()) == [
        "factors.npz",
        "model.json",
        "reference.json",
    ]
    assert version.aliases == ("challenger",)
    assert version.metrics == {"map_at_5": 0.3}
    assert version.tags["author"] == "dana"
    assert version.tags["feature_service"] == "recommendation_v1"
    assert version.tags["window_from"] == "2025-01-01"
    assert version.tags["git_commit"]


def test_the_newest_challenges_until_a_champion_is_named(registry):
    first = registry.log(trained(), made())
    second = registry.log(trained(), made(seed=8))
    registry.set_champion(first.name, first.version)
    aliases = {each.version: each.aliases for each in registry.versions()}
    assert aliases[first.version] == ("champion",)
    assert aliases[second.version] == ("challenger",)


def test_the_newest_part_is_found_by_name_and_a_model_never_registered_is_absent(registry):
    registry.log(trained(), made())
    last = registry.log(trained(), made(seed=8))
    assert registry.newest(("recommendation", "segmentation")) == {"recommendation": last}
    assert registry.newest(()) == {}


def test_nothing_registered_is_a_pickle(registry):
    version = registry.log(trained(), made())
    with np.load(version.part / "factors.npz", allow_pickle=False) as held:
        assert held["similarity"].shape == (2, 2)
    endings = {file.suffix for file in version.part.parent.rglob("*") if file.is_file()}
    assert endings <= {".json", ".npz", ".onnx", ".png", ".csv", ".html", ".md"}


def test_a_version_keeps_its_record_its_card_and_its_validation_pack(registry):
    version = registry.log(trained(), made())
    kept = version.part.parent
    assert version.record.metrics == {"map_at_5": 0.3, "bad": None}
    assert version.record.exhibits["ranking"] == trained().exhibits["ranking"]
    assert (kept / "evidence" / "exhibits" / "ranking.png").read_bytes() == b"png"
    assert (kept / "evidence" / "exhibits" / "ranking.csv").read_text() == "product,n\nA,3\n"
    assert {file.name for file in (kept / "card").iterdir()} == CARDS
    assert f"recommendation {version.version} (challenger)" in (kept / "card" / "card.en.html").read_text()
    assert len(list((kept / "validation").iterdir())) == 4


def test_what_was_tried_lies_beneath_its_run(registry):
    tried = tuple(Trial(f"als {k}", {"factors": k}, "MAP@5", 0.1 * k) for k in (1, 2))
    version = registry.log(Trained(**{**trained().__dict__, "trials": tried}), made())
    beneath = registry.client.search_runs(
        [registry.experiment], f"tags.mlflow.parentRunId = '{version.run_id}'"
    )
    assert {(run.info.run_name, run.data.params["factors"]) for run in beneath} == {
        ("als 1", "1"),
        ("als 2", "2"),
    }
    assert {tuple(run.data.metrics.items()) for run in beneath} == {(("MAP_5", 0.1),), (("MAP_5", 0.2),)}


def test_a_hundred_trials_cost_little(registry):
    tried = tuple(Trial(f"trial {i}", {"depth": i, "rate": 0.1}, "AUC", 0.5) for i in range(100))
    began = time.process_time()
    registry.log(Trained(**{**trained().__dict__, "trials": tried}), made())
    assert time.process_time() - began < 3


@pytest.mark.parametrize(("name", "number", "said"), [
    pytest.param("recommendation", "99", "there are", id="version"),
    pytest.param("pricing", None, "none is registered", id="model"),
])  # fmt: skip
def test_what_is_not_registered_is_said_with_what_is(registry, name, number, said):
    registry.log(trained(), made())
    with pytest.raises(NotRegistered, match=said):
        registry.version(name, number)


def test_a_part_is_whole_or_absent(tmp_path: Path):
    broken = Trained(**{**trained().__dict__, "model": {"x": float("nan")}})
    with pytest.raises(ValueError, match="JSON"):
        write_part(broken, tmp_path / "part")
    assert not (tmp_path / "part").exists()


def test_the_same_training_gives_the_same_bytes(tmp_path: Path):
    first, second = (write_part(trained(), tmp_path / name) for name in ("a", "b"))
    assert all((first / file.name).read_bytes() == file.read_bytes() for file in second.iterdir())


def test_frozen_bins_hold_their_shares_and_what_is_missing():
    values = np.r_[np.arange(100.0), np.full(25, np.nan)]
    frozen = bins(values)
    assert frozen["missing"] == pytest.approx(0.2)
    assert frozen["shares"] == pytest.approx([0.1] * 10)
    json.dumps(frozen, allow_nan=False)


def test_a_value_that_most_have_keeps_one_bin():
    frozen = bins(np.r_[np.zeros(90), np.arange(1.0, 11.0)])
    assert frozen["edges"] == [1.0]
    assert frozen["shares"] == pytest.approx([0.9, 0.1])


def test_the_command_line_of_training_loads_no_training_library():
    heavy = "{'mlflow', 'feast', 'xgboost', 'sklearn', 'pandas', 'duckdb'}"
    code = f"import sys, training.cli; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_version_without_a_record_says_so_and_training_goes_on_beside_it(registry):
    older = registry.log(trained(), made())
    registry.set_champion(older.name, older.version)
    (older.part.with_name("evidence") / "record.json").unlink()
    with pytest.raises(NoRecord, match="bank train recommendation"):
        _ = older.record
    assert registry.log(trained(), made()).documented
