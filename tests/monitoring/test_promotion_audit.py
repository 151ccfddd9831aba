"""What was edited by hand behind the back of promotion is found and named."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from crm_rules.governance.chain import canonical
from crm_rules.governance.heads import Head, Heads
from crm_rules.governance.journal import Journal, signed
from crm_rules.governance.person import Role
from crm_rules.governance.promoting import switched
from crm_rules.governance.stops import Kind
from crm_rules.governance.switches import Order, as_file, read_switches
from crm_rules.governance.switching import Switchboard
from feature_repo.settings import Settings
from monitoring.audit import Evidence, audit
from monitoring.promotion_audit import governance, people, registry, releases, stop_switches
from tests.conftest import AT, Tiny
from tests.promoted import changed_policy, opened, promoted_tiny, sign
from training.registry import Registry
from training.release.current import record_of, set_current

CHECKS = (people, governance, stop_switches, releases, registry)
MODELS = ("segmentation", "propensity", "credit_risk", "recommendation")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Two switches, of which the second changed the policy; MLflow's aliases follow."""
    tiny = promoted_tiny(tmp_path_factory.mktemp("audited") / "home")
    with opened(tiny) as desk:
        request = desk.ask([changed_policy(tiny)], tiny.origin, tiny.signer("dana"), AT)
        sign(desk, tiny, request, AT)
        _register(Registry(of(tiny)), tiny)
        Registry(of(tiny)).follow(desk.state().versions)
    return tiny


@pytest.fixture
def tiny(made: Tiny, tmp_path: Path) -> Tiny:
    """A copy of it, to be tampered with."""
    return replace(made, home=shutil.copytree(made.home, tmp_path / "home"))


def of(tiny: Tiny) -> Settings:
    return Settings(home=tiny.home, profile="demo")


def _register(found: Registry, tiny: Tiny) -> None:
    for name in MODELS:
        run = found.client.create_run(found.experiment, tags={"author": "dana"})
        found.client.create_registered_model(name)
        for _ in range(2):
            found.client.create_model_version(name, tiny.parts[name].as_uri(), run.info.run_id)


def problems(tiny: Tiny) -> list[str]:
    return [problem for check in audit(Evidence(of(tiny)), CHECKS) for problem in check.problems]


def test_what_nobody_touched_is_intact(tiny: Tiny) -> None:
    checks = {check.name: check for check in audit(Evidence(of(tiny)), CHECKS)}
    assert {name: check.problems for name, check in checks.items()} == dict.fromkeys(checks, ())
    assert set(checks) == {"people", "governance", "releases", "mlflow"}


def sql(statement: str) -> Callable[[Tiny], None]:
    def change(tiny: Tiny) -> None:
        with closing(sqlite3.connect(tiny.home / "governance.db")) as database, database:
            database.execute(statement)

    return change


def _alias(tiny: Tiny) -> None:
    Registry(of(tiny)).follow({"credit_risk": "2"})


def _old_record(tiny: Tiny) -> None:
    with opened(tiny) as desk:
        first = desk.state().switches[0].record
    (tiny.releases / "current.json").write_bytes(canonical(dict(first)))


def _evidence(tiny: Tiny) -> None:
    """An approval that the journal never saw, though its signature is true."""
    with opened(tiny) as desk:
        release = desk.state().switches[-1].release
    path = next((tiny.releases / release / "evidence").glob("reasons-*"))
    held = json.loads(path.read_bytes())
    path.write_bytes(canonical({**held, "approvals": list(reversed(held["approvals"]))}))


def _byte(tiny: Tiny) -> None:
    with opened(tiny) as desk:
        release = desk.state().switches[0].release
    path = tiny.releases / release / "parts" / "policy" / "policy.toml"
    path.write_bytes(path.read_bytes() + b"#")


def _older_trust(tiny: Tiny) -> None:
    Heads(tiny.home / "heads").write("trust", Head(2, "ab" * 32))


