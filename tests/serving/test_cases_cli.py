"""`bank cases`: what the log says is found, worked on by command, told, exported and audited."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import bank as command_line
from crm_rules.cases.store import CaseStore
from crm_rules.errors import CaseRefused, SessionRefused, UnknownCase
from crm_rules.governance.heads import Heads
from feature_repo.live.events import Event, read_event
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from monitoring.decision_log import DecisionLogs, Record
from monitoring.finding import Finder
from serving.bootstrap.process import ScoringProcess
from serving.bootstrap.worker import build
from serving.deciding.asking import CreditRequest
from serving.deciding.records import Decision
from serving.pipeline.labels import labels
from tests.conftest import Tiny

REFERRED, APPROVED, DECLINED = (CreditRequest("ann", amount, 36) for amount in (60_000.0, 6_000.0, 150_000.0))
Run = Callable[..., str]


@pytest.fixture
def run(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("BANK_HOME", str(tiny.home))
    monkeypatch.chdir(tiny.home)

    def command(*arguments: str, by: str = "", code: int = 0) -> str:
        words = arguments if arguments[0] == "audit" else ("cases", *arguments)
        done = CliRunner().invoke(command_line.app, [*words, *(["--by", by] if by else [])])
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


def decided(worker: ScoringProcess, *asked: CreditRequest) -> list[str]:
    scored = worker.engine.answer("credit", asked, "r-1", "app")
    return [each.record.decision_id for each in scored if isinstance(each, Decision)]


def listed(run: Run, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("list", "--json", *options))["cases"]
    return found


def close(run: Run, case_id: str, outcome: str = "decline", person: str = "una") -> None:
    run("claim", case_id, by=person)
    run("decide", case_id, outcome, "--reason", "CASE-04", "--text", "no payslip came", by=person)
    run("letter", case_id, by=person)
    run("deliver", case_id, "--channel", "app", by=person)


def test_a_case_is_worked_on_from_the_list_to_the_letter(run: Run, worker: ScoringProcess) -> None:
    [case] = decided(worker, REFERRED)
    lines = run("list").splitlines()
    assert lines[1].split()[:3] == [case, "referral", "waiting"]
    assert lines[2:] == ["1 open, 0 overdue (!).", f"Next: `bank cases claim {case}`."]
    said = run("claim", case, by="una")
    assert said.splitlines()[-1].startswith(f"Next: `bank cases decide {case} OUTCOME")
    assert "OUTCOME: approve or decline or withdrawn; CODE: `bank cases reasons`." in said
    paper = Path("payslip.txt")
    paper.write_text("secret salary")
    said = run("evidence", case, "--note", "one payslip", "--file", str(paper), by="una")
    assert "una: one payslip [payslip.txt, sha256 " in said
    assert "secret" not in said
    decide = ("--reason", "CASE-04", "--reason", "LEND-16", "--text", "no payslip came")
    said = run("decide", case, "decline", *decide, by="una")
    assert said.splitlines()[-1] == f"Next: `bank cases letter {case}`."
    said = run("letter", case, "--language", "en", by="una")
    assert "    We are sorry: we cannot grant the credit you applied for." in said.splitlines()
    assert said.splitlines()[-1] == f"Next: `bank cases deliver {case} --channel app`."
    assert "Next" not in run("deliver", case, "--channel", "post", by="una")
    assert listed(run) == []
    [told] = listed(run, "--all")
    assert (told["state"], told["outcome"], told["delivered"]["channel"]) == ("told", "decline", "post")
    audited = run("audit", "verify", code=3)  # the tiny bank has no journal of promotions
    assert re.search(r"^cases +7 entries +intact$", audited, re.MULTILINE)


def test_above_the_limit_another_person_is_named_as_the_next_step(run: Run, worker: ScoringProcess) -> None:
    [case] = decided(worker, CreditRequest(None, 300_000.0, 36))  # an income nobody knows
    run("claim", case, by="una")
    said = run("decide", case, "approve", "--reason", "CASE-02", "--text", "income shown", by="una")
    assert "second     waits: it is above what they decide alone" in said
    assert "override   it goes against the rules" in said
    assert said.splitlines()[-1].startswith(f"Next: another person: `bank cases confirm {case}`")
    assert "decided    approve by una" in run("confirm", case, by="rita")


def test_what_the_store_missed_is_collected_once_from_every_worker(run: Run, tiny: Tiny) -> None:
    settings = Settings(home=tiny.home, profile="demo")
    ids = []
    for name in ("worker-1", "worker-2"):
        worker = build(settings, name)
        worker.engine._writer._refer = lambda records: None  # the store is down
        ids += decided(worker, REFERRED, APPROVED, DECLINED)[:1]
        worker.close()
    assert run("collect").splitlines() == [
        "2 referred decisions had no case and got one.", "Next: `bank cases list`.",
    ]  # fmt: skip
    assert json.loads(run("collect", "--json")) == {"opened": 0}
    assert sorted(case["id"] for case in listed(run)) == sorted(ids)


def test_a_log_that_says_nothing_new_is_not_read_again(
    run: Run, worker: ScoringProcess, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided(worker, REFERRED)
    run("collect")
    monkeypatch.setattr(DecisionLogs, "between", lambda *_: pytest.fail("the log was read again"))
    run("collect")
    with CaseStore.open(tiny.home / "cases.db", "", tiny.home / "heads") as store:
        assert store.collected() == {"decisions-worker-1": 1}


def test_batches_make_no_case(run: Run, worker: ScoringProcess, tiny: Tiny) -> None:
    log = DecisionLogs.of(Settings(home=tiny.home)).open("batches")
    log.append([Record("batch-1", "2026-03-01T00:00:00+00:00", "credit", None, b'{"outcome": "refer"}')])
    log.close()
    assert json.loads(run("collect", "--json")) == {"opened": 0}


def test_refusals_leave_by_the_way_of_every_command(run: Run, worker: ScoringProcess) -> None:
    [case] = decided(worker, REFERRED)
    with pytest.raises(CaseRefused, match="'mia' has the roles marketing"):
        run("claim", case, by="mia")
    with pytest.raises(SessionRefused):
        run("claim", case)
    with pytest.raises(UnknownCase):
        run("show", "nothing")
    run("claim", case, by="una")
    with pytest.raises(CaseRefused, match="CASE-01, CASE-02"):
        run("decide", case, "decline", "--reason", "NO", "--text", "so", by="una")
    assert "referral" in run("list", "--kind", "nothing", code=2)


def test_the_reasons_of_people_are_listed_in_both_languages(run: Run, worker: ScoringProcess) -> None:
    rows = {row["code"]: row for row in json.loads(run("reasons", "--json"))}
    assert rows["CASE-04"]["en"] == "Your income could not be confirmed"
    assert rows["CASE-04"]["zh"] == "无法核实您的收入"
    assert {code[:5] for code in rows} == {"CASE-"}
    assert "CASE-04" in run("reasons")


def test_what_people_decided_becomes_outcomes_of_applications(
    run: Run, worker: ScoringProcess, tiny: Tiny
) -> None:
    (tiny.home / "raw").mkdir()
    Source("tiny", "CNY", "2024-01-01T00:00:00+00:00", "2026-03-01T00:00:00+00:00", "d" * 64, {}).write(
        tiny.home / "raw"
    )
    newcomer = CreditRequest(None, 6_000.0, 36)
    ids = decided(worker, REFERRED, REFERRED, newcomer, CreditRequest("ben", 60_000.0, 36))
    for case, outcome in zip(ids, ("decline", "approve", "approve"), strict=False):
        close(run, case, outcome)
    found = json.loads(run("export", "rows.jsonl", "--json"))
    assert found.pop("override_rate") == pytest.approx(1 / 3)
    assert found == {"rows": 2, "left_out": 1, "decided": 3, "overrides": 1}
    lines = Path("rows.jsonl").read_bytes().splitlines()
    events = [read_event(at, line, datetime.now(UTC)) for at, line in enumerate(lines)]
    rows = {event.values["application_id"]: event.values for event in events if isinstance(event, Event)}
    assert {name: row["outcome"] for name, row in rows.items()} == {ids[0]: "refused", ids[1]: "approved"}
    assert all(row["at"] < row["recorded_at"] for row in rows.values())
    assert {(row["customer_id"], float(row["amount"]), row["currency"]) for row in rows.values()} == {
        ("ann", 60_000.0, "CNY")
    }  # fmt: skip
    said = run("export", "rows.jsonl")
    assert "1 of 3 decisions by people were against the rules (33.3%)." in said
    assert said.endswith("Next: `bank data push rows.jsonl`.\n")


def test_the_last_word_on_an_application_is_its_outcome(run: Run, worker: ScoringProcess, tiny: Tiny) -> None:
    [decision] = decided(worker, DECLINED)
    record = json.loads(worker.finder.find(decision))
    policy = worker.engine.scorer.loaded.book.base

    def contest() -> str:
        return worker.cases.review(record, {}, datetime.now(UTC), policy)[0].id

    def outcomes() -> list[str]:
        logs = Finder.of(Settings(home=tiny.home))
        with CaseStore.open(tiny.home / "cases.db", "", tiny.home / "heads") as store:
            return [str(row["outcome"]) for row in labels(store.cases(tiny.trust), logs, "CNY").rows]

    close(run, contest(), "upheld")
    assert outcomes() == ["refused"]
    close(run, contest(), "changed", person="rita")
    assert outcomes() == ["approved"]
    assert run("show", f"appeal-{decision}").count("decided    changed by rita") == 1


def _put_in(tiny: Tiny, name: str, old: str, new: str) -> None:
    """Another opening with an entry that fits, as somebody writes who has the database."""
    with CaseStore.open(tiny.home / "cases.db", "", tiny.home / "heads") as store:
        kind, _, person, role, at, body, signature = store._rows.past()[0][1]
        with store._rows.appending() as appender:
            store._rows.insert((kind, name, person, role, at, body.replace(old, new), signature), appender)


def _opened_for_nothing(tiny: Tiny) -> str:
    _put_in(tiny, "made-up", '"decision_id":"', '"decision_id":"x')
    return "is in the log"


def _another_amount(tiny: Tiny) -> str:
    _put_in(tiny, "review-x", "60000.0", "1.0")
    return "it says another amount than its decision"


def _altered(tiny: Tiny) -> str:
    with CaseStore.open(tiny.home / "cases.db", "", tiny.home / "heads") as store:
        store._database.ask("UPDATE case_events SET at = '2026-01-01T00:00:00+00:00' WHERE seq = 1")
    return "its content was altered"


def _gone(tiny: Tiny) -> str:
    for left in tiny.home.glob("cases.db*"):
        left.unlink()
    return "its tables are gone; entry 2 was anchored"


@pytest.mark.parametrize("tamper", [_opened_for_nothing, _another_amount, _altered, _gone])
def test_the_audit_names_what_somebody_did_to_cases(
    run: Run, worker: ScoringProcess, tiny: Tiny, tamper: Callable[[Tiny], str]
) -> None:
    decided(worker, REFERRED)
    run("collect")
    assert Heads(tiny.home / "heads").read("cases").seq == 2
    says = tamper(tiny)
    assert says in run("audit", "verify", code=3)
