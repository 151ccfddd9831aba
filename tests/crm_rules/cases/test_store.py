"""The case store: opened once, one of two who act at once, and rows that nobody may have written."""

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.cases.case import State
from crm_rules.cases.opening import CaseKind
from crm_rules.cases.store import CaseStore
from crm_rules.database import Database, Sqlite
from crm_rules.errors import CaseRefused, ClockSetBack, UnknownCase
from crm_rules.governance.heads import Heads
from crm_rules.governance.journal import signed
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Role
from crm_rules.postgres import Postgres
from feature_repo.errors import BankError
from tests.crm_rules.cases.conftest import AT, MINUTE, POLICY, REASONS, Room, opening

Keys = Mapping[str, Ed25519PrivateKey]


@pytest.fixture(params=["sqlite", "postgres"])
def bank(
    request: pytest.FixtureRequest, tmp_path: Path, trust: Trust, signing: Keys
) -> Iterator[Callable[[], Room]]:
    """Opens the same store again and again, as another thread or process would."""
    schema, url = f"test_{uuid4().hex[:12]}", os.environ.get("BANK_TEST_POSTGRES", "")
    if request.param == "postgres" and not url:
        pytest.skip("BANK_TEST_POSTGRES is not set")

    def open_database() -> Database:
        return Sqlite(tmp_path / "cases.db") if request.param == "sqlite" else Postgres(url, schema)

    opened = []

    def open_room() -> Room:
        opened.append(CaseStore(open_database(), Heads(tmp_path / "heads")))
        return Room(opened[-1], trust, signing)

    yield open_room
    for store in opened:
        store.close()
    if request.param == "postgres":
        database = Postgres(url, schema)
        database.ask(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        database.close()


def in_processes(*steps: Callable[[], object]) -> list[str]:
    """Each step in a process of its own, all at once; what each said, "" where it worked."""
    told = []
    for step in steps:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            os.write(writing, said_by(step).encode())
            os._exit(0)
        os.close(writing)
        told.append((child, reading))
    found = []
    for child, reading in told:
        with os.fdopen(reading) as said:
            found.append(said.read())
        assert os.waitpid(child, 0)[1] == 0
    return found


def in_threads(*steps: Callable[[], object]) -> list[str]:
    said: dict[int, str] = {}
    threads = [
        threading.Thread(target=lambda at=at, step=step: said.update({at: said_by(step)}))
        for at, step in enumerate(steps)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return list(said.values())


def said_by(step: Callable[[], object]) -> str:
    try:
        step()
    except BankError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  # whatever it is, the test sees it
        return f"{type(error).__name__}: {error}"
    return ""


AT_ONCE = pytest.mark.parametrize("at_once", [in_threads, in_processes])
AtOnce = Callable[..., list[str]]


@AT_ONCE
def test_of_two_who_claim_at_once_one_has_it(bank: Callable[[], Room], at_once: AtOnce) -> None:
    bank().open()
    said = at_once(*[lambda who=who: bank().desk(who).claim("d1") for who in ("una", "rita", "una", "rita")])
    assert said.count("") == 1
    assert all("it is claimed by" in each for each in said if each)
    room = bank()
    assert room.case().holders == (room.case().holder,)
    assert room.store.verify(room.trust).problems == ()


@AT_ONCE
def test_of_two_decisions_at_once_one_stands(bank: Callable[[], Room], at_once: AtOnce) -> None:
    room = bank()
    room.open()
    room.desk("una").claim("d1")

    def decide(outcome: str) -> None:
        mine = bank()
        mine.now = room.now
        mine.decide("una", outcome)

    said = at_once(*[lambda outcome=outcome: decide(outcome) for outcome in ("approve", "decline") * 2])
    assert said.count("") == 1
    assert all("'una' decided it already" in each for each in said if each)
    assert room.case().ignored == ()


@AT_ONCE
def test_a_case_opened_by_many_at_once_is_one(bank: Callable[[], Room], at_once: AtOnce) -> None:
    bank()
    assert at_once(*[lambda: bank().open() for _ in range(4)]) == [""] * 4
    room = bank()
    assert [case.id for case in room.store.cases(room.trust)] == ["d1"]
    assert room.store.verify(room.trust).entries == 1


def test_opening_again_changes_nothing(bank: Callable[[], Room]) -> None:
    room = bank()
    openings = [opening("d1"), opening("d2"), opening("d1", amount=1.0)]
    assert room.store.open_many(openings, POLICY.cases) == 2
    room.desk("una").claim("d2")
    assert room.store.open_many([opening("d2"), opening("d3")], POLICY.cases) == 1
    assert [case.state for case in room.store.cases(room.trust)] == [
        State.WAITING,
        State.IN_WORK,
        State.WAITING,
    ]
    assert room.store.open_many([], POLICY.cases) == 0


def test_a_reader_sees_what_another_process_did(bank: Callable[[], Room]) -> None:
    room = bank()
    room.open()
    in_processes(lambda: bank().desk("una").claim("d1"))
    assert room.case().holder == "una"


def test_up_to_where_the_log_was_read_is_kept(bank: Callable[[], Room]) -> None:
    room = bank()
    room.store.keep_collected({"decisions-worker-1": 7, "decisions-worker-2": 3}, AT)
    room.store.keep_collected({"decisions-worker-1": 9}, AT)
    assert room.store.collected() == {"decisions-worker-1": 9, "decisions-worker-2": 3}
    assert room.store.cases(room.trust) == []


def _insert(room: Room, kind: str, by: str, role: Role, body: Mapping[str, object], key: str = "") -> None:
    """A row with an entry that fits, as somebody writes who has the database."""
    event = signed(kind, "d1", by, role, AT.replace(hour=1), body, room.keys[key or by])
    with room.store._rows.appending() as appender:
        room.store._rows.insert(event.row(), appender)


REASON = [{"code": "CASE-01", "en": REASONS["CASE-01"].en, "zh": REASONS["CASE-01"].zh}]
YES = {"outcome": "approve", "reasons": REASON, "text": "a friend"}
UNDERWRITER, SECOND = Role.UNDERWRITER, Role.RISK_APPROVER
PLANTED = [
    ("decided without a claim", ("decided", "una", UNDERWRITER, YES), "nobody has claimed it"),
    ("in a role not held", ("claimed", "mia", UNDERWRITER, {}), "its signer does not count"),
    ("signed by another", ("claimed", "una", UNDERWRITER, {}, "mia"), "the signature of 'una' does not fit"),
    ("of no known kind", ("granted", "una", UNDERWRITER, {}), "nothing of the kind 'granted'"),
    ("confirmed before anything", ("confirmed", "rita", SECOND, {}), "nothing is decided in it yet"),
    ("without a body", ("decided", "una", UNDERWRITER, {}), "nobody has claimed it"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "why"), [pytest.param(*each[1:], id=each[0]) for each in PLANTED])
def test_a_row_put_past_the_rules_has_no_effect_is_named_and_stops_who_acts(
    room: Room, row: tuple[str, str, Role, Mapping[str, object]], why: str
) -> None:
    room.open()
    before = room.case()
    _insert(room, *row)
    after = room.case()
    assert replace(after, ignored=()) == before
    assert why in after.ignored[0]
    assert any(why in problem for problem in room.store.verify(room.trust).problems)
    with pytest.raises(CaseRefused, match="rows nobody may have written"):
        room.desk("rita").claim("d1")


def test_a_decision_above_the_limit_that_says_it_needs_nobody_still_waits(room: Room) -> None:
    room.open(amount=1e6)
    room.desk("una").claim("d1")
    _insert(room, "decided", "una", UNDERWRITER, {**YES, "needs_second": False})
    assert room.case().state is State.TO_CONFIRM


def test_an_opening_that_is_not_well_formed_opens_nothing_and_hides_nothing(room: Room) -> None:
    room.open("d0")
    with room.store._rows.appending() as appender:
        room.store._rows.insert(("opened", "d1", "", "", AT.isoformat(), "{}", ""), appender)
    assert [case.id for case in room.store.cases(room.trust)] == ["d0"]
    with pytest.raises(UnknownCase):
        room.case()
    room.open()
    assert "lies before the opening" in room.case().ignored[0]
    assert any("not well formed" in problem for problem in room.store.verify(room.trust).problems)


def test_nobody_acts_for_a_time_before_what_was_recorded_of_any_case(room: Room) -> None:
    room.open()
    room.store.open_many([replace(opening("d2"), at=AT + 5 * MINUTE)], room.limits)
    with pytest.raises(ClockSetBack):
        room.desk("una").claim("d1")
    assert room.case().state is State.WAITING
    room.now += 2 * MINUTE
    assert room.desk("una").claim("d1").holder == "una"


def test_an_act_dated_back_past_the_rules_is_named(room: Room) -> None:
    room.open()
    room.store.open_many([replace(opening("d2"), at=AT.replace(hour=2))], room.limits)
    _insert(room, "claimed", "una", UNDERWRITER, {})
    [problem] = room.store.verify(room.trust).problems
    assert "claimed d1" in problem
    assert "it is dated 2026-03-01T01:00:00+00:00, after" in problem


TAMPERED = [
    ("an opening altered", "UPDATE case_events SET body = ? WHERE seq = 1", "its content was altered"),
    ("a claim gone", "DELETE FROM case_events WHERE seq = 2", "its content is gone"),
    ("a claim and its entry gone", "DELETE FROM chain WHERE seq >= 2", "it was anchored and is gone"),
]


@pytest.mark.parametrize(("sql", "says"), [pytest.param(*each[1:], id=each[0]) for each in TAMPERED])
def test_what_was_altered_or_cut_is_named(room: Room, sql: str, says: str) -> None:
    room.open()
    room.desk("una").claim("d1")
    [[body]] = room.store._database.ask("SELECT body FROM case_events WHERE seq = 1")
    other = json.dumps({**json.loads(body), "customer_id": "eve"}, sort_keys=True, separators=(",", ":"))
    room.store._database.ask(sql, (other,) if "?" in sql else ())
    assert any(says in problem for problem in room.store.verify(room.trust).problems)


def test_cases_of_every_kind_stand_side_by_side(room: Room) -> None:
    for name, kind in (("d1", CaseKind.REFERRAL), ("review-d0", CaseKind.REVIEW), ("c1", CaseKind.CONDUCT)):
        room.open(name, kind)
    days = {case.kind: (case.terms.due_at - AT).days for case in room.store.cases(room.trust)}
    assert days == {kind: POLICY.cases.days[kind] for kind in days}
    assert len(days) == 3
