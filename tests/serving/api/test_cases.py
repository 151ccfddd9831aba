"""Cases over HTTP: a referred decision is one, a customer asks for one, the app reads what came of it."""

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crm_rules.cases.acting import CaseDesk
from crm_rules.cases.case import Case
from crm_rules.cases.opening import CaseKind, Opening
from crm_rules.cases.store import CaseStore
from crm_rules.database import Sqlite
from crm_rules.governance.heads import Heads
from tests.conftest import AT, Tiny
from tests.serving.api.test_http import assert_problem
from tests.serving.conftest import Bank

CREDIT, REVIEW, DECISIONS = "/v1/decisions/credit", "/v1/decisions/review", "/v1/decisions"
APPROVED, REFERRED, DECLINED = (
    {"customer_id": "ann", "amount": amount, "term_months": 36} for amount in (6e3, 6e4, 15e4)
)
DAY = timedelta(days=1)


@pytest.fixture
def store(bank: Bank, tmp_path: Path) -> Iterator[CaseStore]:
    """The store of that bank, as a command opens it."""
    with CaseStore(Sqlite(tmp_path / "cases.db"), Heads(tmp_path / "heads")) as opened:
        yield opened


def ask(bank: Bank, body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = bank.client.post(CREDIT, json=body, headers=bank.token()).json()
    return found


def review(bank: Bank, decision_id: str, **said: str) -> Any:
    body = {"decision_id": decision_id, **said}
    return bank.client.post(REVIEW, json=body, headers=bank.token("decisions:review", now=bank.times[-1]))


def read(bank: Bank, decision_id: str) -> Any:
    headers = bank.token("decisions:read", now=bank.times[-1])
    return bank.client.get(DECISIONS, params={"decision_id": decision_id}, headers=headers).json()


def work(store: CaseStore, tiny: Tiny, case_id: str, outcome: str, person: str = "una") -> Case:
    """Claim, decide, write and deliver; an hour after the decision."""
    loaded = tiny.trust, tiny.signer(person), AT + timedelta(hours=1)
    desk, policy, texts = CaseDesk(store, *loaded), *_rules()
    desk.claim(case_id)
    desk.decide(case_id, outcome, ["CASE-04"], "no payslip", texts)
    desk.write_letter(case_id, "zh", policy.lending.notice)
    return desk.deliver(case_id, "app")


def _rules() -> tuple[Any, Any]:
    from crm_rules.lending.reasons import STANDARD_REASONS, parse_catalogue
    from crm_rules.policy import STANDARD, Policy

    return Policy.load(STANDARD), parse_catalogue(STANDARD_REASONS.read_bytes())


def test_a_referred_decision_is_a_case_before_its_answer_leaves(bank: Bank, store: CaseStore) -> None:
    said = ask(bank, REFERRED)
    assert said["outcome"] == "refer"
    assert said["case"] == {"id": said["decision_id"], "due_at": (AT + 14 * DAY).isoformat()}
    assert store.has(said["decision_id"])
    found = read(bank, said["decision_id"])
    assert found["case"] == {**said["case"], "kind": "referral", "state": "waiting"}
    assert found["replay"] == "identical"


@pytest.mark.parametrize("body", [APPROVED, DECLINED], ids=["approved", "declined"])
def test_a_decision_that_is_not_referred_makes_no_case_and_opens_no_store(
    bank: Bank, tmp_path: Path, body: dict[str, Any]
) -> None:
    said = ask(bank, body)
    assert (said["outcome"] != "refer", said["case"]) == (True, None)
    assert not (tmp_path / "cases.db").exists()
    assert read(bank, said["decision_id"])["case"] is None


def test_a_batch_opens_its_cases_in_one_commit(bank: Bank, store: CaseStore) -> None:
    items = [REFERRED, APPROVED, REFERRED]
    rows = bank.client.post(f"{CREDIT}:batch", json={"items": items}, headers=bank.token()).json()["items"]
    ids = [row["answer"]["decision_id"] for row in rows]
    assert [store.has(each) for each in ids] == [True, False, True]


def test_the_app_reads_the_decision_of_a_person_and_its_letter_but_not_who(
    bank: Bank, store: CaseStore, whole_tiny: Tiny
) -> None:
    said = ask(bank, REFERRED)
    work(store, whole_tiny, said["decision_id"], "decline")
    case = read(bank, said["decision_id"])["case"]
    assert (case["state"], case["outcome"]) == ("told", "decline")
    assert case["decided_by"] == {"person": True, "role": "underwriter", "second_person": False}
    assert [each["code"] for each in case["reasons"]] == ["CASE-04"]
    assert set(case["reasons"][0]) == {"code", "en", "zh"}
    assert case["language"] == "zh"
    assert "无法核实您的收入" in case["letter"]["zh"]
    assert "could not be confirmed" in case["letter"]["en"]
    assert case["appeal_until"] == (AT + timedelta(hours=1) + 60 * DAY).isoformat()
    assert not {"una", "no payslip"} & set(json.dumps(case).replace('"', " ").split())
    assert "no payslip" not in json.dumps(case)


def test_nothing_is_told_before_it_is_decided(bank: Bank, store: CaseStore, whole_tiny: Tiny) -> None:
    said = ask(bank, REFERRED)
    CaseDesk(store, whole_tiny.trust, whole_tiny.signer("una"), AT).claim(said["decision_id"])
    case = read(bank, said["decision_id"])["case"]
    assert (case["state"], set(case)) == ("in_work", {"id", "kind", "state", "due_at"})


def test_a_review_is_opened_once_and_its_result_is_read(
    bank: Bank, store: CaseStore, whole_tiny: Tiny
) -> None:
    decision = ask(bank, DECLINED)["decision_id"]
    first, again = review(bank, decision, wish="my salary rose", language="zh"), review(bank, decision)
    assert (first.status_code, again.status_code) == (200, 200)
    assert (first.json()["opened"], again.json()["opened"]) == (True, False)
    assert first.json()["case"] == again.json()["case"] == read(bank, decision)["case"]
    case = store.case(f"review-{decision}", whole_tiny.trust)
    assert (case.kind, case.opening.about["wish"], case.opening.customer_id) == (
        "review",
        "my salary rose",
        "ann",
    )
    work(store, whole_tiny, case.id, "upheld")
    found = read(bank, decision)["case"]
    assert (found["kind"], found["outcome"], found["state"]) == ("review", "decline", "told")
    appeal = review(bank, decision).json()
    assert (appeal["opened"], appeal["case"]["kind"]) == (True, "appeal")
    assert read(bank, decision)["case"]["state"] == "waiting"


def test_asking_about_a_referred_decision_shows_the_case_it_is(bank: Bank) -> None:
    decision = ask(bank, REFERRED)["decision_id"]
    said = review(bank, decision).json()
    assert (said["opened"], said["case"]["kind"], said["case"]["id"]) == (False, "referral", decision)


def test_a_decision_is_contested_within_the_days_of_the_policy(bank: Bank) -> None:
    decision = ask(bank, DECLINED)["decision_id"]
    bank.times.append(AT + 60 * DAY + timedelta(seconds=1))
    problem = assert_problem(review(bank, decision), 409, "too-late")
    assert (AT + 60 * DAY).isoformat() in problem["detail"]
    bank.times.append(AT + 60 * DAY)
    assert review(bank, decision).status_code == 200


def test_what_decided_no_credit_cannot_be_contested(bank: Bank) -> None:
    path, body = "/v1/decisions/next-best-action", {"customer_id": "ann"}
    offer = bank.client.post(path, json=body, headers=bank.token()).json()
    assert_problem(review(bank, offer["decision_id"]), 409, "not-reviewable")


WISHES = [
    ("empty", ""), ("blank", "   "), ("two lines", "a\nb"), ("an escape", "a\x1b[2A"),
    ("turned around", "a\u202eb"), ("too long", "x" * 2_001), ("a number", 7), ("half a character", "\ud800"),
]  # fmt: skip


@pytest.mark.parametrize("wish", [pytest.param(wish, id=name) for name, wish in WISHES])
def test_a_wish_that_hides_signs_or_is_too_long_is_refused(bank: Bank, wish: object) -> None:
    decision = ask(bank, DECLINED)["decision_id"]
    body = json.dumps({"decision_id": decision, "wish": wish}).encode()
    headers = bank.token() | {"Content-Type": "application/json"}
    response = bank.client.post(REVIEW, content=body, headers=headers)
    problem = assert_problem(response, 422, "invalid-body")
    assert "xxx" not in json.dumps(problem)


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        pytest.param({"decision_id": "none"}, 404, "unknown-decision", id="unknown"),
        pytest.param({"decision_id": "review-id-2"}, 404, "unknown-decision", id="a-case-is-no-decision"),
        pytest.param({}, 422, "invalid-body", id="nothing"),
        pytest.param({"decision_id": "d", "name": "Ann"}, 422, "invalid-body", id="a-field-nobody-knows"),
        pytest.param({"decision_id": "d", "language": "fr"}, 422, "invalid-body", id="an-unknown-language"),
    ],
)
def test_a_wish_about_nothing_is_refused(bank: Bank, body: dict[str, str], status: int, kind: str) -> None:
    assert_problem(bank.client.post(REVIEW, json=body, headers=bank.token()), status, kind)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody else holds the file."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_while_the_store_is_down_decisions_are_answered_and_cases_are_found_later(
    bank: Bank, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bank.desk.cases.close()
    with locked(tmp_path / "cases.db"), caplog.at_level(logging.ERROR, "bank.serving"):
        said = ask(bank, REFERRED)
        assert (said["outcome"], said["case"]["id"]) == ("refer", said["decision_id"])
        assert read(bank, said["decision_id"])["case"] == {"state": "unknown"}
        assert_problem(review(bank, said["decision_id"]), 503, "cases-unavailable")
    assert "ann" not in caplog.text
    assert "wait in the log" in caplog.text
    waiting = {"kind": "referral", "state": "waiting", **said["case"]}
    assert read(bank, said["decision_id"])["case"] == waiting
    bank.times.append(AT + timedelta(seconds=10))
    assert review(bank, said["decision_id"]).json() == {
        "decision_id": said["decision_id"], "opened": True, "case": waiting,
    }  # fmt: skip


