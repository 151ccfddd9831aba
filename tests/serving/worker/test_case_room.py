"""The case store behind the service: opened when needed, again after a failure, never in an answer's way."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pytest

from crm_rules.cases.store import CaseStore
from crm_rules.database import Sqlite
from crm_rules.errors import DatabaseUnavailable, Untrusted
from crm_rules.governance.heads import Heads
from crm_rules.governance.people import Trust
from crm_rules.policy import STANDARD, Policy
from feature_repo.settings import Settings
from monitoring.decision_log import Record
from serving.errors import CasesUnavailable
from serving.worker import case_room
from serving.worker.case_room import AGAIN_AFTER, CaseRoom
from serving.worker.trust_file import TrustFile
from tests.conftest import AT, Tiny

LIMITS = Policy.load(STANDARD).cases
TICK = timedelta(microseconds=1)


class Place:
    """A store that can be down, a clock, and how often the store was opened."""

    def __init__(self, folder: Path, trust: Trust) -> None:
        self.folder, self.trust, self.down, self.opened, self.now = folder, trust, False, 0, AT
        self.room = CaseRoom(self.open, lambda: trust, lambda: self.now)

    def open(self) -> CaseStore:
        self.opened += 1
        if self.down:
            raise DatabaseUnavailable("cases.db", "down")
        return CaseStore(Sqlite(self.folder / "cases.db"), Heads(self.folder / "heads"))

    def refer(self, decision_id: str) -> None:
        self.room.refer([record(decision_id, AT)], LIMITS)


def record(decision_id: str, at: datetime) -> Record:
    payload = {
        "decision_id": decision_id, "use_case": "credit", "customer_id": "ann", "at": at.isoformat(),
        "outcome": "refer", "request": {"amount": 9.0, "term_months": 9}, "rules": [],
        "scores": {"grade": "C"},
        "reasons": [], "release": "ab", "policy": "1", "case": {"id": decision_id, "due_at": at.isoformat()},
    }  # fmt: skip
    return Record(decision_id, at.isoformat(), "credit", "ann", orjson.dumps(payload))


@pytest.fixture
def place(tmp_path: Path, whole_tiny: Tiny) -> Iterator[Place]:
    made = Place(tmp_path, whole_tiny.trust)
    yield made
    made.room.close()


def test_the_store_is_opened_once_and_only_when_somebody_is_referred(place: Place) -> None:
    assert place.opened == 0
    place.refer("d1")
    place.refer("d2")
    assert place.opened == 1
    assert place.room.of("d2") is not None


def test_a_store_that_failed_is_left_alone_for_a_while_then_opened_again(place: Place) -> None:
    place.down = True
    place.refer("d1")
    place.down = False
    place.now = AT + AGAIN_AFTER - TICK
    place.refer("d2")
    assert place.opened == 1
    place.now = AT + AGAIN_AFTER
    place.refer("d3")
    found = [name for name in ("d1", "d2", "d3") if place.room.of(name) is not None]
    assert (place.opened, found) == (2, ["d3"])


def test_who_asks_for_a_person_is_told_that_the_store_is_down(place: Place) -> None:
    place.down = True
    with pytest.raises(CasesUnavailable):
        place.room.of("d1")


def test_an_answer_does_not_wait_for_somebody_who_holds_the_store(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_room, "PATIENCE", 0.01)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with place.room._turn:
            held.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    place.refer("d1")
    done.set()
    holder.join()
    assert place.opened == 0


def test_people_are_read_again_when_their_file_changes_and_not_before(tiny: Tiny) -> None:
    people = TrustFile(Settings(home=tiny.home, profile="demo"))
    first = people.read()
    assert people.read() is first
    path = tiny.home / "trust.json"
    path.write_text(path.read_text().replace("una", "ona"))
    with pytest.raises(Untrusted):
        people.read()
