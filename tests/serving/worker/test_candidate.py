"""A release tried beside the current one: whom it answers, what its failures cost, what its shadow leaves."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path
from typing import Any

import httpx
import pytest

from crm_rules.governance.candidates import Mode, Tryout
from crm_rules.governance.stops import NONE, Kind, Stops
from feature_repo.settings import Settings
from monitoring.audit import Evidence, audit
from monitoring.decision_log import DecisionLogs
from monitoring.errors import UnknownDecision
from monitoring.promotion_audit import EVERY
from monitoring.shadow import USE_CASES, compare, newest_release, shadow_logs
from serving.auth import EVERY_SCOPE, issue, token_key
from serving.bootstrap.edge import now
from serving.bootstrap.process import ScoringProcess
from serving.bootstrap.releases import next_candidate, open_archive
from serving.bootstrap.worker import build
from serving.deciding.asking import CreditRequest, OfferRequest, SuitabilityRequest
from serving.deciding.online import OnlineRows, Snapshot
from serving.deciding.records import Decision
from serving.deciding.scoring import USE_CASES as ASKED
from serving.deciding.scoring import Scored, Scorer
from serving.errors import UnknownProduct
from serving.worker.candidate import Candidate
from serving.worker.in_service import InService
from serving.worker.shadow import Followed, Shadow
from tests.conftest import AT, CUSTOMERS, Tiny, make_tiny, stamp
from tests.serving.conftest import InProcess, Kept
from tests.serving.worker.test_switching import release_with, stricter

PATIENCE = 30.0


@dataclass
class Stage:
    """A worker on the tiny bank's first release, and a stricter second one to be tried."""

    tiny: Tiny
    settings: Settings
    process: ScoringProcess
    second: str

    def name(self, tryout: Tryout, number: int = 1, release: str | None = None) -> None:
        self.tiny.try_out(self.second if release is None else release, tryout, number)
        self.process.candidates.look()

    @property
    def candidate(self) -> Candidate:
        assert self.process.engine.candidate is not None
        return self.process.engine.candidate

    def ask(self, customer: str | None, method: str = "credit") -> Decision:
        asked = CreditRequest(customer, 6_000.0, 24) if method == "credit" else OfferRequest(customer or "")
        [made] = self.process.engine.answer(method, [asked], "r-1", "app")
        assert isinstance(made, Decision)
        return made

    def status(self) -> Any:
        token = issue(token_key(self.tiny.home / "keys"), "app", EVERY_SCOPE, 1, now())
        app = self.process.gate(self.process.endpoints)
        with httpx.Client(transport=InProcess(app), base_url="http://bank") as client:
            return client.get("/v1/status", headers={"Authorization": f"Bearer {token}"}).json()["candidate"]

    def shadows(self) -> list[dict[str, Any]]:
        logs = shadow_logs(self.settings)
        return [json.loads(each) for case in USE_CASES for each in logs.payloads(case, 1_000)]


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, str]:
    """A tiny bank, and a second release of it."""
    tiny = make_tiny(tmp_path_factory.mktemp("two") / "home")
    return tiny, release_with(tiny, stricter)


@pytest.fixture
def stage(two_releases: tuple[Tiny, str], tmp_path: Path) -> Iterator[Stage]:
    made, second = two_releases
    home = shutil.copytree(made.home, tmp_path / "home")
    parts = {name: home / folder.relative_to(made.home) for name, folder in made.parts.items()}
    settings = Settings(home=home, profile="demo")
    process = build(settings, "worker-1")
    yield Stage(replace(made, home=home, parts=parts), settings, process, second)
    process.close()


def until(done: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.005)


def by(made: Scored) -> str:
    assert isinstance(made, Decision)
    return str(json.loads(made.record.payload)["release"])


def canary(percent: int) -> Tryout:
    return Tryout(Mode.CANARY, percent)


@pytest.fixture(scope="module")
def someone(scorer: Scorer) -> Candidate:
    return Candidate(InService(scorer), canary(1), AT.isoformat())


@pytest.mark.parametrize("percent", [1, 10, 50, 99])
def test_the_share_of_customers_is_what_was_asked_for(someone: Candidate, percent: int) -> None:
    n, tried = 10_000, replace(someone, tryout=canary(percent))
    found = sum(tried.takes(f"customer-{at}") for at in range(n))
    sigma = sqrt(n * percent / 100 * (1 - percent / 100))
    assert abs(found - n * percent / 100) < 4 * sigma


def test_a_rising_share_moves_nobody_back_and_at_a_hundred_takes_everybody(someone: Candidate) -> None:
    ids, before = [f"customer-{at}" for at in range(2_000)], set[str]()
    for percent in (1, 5, 10, 25, 50, 75, 100):
        tried = replace(someone, tryout=canary(percent))
        on_it = {each for each in ids if tried.takes(each)}
        assert before <= on_it
        before = on_it
    assert before == set(ids)