def test_a_conduct_case_is_never_shown_to_the_app(bank: Bank, store: CaseStore, whole_tiny: Tiny) -> None:
    decision = ask(bank, APPROVED)["decision_id"]
    policy, _ = _rules()
    alert = Opening(decision, CaseKind.CONDUCT, "ann", AT, {"decision_id": decision, "rule": "CDT-01"})
    store.open_many([alert], policy.cases)
    assert store.case(decision, whole_tiny.trust).kind is CaseKind.CONDUCT
    found = bank.client.get(DECISIONS, params={"decision_id": decision}, headers=bank.token())
    assert found.json()["case"] is None
    assert "CDT-01" not in found.text
    assert "conduct" not in review(bank, decision).text


def test_a_wish_goes_to_the_case_and_into_no_log(bank: Bank, caplog: pytest.LogCaptureFixture) -> None:
    decision = ask(bank, DECLINED)["decision_id"]
    with caplog.at_level(logging.DEBUG):
        review(bank, decision, wish="ask my brother Xaver")
    assert "Xaver" not in caplog.text
    assert not any(b"Xaver" in record.payload for record in bank.log.records.values())


@pytest.mark.parametrize("name", ["a\u202eb", "a\x9b2J", "\u200b", "a\u2066b", "\ufeff", "\U000e0001"])
@pytest.mark.parametrize("field", ["customer_id", "purpose"])
def test_no_sign_that_is_not_seen_gets_to_who_decides(bank: Bank, field: str, name: str) -> None:
    found = bank.client.post(CREDIT, json=REFERRED | {field: name}, headers=bank.token())
    assert_problem(found, 422, "invalid-body")
    assert field in found.text
    assert bank.log.records == {}
