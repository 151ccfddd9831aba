"""A worker follows the signed files: what is good is taken whole, what is bad leaves the old going on."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from crm_rules.errors import InvalidPolicy
from crm_rules.governance.stops import NONE, Kind, Stops
from serving.deciding.asking import OfferRequest
from serving.deciding.records import Decision
from serving.deciding.scoring import Scorer
from serving.worker.engine import Engine
from serving.worker.following import Follower, Mark, Watch, mark, reason_of
from serving.worker.in_service import InService
from tests.conftest import AT
from training.release.errors import AlteredRelease, BrokenRelease, ForgedRecord, NoRelease

PATH = Path("/var/secret/releases/current.json")
OFFER_STOPPED = Stops.of([(Kind.PRODUCT, "card-gold")])


@dataclass
class File:
    """A file that says which release to load; `content` is what a loader finds there."""

    content: Any
    version: int = 1
    loads: list[Any] = field(default_factory=list)

    def write(self, content: Any) -> None:
        self.content, self.version = content, self.version + 1

    def mark(self, path: Path) -> Mark | None:
        return None if self.content is None else (self.version, 0, 0)

    def load(self) -> Any:
        self.loads.append(self.content)
        if self.content is None:
            raise NoRelease(PATH.parent)
        if isinstance(self.content, Exception):
            raise self.content
        return self.content


@dataclass
class Worker:
    """A follower of that file, and what it serves."""

    file: File
    serving: Any = "old"
    looks: int = 0

    def __post_init__(self) -> None:
        self.follower = Follower(PATH, self._take, lambda: AT, self.file.mark(PATH), self.file.mark)

    def _take(self) -> None:
        self.serving = self.file.load()

    def look(self) -> "Worker":
        self.follower.look()
        return self


@pytest.fixture
def worker() -> Worker:
    return Worker(File("old"))


def test_a_change_is_taken_once(worker: Worker) -> None:
    worker.look().look()
    assert worker.file.loads == []
    worker.file.write("new")
    worker.look().look().look()
    assert (worker.serving, worker.file.loads) == ("new", ["new"])
    assert worker.follower.told() == {"refused": None, "switches": {"taken": 1, "refused": 0}}


def test_two_switches_in_a_row_are_both_followed_and_the_last_one_stays(worker: Worker) -> None:
    worker.file.write("second")
    worker.look()
    worker.file.write("third")
    worker.file.write("fourth")  # the third came and went between two looks
    worker.look()
    assert (worker.serving, worker.file.loads) == ("fourth", ["second", "fourth"])


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        pytest.param(
            AlteredRelease("a" * 64, "parts/x.onnx", "has other content"), "has other content", id="altered"
        ),
        pytest.param(
            ForgedRecord(PATH, "its number 3 is below 4, so it is an old record played back"),
            "ForgedRecord: its number 3 is below 4, so it is an old record played back",
            id="older-number",
        ),
        pytest.param(
            BrokenRelease("card.onnx", "onnxruntime refuses it"), "onnxruntime refuses it", id="broken"
        ),
        pytest.param(
            InvalidPolicy("targeting.only_for.fund", "names segment 'S9'"), "names segment 'S9'", id="policy"
        ),
        pytest.param(BrokenRelease("x", f"{PATH} is a link"), "BrokenRelease", id="a-path-in-the-words"),
        pytest.param(PermissionError(13, "denied", str(PATH)), "PermissionError", id="no-right-to-read"),
        pytest.param(ZeroDivisionError("a defect of its own"), "ZeroDivisionError", id="a-defect"),
        pytest.param(None, "NoRelease", id="the-file-vanishes"),
    ],
)
def test_a_bad_change_leaves_the_old_going_on_and_is_told_without_paths(
    worker: Worker, bad: Any, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    worker.file.write(bad)
    worker.look().look().look()
    assert worker.serving == "old"
    assert worker.file.loads == [bad]  # not tried again while the file stays as it is
    refused = worker.follower.refused
    assert refused is not None
    assert told in refused.reason
    assert "/" not in refused.reason
    assert refused.at == AT.isoformat()
    assert len(caplog.records) == worker.follower.refusals == 1
    worker.file.write("mended")
    worker.look()
    assert (worker.serving, worker.follower.refused, worker.follower.refusals) == ("mended", None, 1)


def test_a_change_during_the_first_load_is_not_missed() -> None:
    file = File("old")
    seen = file.mark(PATH)
    file.write("new")  # after the mark, before the follower is there
    taken: list[Any] = []
    Follower(PATH, lambda: taken.append(file.load()), lambda: AT, seen, file.mark).look()
    assert taken == ["new"]


def test_replacing_a_file_by_one_of_the_same_length_changes_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "current.json"
    assert mark(path) is None
    path.write_text("one")
    before = mark(path)
    draft = tmp_path / "draft"
    draft.write_text("two")
    draft.replace(path)
    assert mark(path) != before


def test_the_watch_looks_until_it_is_closed() -> None:
    looked = threading.Event()

    class Seen(Follower):
        def look(self) -> None:
            looked.set()

    watch = Watch("test", [Seen(PATH, lambda: None, lambda: AT, None)], every=0.001)
    watch.start()
    assert looked.wait(10)
    watch.close()
    looked.clear()
    assert not looked.wait(0.02)
    Watch("never started", []).close()


def test_an_error_of_no_bank_says_its_kind_alone() -> None:
    assert reason_of(OSError("/var/secret is full")) == "OSError"


class Log:
    """A log that forgets."""

    def append(self, records: Sequence[Any]) -> None:
        """Nothing is kept."""


class Clock:
    """A clock that lets something happen in the middle of an answer."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], None] = lambda: None

    def __call__(self) -> datetime:
        self.meanwhile()
        return AT