TAMPERED = [
    pytest.param(_alias, "credit_risk: MLflow's champion is version 2, but 1 is live", id="alias"),
    pytest.param(_old_record, "its number 1 is below 2, so it is an old record played back", id="old-record"),
    pytest.param(_evidence, "the evidence of 'reasons' is not what the journal says", id="evidence"),
    pytest.param(_byte, "'parts/policy/policy.toml' has other content", id="byte-of-an-earlier-release"),
    pytest.param(_older_trust, "is version 1", id="older-trust-file"),
    pytest.param(lambda t: (t.home / "governance.db").unlink(), "is gone, but entry 10 was", id="no-journal"),
    pytest.param(sql("DELETE FROM events WHERE seq = 3"), "governance entry 3", id="event-deleted"),
    pytest.param(sql("UPDATE events SET person = 'victor' WHERE seq = 1"), "entry 1 (1): its content was",
                 id="requester-renamed"),
    pytest.param(sql("UPDATE events SET body = replace(body, 'PIA-7', 'PIA-8') WHERE seq = 1"),
                 "governance entry 1", id="evidence-in-the-database"),
    pytest.param(sql("DELETE FROM chain WHERE seq >= 8"), "entry 10: it was anchored and", id="tail-cut"),
    pytest.param(sql("INSERT INTO events SELECT 99, kind, subject, person, role, at, body, signature, salt "
                     "FROM events WHERE seq = 2"), "event 99: it is in no chain", id="event-inserted"),
]  # fmt: skip


@pytest.mark.parametrize(("tamper", "named"), TAMPERED)
def test_what_was_edited_by_hand_is_named(tiny: Tiny, tamper: Callable[[Tiny], None], named: str) -> None:
    tamper(tiny)
    assert named in "\n".join(problems(tiny))


def test_a_part_changed_in_mlflow_is_named(made: Tiny, tiny: Tiny) -> None:
    path = made.parts["segmentation"] / "model.json"
    whole = path.read_bytes()
    try:
        path.write_bytes(whole + b" ")
        assert "the files of version 1 in MLflow are not those" in "\n".join(problems(tiny))
    finally:
        path.write_bytes(whole)


def test_a_switch_that_was_cut_short_is_a_note_and_no_problem(tiny: Tiny) -> None:
    with opened(tiny) as desk:
        first = desk.state().switches[0]
    (tiny.releases / "current.json").write_bytes(canonical(dict(first.record)))
    (tiny.home / "heads" / "current.head").unlink()
    Heads(tiny.home / "heads").write("current", Head(1, first.release))
    checks = list(audit(Evidence(of(tiny)), (releases,)))
    assert [check.problems for check in checks] == [()]
    assert "switch 2 was cut short" in checks[0].notes[0]


def test_a_switch_taken_back_with_its_head_shows_by_a_copy_of_the_heads(tiny: Tiny, tmp_path: Path) -> None:
    """Whoever writes every file, and has no key: the record before, the head before."""
    shutil.copytree(tiny.home / "heads", tmp_path / "copy")
    test_a_switch_that_was_cut_short_is_a_note_and_no_problem(tiny)
    [check] = audit(Evidence(of(tiny), (tmp_path / "copy",)), (releases,))
    assert "its number 1 is below 2, so it is an old record played back" in check.problems[0]


CARD = (Kind.PRODUCT, "card-gold")


@contextmanager
def board(tiny: Tiny) -> Iterator[Switchboard]:
    with Journal.open(tiny.home / "governance.db", "", tiny.home / "heads") as journal:
        yield Switchboard(tiny.releases, journal, tiny.trust, Heads(tiny.home / "heads"))


@pytest.fixture
def stopped(tiny: Tiny) -> Tiny:
    """Two products were stopped."""
    with board(tiny) as switches:
        switches.stop(CARD, tiny.signer("otto"), AT, "it misprices")
        switches.stop((Kind.PRODUCT, "fund-growth"), tiny.signer("rita"), AT, "it too")
    return tiny


