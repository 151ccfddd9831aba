"""One worker through real switches: good ones taken, bad ones refused, old decisions computed again."""

import gc
import json
import re
import shutil
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from crm_rules.governance.chain import canonical
from crm_rules.governance.person import Role
from feature_repo.packed_rows import PackedRows
from feature_repo.settings import Settings
from monitoring.decision_log import DecisionLogs
from serving.auth import EVERY_SCOPE, issue, token_key
from serving.bootstrap.edge import now
from serving.bootstrap.process import ScoringProcess
from serving.bootstrap.releases import open_archive
from serving.bootstrap.worker import build
from serving.deciding.archive import Archive
from serving.deciding.asking import CreditRequest, OfferRequest
from serving.deciding.loaded import Loaded
from serving.deciding.records import Decision
from serving.errors import NotReplayable
from serving.pipeline.command import replay
from tests.conftest import AT, Tiny
from tests.serving.conftest import InProcess
from training.release.assemble import assemble
from training.release.verify import verify


def release_with(tiny: Tiny, policy: Callable[[str], str]) -> str:
    """A second release that differs in its policy alone; assembled and signed, not current."""
    folder = tiny.home / "parts" / f"policy-{len(list((tiny.home / 'parts').iterdir()))}"
    shutil.copytree(tiny.parts["policy"], folder)
    path = folder / "policy.toml"
    path.write_text(policy(path.read_text()))
    release = assemble(tiny.releases, {**tiny.parts, "policy": folder}, tiny.origin)
    tiny.sign(release)
    return release


def stricter(policy: str) -> str:
    """Another version that sends every application above 1,000 to a person."""
    changed = policy.replace('version = "2026.1"', 'version = "2026.2"')
    return re.sub(r"^amount_max = .*$", "amount_max = 1000", changed, flags=re.MULTILINE)


@dataclass
class Stage:
    """A worker on the tiny bank's first release, and a second release to switch to."""

    tiny: Tiny
    settings: Settings
    process: ScoringProcess
    second: str

    @property
    def served(self) -> str:
        return self.process.engine.serving.release

    @property
    def policy(self) -> str:
        return self.process.engine.scorer.loaded.rulebook.policy.version

    def look(self) -> None:
        self.process.releases.look()

    def refused(self) -> str:
        assert self.process.releases.refused is not None
        return self.process.releases.refused.reason

    def ask(self, method: str = "next_best_action") -> Decision:
        asked = OfferRequest("ann") if method == "next_best_action" else CreditRequest("ann", 6_000.0, 24)
        [made] = self.process.engine.answer(method, [asked], "r-1", "app")
        assert isinstance(made, Decision)
        return made


@pytest.fixture
def stage(tiny: Tiny) -> Iterator[Stage]:
    settings = Settings(home=tiny.home, profile="demo")
    process = build(settings, "worker-1")
    yield Stage(tiny, settings, process, release_with(tiny, stricter))
    process.close()


def test_a_switch_is_followed_with_all_that_depends_on_the_release(stage: Stage) -> None:
    before = stage.process.engine.serving
    stage.tiny.switch(stage.second, 2)
    stage.look()
    serving = stage.process.engine.serving
    assert (stage.served, stage.policy, serving.number) == (stage.second, "2026.2", 2)
    assert serving.models["release"] == stage.second
    assert serving.facts["switched"] == {"number": 2, "by": "otto", "at": AT.isoformat()}
    assert serving.policy(AT) is stage.process.engine.scorer.loaded.book.base
    assert serving.policy(AT) is not before.policy(AT)
    assert json.loads(stage.ask().body)["release"]["digest"] == stage.second
    assert stage.process.engine.ready()


def test_the_old_release_is_let_go(stage: Stage) -> None:
    old = weakref.ref(stage.process.engine.scorer.loaded)
    stage.tiny.switch(stage.second, 2)
    stage.look()
    gc.collect()
    assert old() is None


def altered(stage: Stage) -> None:
    path = stage.tiny.releases / stage.second / "parts/propensity/card.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    stage.tiny.switch(stage.second, 2)


def forged(stage: Stage) -> None:
    stage.tiny.switch(stage.second, 2)
    path = stage.tiny.releases / "current.json"
    record = json.loads(path.read_bytes())
    record["body"]["number"] = 9
    path.write_bytes(canonical(record))


def by_a_scientist(stage: Stage) -> None:
    stage.tiny.switch(stage.second, 2, by="dana", role=Role.SCIENTIST)


def an_older_record(stage: Stage) -> None:
    path = stage.tiny.releases / "current.json"
    old = path.read_bytes()
    stage.tiny.switch(stage.tiny.release, 2)
    stage.look()
    path.write_bytes(old)


def the_same_number_for_another(stage: Stage) -> None:
    path = stage.tiny.releases / "current.json"
    path.unlink()
    stage.tiny.switch(stage.second, 1)


def an_unknown_segment(stage: Stage) -> None:
    targeted = "[targeting.only_for]\nfund = ['S9']\n"
    third = release_with(stage.tiny, lambda text: text.replace("[targeting.only_for]", targeted))
    stage.tiny.switch(third, 2)


def unsigned(stage: Stage) -> None:
    shutil.rmtree(stage.tiny.releases / stage.second / "evidence")
    stage.tiny.switch(stage.second, 2)


def rows_without_a_view(stage: Stage) -> None:
    with PackedRows.open(stage.tiny.online, read_only=False) as rows:
        rows.drop(["credit"])
    stage.tiny.switch(stage.second, 2)


