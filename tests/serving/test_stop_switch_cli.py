"""`bank stop-switch`, and a worker that obeys what it wrote."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from crm_rules.errors import BrokenSwitches, NotAllowed, SessionRefused
from crm_rules.governance.stops import Kind, Stops
from feature_repo.settings import Settings
from serving.bootstrap.process import ScoringProcess
from serving.bootstrap.releases import current_release
from serving.bootstrap.worker import build
from serving.deciding.asking import CreditRequest, OfferRequest
from serving.deciding.records import Decision
from serving.switch_cli import stop_switch
from tests.conftest import Tiny
from tests.serving.worker.test_switching import release_with, stricter

Run = Callable[..., str]


@pytest.fixture
def run(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("BANK_HOME", str(tiny.home))
    monkeypatch.chdir(tiny.home)

    def command(*arguments: str, by: str = "", code: int = 0) -> str:
        who = ["--by", by] if by else []
        reason = ["--reason", "it misprices"] if arguments[0] in ("on", "off") else []
        done = CliRunner().invoke(stop_switch, [*arguments, *reason, *who])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return done.output

    return command


@pytest.fixture
def worker(tiny: Tiny) -> Iterator[ScoringProcess]:
    process = build(Settings(home=tiny.home, profile="demo"), "worker-1")
    yield process
    process.close()


def decided(worker: ScoringProcess, method: str = "next_best_action") -> dict[str, Any]:
    asked = (
        OfferRequest("ann", None, 6) if method == "next_best_action" else CreditRequest("ann", 6_000.0, 24)
    )
    [made] = worker.engine.answer(method, [asked], "r-1", "app")
    assert isinstance(made, Decision)
    said: dict[str, Any] = json.loads(made.body)
    return said


def offered(worker: ScoringProcess) -> set[str]:
    return {offer["product_id"] for offer in decided(worker)["offers"]}


def test_one_person_stops_a_product_and_two_start_it_again(run: Run, worker: ScoringProcess) -> None:
    assert "savings-term" in offered(worker)
    assert "Stopped: product 'savings-term' by otto" in run("on", "product", "savings-term", by="otto")
    worker.stops.look()
    assert "savings-term" not in offered(worker)
    assert "it is still stopped" in run("off", "product", "savings-term", by="rita")
    worker.stops.look()
    assert "savings-term" not in offered(worker)
    with pytest.raises(NotAllowed, match="'rita' asked for it"):
        run("off", "product", "savings-term", by="rita")
    assert "Started again" in run("off", "product", "savings-term", by="carla")
    worker.stops.look()
    assert "savings-term" in offered(worker)


def test_the_list_tells_what_is_stopped_and_who_asks_to_start_it(run: Run) -> None:
    assert run("list") == "Nothing is stopped.\n"
    run("on", "model", "credit_risk/application", by="carla")
    run("off", "model", "credit_risk/application", by="otto")
    told = run("list")
    assert "model     credit_risk/application" in told
    assert "by carla: it misprices; otto asks to start it again" in told
    data = json.loads(run("list", "--json"))
    assert data["number"] == 2
    assert [(each["kind"], each["name"], each["asked_by"]) for each in data["stopped"]] == [
        ("model", "credit_risk/application", "otto")
    ]


def test_a_stopped_credit_model_sends_the_next_application_to_a_person(
    run: Run, worker: ScoringProcess
) -> None:
    before = decided(worker, "credit")
    run("on", "model", "credit_risk/application", by="rita")
    worker.stops.look()
    after = decided(worker, "credit")
    assert before["outcome"] == "approve"
    assert after["outcome"] == "refer"
    assert "LEND-10" in {rule["code"] for rule in after["rules"]}


def test_a_name_the_release_does_not_have_is_stopped_with_a_warning(run: Run) -> None:
    said = run("on", "product", "card-platinum", by="otto")
    assert "Stopped: product 'card-platinum'" in said
    assert "the current release has no product 'card-platinum'" in said
    assert "card-gold" in said
    assert "Warning" not in run("on", "campaign", "spring", by="otto")
    assert "Warning" not in run("on", "model", "propensity/card", by="otto")


def test_what_nobody_may_stop_is_a_wrong_use_and_nobody_signs_unnamed(run: Run) -> None:
    assert "there are model, product, offer, campaign" in run("on", "branch", "x", by="otto", code=2)
    with pytest.raises(SessionRefused, match="Nobody is logged in"):
        run("on", "product", "card-gold")
    with pytest.raises(NotAllowed, match="'dana' has the roles scientist"):
        run("on", "product", "card-gold", by="dana")
    assert json.loads(run("list", "--json")) == {"number": 0, "stopped": []}


def test_a_running_worker_keeps_what_it_knows_and_a_starting_one_refuses(
    tiny: Tiny, run: Run, worker: ScoringProcess
) -> None:
    run("on", "product", "savings-term", by="otto")
    worker.stops.look()
    path, settings = tiny.releases / "stops.json", Settings(home=tiny.home, profile="demo")
    content = path.read_bytes()
    path.unlink()
    worker.stops.look()
    assert "savings-term" not in offered(worker)
    assert worker.stops.refused is not None
    assert "BrokenSwitches: it ends at order 0, there were 1" in worker.stops.refused.reason
    for start in (lambda: build(settings, "worker-2"), lambda: current_release(settings)):
        with pytest.raises(BrokenSwitches, match="ends at order 0"):
            start()
    (tiny.home / "heads" / "stops.head").unlink()  # with its head gone as well the worker still knows
    path.write_bytes(b"[]")
    worker.stops.look()
    assert "savings-term" not in offered(worker)
    path.write_bytes(content)
    worker.stops.look()
    assert worker.stops.refused is None


def test_a_restart_and_another_release_keep_what_is_stopped(tiny: Tiny, run: Run) -> None:
    run("on", "product", "savings-term", by="otto")
    process = build(Settings(home=tiny.home, profile="demo"), "worker-1")
    assert "savings-term" not in offered(process)
    tiny.switch(release_with(tiny, stricter), 2)
    process.releases.look()
    assert decided(process)["release"]["policy"] == "2026.2"
    assert "savings-term" not in offered(process)
    assert process.engine.serving.stops == Stops.of([(Kind.PRODUCT, "savings-term")])
    process.close()


def test_a_release_is_followed_while_the_file_of_switches_is_broken(
    tiny: Tiny, run: Run, worker: ScoringProcess
) -> None:
    run("on", "product", "savings-term", by="otto")
    worker.stops.look()
    (tiny.releases / "stops.json").write_bytes(b"[]")
    tiny.switch(release_with(tiny, stricter), 2)
    worker.stops.look()
    worker.releases.look()
    assert decided(worker)["release"]["policy"] == "2026.2"
    assert "savings-term" not in offered(worker)
