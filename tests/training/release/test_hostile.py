"""Hostile releases, each refused before it can do anything; `make prove-release` tries thousands more."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.proofs.hostile.attack import Attack, outcome
from tests.proofs.hostile.files import YAML
from tests.proofs.hostile.models import objects as arrays_of_objects
from tests.proofs.hostile.stage import House
from tests.proofs.release import ATTACKS, fuzzed, swapped_after_verifying


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House.build(tmp_path_factory.mktemp("house"))


@pytest.mark.parametrize("attack", [pytest.param(each, id=each.name) for each in ATTACKS])
def test_a_hostile_release_is_refused_and_the_old_one_goes_on(
    attack: Attack, house: House, tmp_path: Path
) -> None:
    assert outcome(attack, house, house.stage(tmp_path / "stage")).wrong == ""


def test_every_attack_has_a_name_of_its_own() -> None:
    assert len({each.name for each in ATTACKS}) == len(ATTACKS)


def test_what_is_loaded_is_what_was_verified(house: House, tmp_path: Path) -> None:
    assert swapped_after_verifying(house, house.stage(tmp_path / "stage")).wrong == ""


def test_damaged_models_crash_nothing() -> None:
    counts = fuzzed(rounds=200)
    assert counts["stale"] == {"refused": 100}
    assert counts["parsed"]["refused"] > 50


@pytest.mark.parametrize(
    "load",
    [
        pytest.param("import pickle; pickle.load(open({file!r}, 'rb'))", id="pickle"),
        pytest.param("import numpy; numpy.load({file!r}, allow_pickle=True)['effects']", id="object-arrays"),
        pytest.param("import yaml; yaml.unsafe_load(open({file!r}))", id="yaml-tag"),
    ],
)
def test_the_payloads_would_have_worked(
    house: House, tmp_path: Path, load: str, request: pytest.FixtureRequest
) -> None:
    stage, file = house.stage(tmp_path / "stage"), tmp_path / "payload"
    held = {"pickle": stage.pickle, "object-arrays": arrays_of_objects(b"", stage),
            "yaml-tag": YAML.replace(b"MARKER", str(stage.marker).encode())}  # fmt: skip
    file.write_bytes(held[request.node.callspec.id])
    assert not stage.marker.exists()
    done = subprocess.run(
        [sys.executable, "-c", load.format(file=str(file))], capture_output=True, check=False
    )
    assert stage.marker.exists(), done.stderr


def test_a_harmless_release_is_no_hostile_one(house: House, tmp_path: Path) -> None:
    harmless = Attack("harmless", lambda stage: stage.forge(), "refused")
    assert "it was served" in outcome(harmless, house, house.stage(tmp_path / "stage")).wrong


def test_a_payload_that_runs_is_seen(house: House, tmp_path: Path) -> None:
    run = Attack("run", lambda stage: stage.marker.touch(), "refused")
    assert "the payload ran" in outcome(run, house, house.stage(tmp_path / "stage")).wrong
