"""The inbox keeps each event once, in one order, durably, for any number of workers."""

import itertools
import json
import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm_rules.database import Database, Sqlite, open_database
from crm_rules.errors import Conflict, DatabaseUnavailable
from feature_repo.live.events import Event, read_event, read_row
from serving.errors import InboxFull
from serving.worker.inbox import KEPT, Inbox, Sent, SetAside

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
POSTGRES = os.environ.get("BANK_TEST_POSTGRES", "")
SCHEMAS = itertools.count(1)


def booking(number: int, amount: str = "-10.00", line: int = 0) -> Event:
    said: dict[str, Any] = {"table": "bookings", "booking_id": f"b{number}", "account_id": "a1"}
    read = read_row(line, said | {"booked_at": "2026-03-01T08:00:00Z", "amount": amount}, NOW)
    assert isinstance(read, Event)
    return read


def sent(*events: Event, key: str = "", body: bytes = b"{}", caller: str = "app") -> Sent:
    return Sent(events, caller, "r-1", key, body)


Open = Callable[[], Database]


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    if request.param == "sqlite":
        yield lambda: Sqlite(tmp_path / "inbox.db", wait=5)
        return
    if not POSTGRES:
        pytest.skip("BANK_TEST_POSTGRES is not set")
    schema = f"inbox_test_{os.getpid()}_{next(SCHEMAS)}"
    yield lambda: open_database(tmp_path / "none", POSTGRES, schema)
    cleaner = open_database(tmp_path / "none", POSTGRES, schema)
    cleaner.ask(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    cleaner.close()


@pytest.fixture
def inbox(place: Open) -> Iterator[Inbox]:
    opened = Inbox(place(), lambda: "one")
    yield opened
    opened.close()


def test_events_come_out_as_they_came_in_each_known_later_than_the_one_before(inbox: Inbox) -> None:
    inbox.put(sent(booking(1, line=4), booking(2, line=9)), NOW)
    inbox.put(sent(booking(3)), NOW - timedelta(hours=1))  # a clock that was set back
    found = inbox.after(0, 10)
    assert [one.number for one in found] == [1, 2, 3]
    assert found[0].at > NOW - timedelta(seconds=1)
    assert found[0].at < found[1].at < found[2].at
    read = read_event(1, found[0].text, found[0].at)
    assert isinstance(read, Event)
    assert read.values == booking(1).values
    assert [one.number for one in inbox.after(1, 1)] == [2]


def test_what_says_nothing_new_is_repeated_and_a_correction_is_not(inbox: Inbox) -> None:
    first = inbox.put(sent(booking(1)), NOW)[0]
    assert (first.number, first.repeated) == (1, False)
    again = inbox.put(sent(booking(1)), NOW)[0]
    assert (again.number, again.repeated) == (1, True)
    corrected = inbox.put(sent(booking(1, "-11.00", 0), booking(1, "-11.00", 1)), NOW)
    assert [(given.number, given.repeated) for given in corrected.values()] == [(2, False), (2, True)]
    back = inbox.put(sent(booking(1)), NOW)[0]
    assert (back.number, back.repeated) == (3, False)


def test_under_a_key_the_same_body_is_taken_once_whatever_came_since(inbox: Inbox) -> None:
    inbox.put(sent(booking(1), key="key-0001", body=b"a"), NOW)
    inbox.put(sent(booking(1, "-11.00")), NOW)
    again = inbox.put(sent(booking(1), key="key-0001", body=b"a"), NOW)[0]
    assert (again.number, again.repeated) == (1, True)
    with pytest.raises(Conflict):
        inbox.put(sent(booking(2), key="key-0001", body=b"b"), NOW)
    other = inbox.put(sent(booking(2), key="key-0001", body=b"b", caller="another app"), NOW)[0]
    assert (other.number, other.repeated) == (3, False)


def test_when_too_many_wait_none_of_a_request_is_kept(place: Open) -> None:
    inbox = Inbox(place(), lambda: "one", most_waiting=3)
    inbox.put(sent(booking(1), booking(2)), NOW)
    with pytest.raises(InboxFull, match="2 events wait"):
        inbox.put(sent(booking(3, line=0), booking(4, line=1)), NOW)
    inbox.put(sent(booking(3)), NOW)
    inbox.saw(3, NOW)
    assert inbox.put(sent(booking(4)), NOW)[0].number == 4
    inbox.close()


def test_many_threads_and_two_workers_put_in_at_once_and_nothing_is_lost_or_doubled(place: Open) -> None:
    workers = [Inbox(place(), lambda: "one") for _ in range(2)]
    numbers: list[int] = []

    def put(worker: Inbox, start: int) -> None:
        for number in range(start, start + 15):
            numbers.append(worker.put(sent(booking(number)), NOW)[0].number)

    threads = [
        threading.Thread(target=put, args=(worker, 100 * (4 * place + at)))
        for place, worker in enumerate(workers)
        for at in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 121))
    texts = [one.text for one in workers[0].after(0, 1000)]
    assert len(set(texts)) == 120
    for worker in workers:
        worker.close()