def no_record(stage: Stage) -> None:
    (stage.tiny.releases / "current.json").unlink()


def an_untrusted_list(stage: Stage) -> None:
    (stage.tiny.home / "trust.json").write_text("{}")
    stage.tiny.switch(stage.second, 2)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        pytest.param(altered, "AlteredRelease", id="altered"),
        pytest.param(unsigned, "NotApproved", id="unsigned"),
        pytest.param(forged, "does not fit", id="forged-record"),
        pytest.param(by_a_scientist, "nobody may sign it as scientist", id="no-right-to-switch"),
        pytest.param(an_older_record, "old record played back", id="older-record"),
        pytest.param(the_same_number_for_another, "named another release", id="same-number"),
        pytest.param(an_unknown_segment, "S9", id="policy-names-unknown-segment"),
        pytest.param(rows_without_a_view, "RowsOfAnotherRelease", id="rows-of-another-layout"),
        pytest.param(no_record, "NoRelease", id="the-record-vanishes"),
        pytest.param(an_untrusted_list, "Untrusted", id="trust-is-read-anew"),
    ],
)
def test_what_would_not_start_is_not_switched_to(
    stage: Stage, spoil: Callable[[Stage], None], told: str
) -> None:
    spoil(stage)
    stage.look()
    assert told in stage.refused()
    assert str(stage.tiny.home) not in stage.refused()
    assert (stage.served, stage.policy) == (stage.tiny.release, "2026.1")
    assert json.loads(stage.ask("credit").body)["release"]["digest"] == stage.tiny.release


def test_after_a_refused_switch_a_good_one_is_followed(stage: Stage) -> None:
    forged(stage)
    stage.look()
    stage.tiny.switch(stage.second, 10)
    stage.look()
    assert (stage.served, stage.process.releases.refused) == (stage.second, None)
    assert (stage.process.releases.taken, stage.process.releases.refusals) == (1, 1)


def without_ids(made: Decision) -> dict[str, Any]:
    said = json.loads(made.body)
    return {name: said[name] for name in ("outcome", "rules", "offers", "release") if name in said}


@pytest.mark.parametrize("method", ["next_best_action", "credit"])
def test_a_decision_from_before_a_switch_computes_again_after_it(stage: Stage, method: str) -> None:
    before = stage.ask(method)
    stage.tiny.switch(stage.second, 2)
    stage.look()
    after = stage.ask(method)
    assert without_ids(before) != without_ids(after)
    archive, current = open_archive(stage.settings), stage.process.engine.scorer.loaded
    for made in (before, after):
        payload = DecisionLogs.of(stage.settings).find(made.record.decision_id)
        again = archive.replay(payload, current)
        assert again.same
        assert again.body == made.body
        assert replay(stage.settings, made.record.decision_id)[0]


def test_another_release_made_it_only_when_that_is_gone_or_does_not_verify(stage: Stage) -> None:
    made = stage.ask()
    stage.tiny.switch(stage.second, 2)
    stage.look()
    shutil.rmtree(stage.tiny.releases / stage.tiny.release / "evidence")
    with pytest.raises(NotReplayable, match="cannot be loaded any more"):
        open_archive(stage.settings).replay(made.record.payload)
    shutil.rmtree(stage.tiny.releases / stage.tiny.release)
    with pytest.raises(NotReplayable, match="is not in"):
        open_archive(stage.settings).replay(made.record.payload)


def test_the_archive_keeps_the_last_few_releases_and_loads_each_once(whole_tiny: Tiny) -> None:
    loaded = Loaded.of(verify(whole_tiny.releases, whole_tiny.release, whole_tiny.trust))
    asked: list[str] = []

    def load(release: str) -> Loaded:
        asked.append(release)
        return loaded

    def look_up(release: str) -> None:
        with pytest.raises(NotReplayable):  # the one loaded is none of these
            archive.replay(json.dumps({"decision_id": "d", "release": release}).encode())

    archive = Archive(load, most=2)
    for release in ("a", "b", "a", "c", "a", "b"):
        look_up(release)
    assert asked == ["a", "b", "c", "b"]
    with pytest.raises(NotReplayable):
        archive.replay(json.dumps({"decision_id": "d", "release": whole_tiny.release}).encode(), loaded)
    assert len(asked) == 4


def test_status_and_models_tell_what_is_served_now_and_what_was_refused(stage: Stage) -> None:
    token = issue(token_key(stage.tiny.home / "keys"), "app", EVERY_SCOPE, 1, now())
    headers = {"Authorization": f"Bearer {token}"}

    def told(path: str) -> Any:
        with httpx.Client(transport=InProcess(app), base_url="http://bank") as client:
            return client.get(path, headers=headers).json()

    app = stage.process.gate(stage.process.endpoints)
    stage.tiny.switch(stage.second, 2)
    stage.look()
    altered_record = stage.tiny.releases / "current.json"
    altered_record.write_text("{}")
    stage.look()
    status = told("/v1/status")
    assert status["release"]["digest"] == told("/v1/models")["release"] == stage.second
    assert status["switched"]["number"] == 2
    assert status["switches"] == {"taken": 1, "refused": 1}
    assert status["refused"]["reason"].startswith("ForgedRecord")
    assert status["stop_switches"]["on"] == []
    assert str(Path(stage.tiny.home)) not in json.dumps(status)
