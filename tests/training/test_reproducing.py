"""A version trained again: from what it was made of, its searches begun anew, nothing registered."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.gates import BrokenGate, at_least
from training.learning.tuning import Real, search
from training.reproducing import NotTheSame, reproduce
from training.reproduction import REPRODUCTION, Reproduction
from training.run import Run
from training.spec import ModelSpec
from training.specs import train_spec
from training.trained import Trained

AT = datetime(2026, 1, 2, tzinfo=UTC)
LATER = datetime(2026, 2, 1, tzinfo=UTC)
BANK = Source("a bank", "EUR", "2022-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00", "ab" * 32, {})


def made(run: Run, tried: list[float], luck: float = 0.0) -> Trained:
    """A model that is the best of a short search, with the number of the version it follows."""

    def judge(parameters: Any) -> float:
        tried.append(parameters["x"])
        return -((parameters["x"] - 0.5) ** 2)

    found = search("segmentation", {"x": Real(0, 1)}, judge, trials=3, seed=run.seed, study=run.study("tiny"))
    before = {name: (part / "model.json").read_text() for name, part in run.parts.items()}
    return Trained(
        name="segmentation", service="segmentation_v1", files={},
        model={"x": found.best["x"], "before": before, "luck": luck}, reference={"n": 1}, metrics={},
        gates=(at_least("discrimination", "gain", 0.1, 0.0),), parameters={}, chosen="x",
        window={"from": "2025-01-01", "to": "2025-06-30"},
    )  # fmt: skip


Told = tuple[ModelSpec, list[float], Any, Settings]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Two versions, the second made from the first; the entry, what was tried, registry and settings."""
    from training.registry import Registry

    settings, tried = Settings(home=tmp_path_factory.mktemp("home")), list[float]()
    spec = ModelSpec("segmentation", "segmentation_v1", "x", lambda run: made(run, tried), ("segmentation",))
    for _ in range(2):
        train_spec(spec, settings, BANK, "dana", AT, 7)
    return spec, tried, Registry(settings), settings


def test_a_version_trained_again_from_what_it_was_made_of_is_the_same(told: Told):
    spec, tried, registry, settings = told
    assert registry.version("segmentation").record.lineage.after == {"segmentation": "1"}
    kept = len(tried)
    found = reproduce(registry, spec, registry.version("segmentation"), settings, BANK, LATER)
    assert found.same
    assert found.differs == ()
    assert len(tried) == kept + 3, "the finished search was begun anew"
    assert [each.version for each in registry.versions()] == ["2", "1"], "nothing was registered"
    assert registry.version("segmentation").reproduction == found
    assert registry.version("segmentation", "1").reproduction is None


def test_a_training_that_draws_of_its_own_differs_and_the_file_is_named(told: Told):
    spec, tried, registry, settings = told
    lucky = replace(spec, train=lambda run: made(run, tried, luck=0.5))
    found = reproduce(registry, lucky, registry.version("segmentation"), settings, BANK, LATER)
    assert not found.same
    assert found.differs == ("model.json",)
    kept = registry.version("segmentation").reproduction
    assert (kept.at, kept.same) == (LATER.isoformat(), False)


@pytest.mark.parametrize(("elsewhere", "said"), [
    pytest.param(lambda patch: replace(BANK, digest="cd" * 32), "made of data abababababab", id="other-data"),
    pytest.param(
        lambda patch: patch.setattr("training.reproducing.lock_digest", lambda: "ef" * 32) or BANK,
        "made of requirements.lock", id="other-libraries",
    ),
])  # fmt: skip
def test_from_other_data_or_libraries_nothing_is_trained(
    told: Told, monkeypatch: pytest.MonkeyPatch, elsewhere: Callable[[pytest.MonkeyPatch], Source], said: str
):
    spec, tried, registry, settings = told
    kept, source = len(tried), elsewhere(monkeypatch)
    with pytest.raises(NotTheSame, match=said):
        reproduce(registry, spec, registry.version("segmentation"), settings, source, LATER)
    assert len(tried) == kept


def test_a_verdict_that_its_own_digests_deny_is_refused(tmp_path: Path):
    file = Reproduction("ab", "cd", 7, "s", "l", AT.isoformat(), ("x",)).write(tmp_path)
    file.write_text(file.read_text().replace('"same": false', '"same": true'))
    with pytest.raises(BrokenGate, match="same=True"):
        Reproduction.read(tmp_path / REPRODUCTION)