def test_what_landed_is_forgotten_and_so_is_an_old_repetition(inbox: Inbox) -> None:
    inbox.put(sent(booking(1), booking(2, line=1), key="key-0001"), NOW)
    inbox.forget(1, NOW)
    assert [one.number for one in inbox.after(0, 9)] == [2]
    assert inbox.put(sent(booking(1)), NOW)[0].repeated
    inbox.forget(2, NOW + KEPT + timedelta(seconds=1))
    assert inbox.put(sent(booking(1)), NOW)[0].number == 3  # numbers go on


def test_a_refused_event_is_set_aside_and_new_when_sent_again(inbox: Inbox) -> None:
    inbox.put(sent(booking(1)), NOW)
    for _ in range(2):
        inbox.set_aside([SetAside(1, "account_id", "unknown reference: not in the bank")])
    inbox.forget(1, NOW)
    [(one, at, caller, request_id)] = inbox.aside(10)
    assert (one.number, one.field, caller, request_id) == (1, "account_id", "app", "r-1")
    assert at > NOW
    assert inbox.standing().set_aside == 1
    assert inbox.put(sent(booking(1)), NOW)[0].number == 2


def test_how_the_inbox_stands_is_told(inbox: Inbox) -> None:
    assert inbox.told(NOW) == {"waiting": 0, "lag_s": 0.0, "set_aside": 0, "writer_seen_at": None}
    inbox.put(sent(booking(1), booking(2, line=1)), NOW)
    later = NOW + timedelta(seconds=3)
    inbox.saw(1, later)
    told = inbox.told(later)
    assert (told["waiting"], told["writer_seen_at"]) == (1, later.isoformat())
    assert told["lag_s"] == pytest.approx(3, abs=0.01)


def test_a_database_that_fails_keeps_nothing_and_says_so_to_each_that_waits(tmp_path: Path) -> None:
    inbox = Inbox(Sqlite(tmp_path / "inbox.db"), lambda: "one")
    (tmp_path / "inbox.db").rename(tmp_path / "gone.db")
    with pytest.raises(DatabaseUnavailable):
        inbox.put(sent(booking(1)), NOW)
    (tmp_path / "gone.db").rename(tmp_path / "inbox.db")
    assert inbox.put(sent(booking(1)), NOW)[0].number == 1
    inbox.close()


def test_one_event_is_the_same_bytes_however_it_was_written() -> None:
    texts = (b'{"table":"bookings","amount":"-5","channel":null}', b'{"amount": -5.00, "table": "bookings"}')
    read = [read_event(1, text, NOW) for text in texts]
    assert len({one.text() for one in read if isinstance(one, Event)}) == 1
    assert json.loads(read[0].text())["amount"] == "-5.00"  # type: ignore[union-attr]