def test_who_is_new_to_the_bank_is_never_on_it(someone: Candidate) -> None:
    assert not replace(someone, tryout=canary(100)).takes(None)


def test_a_canary_answers_its_customers_and_nobody_else(stage: Stage) -> None:
    stage.name(canary(50))
    on_it = {each for each in CUSTOMERS if stage.candidate.takes(each)}
    answers = {each: stage.ask(each) for each in CUSTOMERS}
    assert {each for each, made in answers.items() if by(made) == stage.second} == on_it
    assert {each for each, made in answers.items() if by(made) == stage.tiny.release} == {*CUSTOMERS} - on_it
    assert 0 < len(on_it) < len(CUSTOMERS)  # else the case above says nothing
    assert by(stage.ask(None)) == stage.tiny.release
    for made in answers.values():  # each says of itself which release it is by, and what that one says
        said = json.loads(made.body)
        assert said["release"]["digest"] == by(made)
        strict = by(made) == stage.second
        assert said["release"]["policy"] == ("2026.2" if strict else "2026.1")
        assert not strict or said["outcome"] != "approve"


def test_many_customers_in_one_question_are_answered_each_by_their_own_in_order(stage: Stage) -> None:
    stage.name(canary(50))
    asked = [CreditRequest(each, 6_000.0, 24) for each in [*CUSTOMERS, *CUSTOMERS] * 20]
    answers = stage.process.engine.answer("credit", asked, "r-1", "app")
    for request, made in zip(asked, answers, strict=True):
        assert isinstance(made, Decision)
        assert made.record.customer_id == request.customer_id
        assert (by(made) == stage.second) == stage.candidate.takes(request.customer_id)


def test_what_a_canary_decided_is_replayed_by_its_release(stage: Stage) -> None:
    stage.name(canary(100))
    made = [stage.ask("ann"), stage.ask("ben", "next_best_action")]
    stage.name(canary(100), 2, release="")
    archive = open_archive(stage.settings)
    for each in made:
        again = archive.replay(DecisionLogs.of(stage.settings).find(each.record.decision_id))
        assert (again.same, again.body) == (True, each.body)


def test_it_is_followed_changed_and_left_live(stage: Stage) -> None:
    assert stage.status() == {"release": None, "refused": None}
    stage.name(canary(1))
    loaded = stage.candidate.serving.scorer.loaded
    stage.name(canary(100), 2)
    assert stage.candidate.serving.scorer.loaded is loaded  # another share loads nothing
    assert by(stage.ask("ann")) == stage.second
    told = stage.status()
    assert (told["release"], told["mode"], told["percent"]) == (stage.second, "canary", 100)
    assert (told["number"], told["since"], told["answered"]) == (2, AT.isoformat(), 1)
    stage.name(canary(100), 3, release="")
    assert stage.process.engine.candidate is None
    assert by(stage.ask("ann")) == stage.tiny.release
    assert stage.status() == {"release": None, "refused": None}


def test_current_is_switched_while_a_candidate_is_tried(stage: Stage) -> None:
    third = release_with(stage.tiny, lambda text: text.replace('"2026.1"', '"2026.3"'))
    stage.name(canary(50))
    stage.tiny.switch(third, 2)
    stage.process.releases.look()
    found = {each: by(stage.ask(each)) for each in CUSTOMERS}
    assert found == {each: stage.second if stage.candidate.takes(each) else third for each in CUSTOMERS}


def test_a_stop_switch_holds_for_both(stage: Stage) -> None:
    stage.name(canary(50))
    stops = Stops.of([(Kind.MODEL, "credit_risk")])
    stage.process.engine.stop(stops)
    for each in CUSTOMERS:
        assert json.loads(stage.ask(each).record.payload)["stops"] == ["model/credit_risk"]
    stage.name(canary(100), 2)  # it stays under them when its share changes
    assert json.loads(stage.ask("ann").record.payload)["stops"] == ["model/credit_risk"]


def test_a_candidate_obeys_a_stop_switch_that_came_while_it_was_loaded(stage: Stage) -> None:
    stage.tiny.try_out(stage.second, canary(100), 1)
    loaded = next_candidate(stage.settings, "worker-1", NONE)
    stage.process.engine.stop(Stops.of([(Kind.MODEL, "credit_risk")]))
    stage.process.engine.try_out(loaded)
    made = json.loads(stage.ask("ann").record.payload)
    assert (made["release"], made["stops"]) == (stage.second, ["model/credit_risk"])