def served(scorer: Scorer, digest: str, closed: list[str]) -> InService:
    runtime = replace(scorer.loaded.runtime, digest=digest)
    named = replace(scorer, loaded=replace(scorer.loaded, runtime=runtime))
    return InService(named, 1, {"release": digest}, {"release": digest}, lambda: closed.append(digest))


def ask(engine: Engine) -> Decision:
    [made] = engine.answer("next_best_action", [OfferRequest("ann")], "r-1", "app")
    assert isinstance(made, Decision)
    return made


def test_a_switch_during_an_answer_waits_for_it_and_the_old_release_is_given_back(scorer: Scorer) -> None:
    closed: list[str] = []
    old, new, clock = served(scorer, "a" * 64, closed), served(scorer, "b" * 64, closed), Clock()
    engine = Engine(old, Log(), clock, lambda: "id")
    switching = threading.Thread(target=engine.serve, args=[new])

    def meanwhile() -> None:
        switching.start()
        switching.join(0.05)
        assert switching.is_alive()
        assert closed == []

    clock.meanwhile = meanwhile
    during = ask(engine)
    switching.join()
    clock.meanwhile = lambda: None
    assert b"a" * 64 in during.body
    assert b"b" * 64 in ask(engine).body
    assert (closed, engine.serving.facts["release"]) == (["a" * 64], "b" * 64)


def test_a_release_that_comes_later_is_under_the_switches_that_are_on(scorer: Scorer) -> None:
    engine = Engine(served(scorer, "a" * 64, []), Log(), lambda: AT, lambda: "id")
    new = served(scorer, "b" * 64, [])  # loaded before the order came
    engine.stop(OFFER_STOPPED)
    engine.serve(new)
    assert engine.serving.stops == OFFER_STOPPED
    engine.stop(NONE)
    assert engine.serving.stops == NONE


def test_a_look_that_fails_ends_no_watch() -> None:
    looked = threading.Event()

    class Fails:
        def look(self) -> None:
            raise ValueError("of a kind nobody thought of")

    class Looks:
        def look(self) -> None:
            looked.set()

    watch = Watch("test", [Fails(), Looks()], every=0.01)
    watch.start()
    assert looked.wait(5)
    watch.close()