def _file(change: Callable[[list[object]], object]) -> Callable[[Tiny], None]:
    def tamper(tiny: Tiny) -> None:
        path = tiny.releases / "stops.json"
        path.write_bytes(canonical(change(json.loads(path.read_bytes()))))

    return tamper


def _forgotten(tiny: Tiny) -> None:
    """The file cut and its head set back: by itself it is whole."""
    _file(lambda orders: orders[:0])(tiny)
    (tiny.home / "heads" / "stops.head").unlink()


def _longer(tiny: Tiny) -> None:
    """A true order that the journal never saw."""
    with board(tiny) as switches:
        state = read_switches(tiny.releases, tiny.trust, switches.heads)
        body = {"number": 3, "before": state.last, "reason": "x"}
        made = signed("stopped", "model/credit_risk", "otto", Role.OPERATOR, AT, body, tiny.key("otto"))
    (tiny.releases / "stops.json").write_bytes(as_file((*state.orders, Order.of(made))))


def _planted(tiny: Tiny) -> None:
    with board(tiny) as switches, switches.journal.writing() as turn:
        made = signed("stopped", "model/credit_risk", "dana", Role.SCIENTIST, AT, {}, tiny.key("dana"))
        turn.append(made)


@pytest.mark.parametrize(("tamper", "named"), [
    pytest.param(_file(lambda orders: orders[:1]), "it ends at order 1, there were 2", id="cut"),
    pytest.param(lambda tiny: (tiny.releases / "stops.json").unlink(), "ends at order 0, there", id="gone"),
    pytest.param(_file(lambda orders: orders[::-1]), "does not follow order 0", id="swapped"),
    pytest.param(_forgotten, "holds other orders (0) than the journal (2)", id="cut-with-its-head"),
    pytest.param(_longer, "holds other orders (3) than the journal (2)", id="an-order-put-in-the-file"),
    pytest.param(_planted, "entry 13 (stopped model/credit_risk) does not count", id="in-the-journal"),
    pytest.param(sql("DELETE FROM events WHERE kind = 'stopped' AND person = 'rita'"),
                 "stops: order 2 was anchored, and the journal holds 1", id="taken-out-of-the-journal"),
])  # fmt: skip
def test_stop_switches_that_were_tampered_with_are_named(
    stopped: Tiny, tamper: Callable[[Tiny], None], named: str
) -> None:
    assert problems(stopped) == []
    tamper(stopped)
    assert named in "\n".join(problems(stopped))


def test_an_order_that_was_cut_short_is_a_note_and_no_problem(stopped: Tiny) -> None:
    with board(stopped) as switches:
        switches.stop((Kind.MODEL, "propensity"), stopped.signer("carla"), AT, "drift")
    _file(lambda orders: orders[:2])(stopped)
    (stopped.home / "heads" / "stops.head").unlink()
    state = read_switches(stopped.releases, stopped.trust, Heads(stopped.home / "heads"))
    Heads(stopped.home / "heads").write("stops", Head(2, state.last))
    [check] = audit(Evidence(of(stopped)), (stop_switches,))
    assert (check.problems, check.entries) == ((), 3)
    assert "order 3 was cut short" in check.notes[0]


def test_a_combination_nobody_asked_for_is_named_even_when_its_switch_stands_in_the_journal(
    tiny: Tiny,
) -> None:
    """A validator alone: an earlier release again, signed, recorded with a chain that fits, anchored."""
    with opened(tiny) as desk, desk.journal.writing() as turn:
        first, signer = desk.state().switches[0], tiny.signer("victor")
        record = record_of(first.release, 3, signer, Role.VALIDATOR, AT, tiny.trust)
        body = {"number": 3, "release": first.release, "parts": dict(first.parts), "cause": "approval",
                "subject": "R1", "reason": "", "record": record}  # fmt: skip
        switched(turn, signer, Role.VALIDATOR, AT, body)
    set_current(tiny.releases, record, Heads(tiny.home / "heads"))
    told = "\n".join(problems(tiny))
    assert "(switched R1) does not count: request R1 is not approved, or was live already" in told
    assert "switch 3; the journal's last is" in told