class RowsWithADefect(OnlineRows):
    """Online rows whose reading fails for one customer."""

    def __init__(self, rows: OnlineRows, fails_for: str) -> None:
        self._rows, self._fails_for = rows, fails_for

    def read(self, customer_ids: Sequence[str]) -> Snapshot:
        if self._fails_for in customer_ids:
            raise ZeroDivisionError("a defect of the release")
        return self._rows.read(customer_ids)


def credit(scorer: Any, asked: Sequence[Any], stamps: Sequence[Any]) -> Sequence[Scored]:
    made: Sequence[Scored] = scorer.credit_decision(asked, stamps)
    return made


def test_where_a_candidate_fails_the_current_release_answers_that_customer_alone(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.name(canary(100))
    scorer = stage.candidate.serving.scorer
    failing = replace(scorer, online=RowsWithADefect(scorer.online, "ben"))
    tried = replace(stage.candidate, serving=replace(stage.candidate.serving, scorer=failing))
    stage.process.engine.candidate = tried
    asked = [CreditRequest(each, 6_000.0, 24) for each in CUSTOMERS]
    answers = dict(zip(CUSTOMERS, stage.process.engine.answer("credit", asked, "r-1", "app"), strict=True))
    assert {each for each, made in answers.items() if by(made) == stage.tiny.release} == {"ben"}
    assert (stage.candidate.tally.answered, stage.candidate.tally.failed) == (3, 1)
    assert "has no answer (ZeroDivisionError)" in caplog.text
    assert "ben" not in caplog.text


def test_what_both_releases_refuse_is_refused_and_no_failure_of_the_candidate(stage: Stage) -> None:
    stage.name(canary(100))
    with pytest.raises(UnknownProduct):
        stage.process.engine.answer("suitability", [SuitabilityRequest("ann", "no-such")], "r-1", "app")
    assert stage.candidate.tally.failed == 0


def altered(stage: Stage) -> None:
    path = stage.tiny.releases / stage.second / "parts/propensity/card.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    stage.name(canary(100))


def unsigned(stage: Stage) -> None:
    shutil.rmtree(stage.tiny.releases / stage.second / "evidence")
    stage.name(canary(100))


def unknown_segment(stage: Stage) -> None:
    targeted = "[targeting.only_for]\nfund = ['S9']\n"
    third = release_with(stage.tiny, lambda text: text.replace("[targeting.only_for]", targeted))
    stage.name(canary(100), release=third)


def forged(stage: Stage) -> None:
    stage.tiny.try_out(stage.second, canary(1), 1)
    path = stage.tiny.releases / "candidate.json"
    path.write_text(path.read_text().replace('"percent":1,', '"percent":99,'))
    stage.process.candidates.look()


def current_for_candidate(stage: Stage) -> None:
    shutil.copy(stage.tiny.releases / "current.json", stage.tiny.releases / "candidate.json")
    stage.process.candidates.look()


BAD = [
    pytest.param(altered, "AlteredRelease", id="altered"),
    pytest.param(unsigned, "NotApproved", id="unsigned"),
    pytest.param(unknown_segment, "S9", id="policy-names-unknown-segment"),
    pytest.param(forged, "does not fit", id="forged-share"),
    pytest.param(current_for_candidate, "another record", id="a-record-of-current"),
]


@pytest.mark.parametrize(("spoil", "told"), BAD)
def test_what_would_not_be_served_is_not_tried_and_nobody_notices(
    stage: Stage, spoil: Callable[[Stage], None], told: str
) -> None:
    spoil(stage)
    assert stage.process.engine.candidate is None
    assert told in stage.status()["refused"]["reason"]
    assert str(stage.tiny.home) not in json.dumps(stage.status())
    assert by(stage.ask("ann")) == stage.tiny.release
    again = build(stage.settings, "worker-2")  # it keeps no worker from starting either
    assert again.candidates.refused is not None
    assert again.engine.candidate is None
    again.close()


def test_a_worker_that_starts_while_one_is_tried_tries_it(stage: Stage) -> None:
    stage.name(canary(100))
    again = build(stage.settings, "worker-2")
    [made] = again.engine.answer("credit", [CreditRequest("ann", 6_000.0, 24)], "r-1", "app")
    again.close()
    assert by(made) == stage.second


def test_a_shadow_is_logged_apart_and_never_returned(stage: Stage) -> None:
    stage.name(Tryout(Mode.SHADOW, 100))
    answers = [stage.ask("ann"), stage.ask("ben", "next_best_action"), stage.ask("dan"), stage.ask(None)]
    until(lambda: len(stage.shadows()) == 3)
    decided = {each.record.decision_id: json.loads(each.record.payload) for each in answers[:3]}
    assert {by(each) for each in answers} == {stage.tiny.release}
    for shadow in stage.shadows():
        of = decided[shadow["shadows"]]
        assert (shadow["release"], shadow["at"], shadow["request"]) == (stage.second, of["at"], of["request"])
        assert shadow["decision_id"] not in decided
        with pytest.raises(UnknownDecision):
            DecisionLogs.of(stage.settings).find(shadow["decision_id"])
        assert open_archive(stage.settings).replay(json.dumps(shadow).encode()).same
    logged = DecisionLogs.of(stage.settings)
    kept = [each for case in USE_CASES for each in logged.payloads(case, 1_000)]
    assert len(kept) == 4
    assert stage.status()["decided"] == 3


def test_what_was_decided_in_the_shadow_is_compared_and_verifies(stage: Stage) -> None:
    stage.name(Tryout(Mode.SHADOW, 100))
    for each in CUSTOMERS:
        stage.ask(each)
        stage.ask(each, "next_best_action")
    until(lambda: len(stage.shadows()) == 8)
    shadows, decisions = shadow_logs(stage.settings), DecisionLogs.of(stage.settings)
    assert newest_release(shadows) == stage.second
    found = {each.use_case: each for each in compare(shadows, decisions, stage.second)}
    assert set(found) == {"credit", "next_best_action"}
    approved = sum(stage.ask(each).outcome == "approve" for each in CUSTOMERS)
    assert (found["credit"].differs.some, found["credit"].differs.of) == (approved, 4)
    assert (found["credit"].first, found["next_best_action"].differs.some) == (None, 0)
    first = found["next_best_action"].first
    assert first is not None
    assert (first.some, first.of) == (4, 4)
    assert found["credit"].scores["probability_of_default"].mean == 0
    assert [each.lost for each in found.values()] == [0, 0]
    checks = {each.name: each for each in audit(Evidence(stage.settings), EVERY)}
    assert checks["shadow-worker-1"].entries >= 8
    assert [problem for name, each in checks.items() if "shadow" in name for problem in each.problems] == []


def test_a_shadow_takes_its_share_and_a_failure_of_it_costs_nobody_an_answer(stage: Stage) -> None:
    stage.name(Tryout(Mode.SHADOW, 50))
    on_it = {each for each in CUSTOMERS if stage.candidate.takes(each)}
    for each in CUSTOMERS:
        stage.ask(each)
    until(lambda: len(stage.shadows()) == len(on_it))
    assert {each["customer_id"] for each in stage.shadows()} == on_it


def followed(scorer: Any, name: str, method: Callable[..., Any]) -> Followed:
    return Followed(method, scorer, CreditRequest(name, 6_000.0, 24), stamp(), f"d-{name}")


def test_what_a_shadow_cannot_keep_up_with_is_dropped_and_counted(scorer: Scorer) -> None:
    go, kept, ended = threading.Event(), Kept(), threading.Event()

    def slow(scorer: Scorer, asked: Sequence[Any], stamps: Sequence[Any]) -> Sequence[Scored]:
        go.wait(PATIENCE)
        return scorer.credit_decision(asked, stamps)

    ids = iter(f"s-{at}" for at in range(100))
    shadow = Shadow(kept, lambda: next(ids), most=2)
    shadow.put([followed(scorer, "ann", slow)])
    until(lambda: shadow.told()["waiting"] == 0)
    shadow.put([followed(scorer, name, slow) for name in ("ben", "cat", "dan", "ann")])
    assert (shadow.told()["waiting"], shadow.told()["dropped"]) == (2, 2)
    go.set()
    until(lambda: shadow.told()["decided"] == 3)
    shadow.end(ended.set)
    shadow.join()
    shadow.put([followed(scorer, "ann", slow)])
    assert ended.is_set()
    assert len(kept.records) == 3
    assert shadow.told()["dropped"] == 3


@pytest.mark.parametrize("where", ["scoring", "log"])
def test_what_fails_in_the_shadow_is_counted_and_the_next_is_decided(scorer: Scorer, where: str) -> None:
    kept = Kept(broken=where == "log")

    def fails(scorer: Scorer, asked: Sequence[Any], stamps: Sequence[Any]) -> Sequence[Scored]:
        if where == "scoring":
            raise ZeroDivisionError("a defect of the release")
        return scorer.credit_decision(asked, stamps)

    ids = iter(f"s-{at}" for at in range(100))
    shadow = Shadow(kept, lambda: next(ids))
    shadow.put([followed(scorer, "ann", fails)])
    until(lambda: shadow.told()["failed"] == 1)
    kept.broken = False
    shadow.put([followed(scorer, "ben", credit)])
    until(lambda: shadow.told()["decided"] == 1)
    shadow.end(lambda: None)
    shadow.join()
    assert [each.customer_id for each in kept.records.values()] == ["ben"]


def test_every_use_case_can_be_compared() -> None:
    assert set(USE_CASES) == set(ASKED)
