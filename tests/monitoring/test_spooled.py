"""A log behind its spool: every acknowledged decision is in the log exactly once, whatever fails."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from crm_rules.governance.append_only import Verified, chains
from crm_rules.governance.heads import Anchors
from crm_rules.postgres import Postgres
from monitoring.decision_log import DecisionLog, DecisionLogs
from monitoring.errors import AlreadyDecided, LogRefused, LogUnavailable, SpoolFull, UnknownDecision
from monitoring.log_check import misplaced, verify_log
from monitoring.spool import Spools
from monitoring.spooled import Spooled, open_spooled
from tests.monitoring import spooling
from tests.monitoring.spooling import record

CHAIN = "decisions-worker-1"


class Place:
    """The logs and spools of a bank, and a log that can be down."""

    def __init__(self, folder: Path, logs: DecisionLogs) -> None:
        self.folder, self.logs = folder, logs
        self.spools = Spools(folder / "decisions" / "spool", folder / "spool.key", 1 << 20)
        self.down = False

    def open(self) -> Spooled:
        return open_spooled(self.logs, self.spools, "worker-1")

    def ids(self) -> list[str]:
        """The ids of the worker's chain, which must verify."""
        anchored = Anchors([self.logs.heads]).of(CHAIN)
        with self.logs.reading() as databases:
            [(_, database)] = list(databases)
            assert chains(database) == (CHAIN,)
            found = verify_log(database, CHAIN, anchored)
            assert found == Verified(found.entries)
            assert misplaced(database) == ()
            return [str(row[0]) for row in database.ask("SELECT id FROM chain ORDER BY seq")]


@pytest.fixture
def place(tmp_path: Path, logs: DecisionLogs, monkeypatch: pytest.MonkeyPatch) -> Place:
    made, append = Place(tmp_path, logs), DecisionLog.append

    def breakable(self: DecisionLog, records: list[object]) -> None:
        if made.down:
            raise LogUnavailable(self.where, "down")
        append(self, records)  # type: ignore[arg-type]

    monkeypatch.setattr(DecisionLog, "append", breakable)
    return made


@pytest.fixture
def sink(place: Place) -> Iterator[Spooled]:
    made = place.open()
    yield made
    made.close()


def names(*numbers: int) -> list[str]:
    return [f"d{number}" for number in numbers]


def test_while_the_log_is_down_decisions_wait_and_then_come_in_their_order(
    place: Place, sink: Spooled
) -> None:
    sink.append([record(0)])
    place.down = True
    for numbers in ((1, 2), (3,)):
        sink.append([record(n) for n in numbers])
    with pytest.raises(LogUnavailable):
        sink.drain()
    assert (sink.waiting().decisions, sink.waiting().problem) == (3, "LogUnavailable")
    place.down = False
    sink.append([record(4)])  # behind those that wait
    assert place.ids() == names(0)
    assert sink.drain() == 4
    assert place.ids() == names(0, 1, 2, 3, 4)
    assert (sink.waiting().decisions, sink.waiting().problem, sink.drain()) == (0, None, 0)
    sink.append([record(5)])
    assert place.ids() == names(0, 1, 2, 3, 4, 5)


def test_what_waits_is_told_with_its_age(place: Place, sink: Spooled) -> None:
    place.down = True
    sink.append([record(1), record(2)])
    now = datetime.fromisoformat(record(1).at) + timedelta(seconds=90)
    told = sink.waiting().told(now)
    assert (told["decisions"], told["oldest_seconds"], told["limit"]) == (2, 90.0, 1 << 20)


def test_when_the_spool_is_full_nothing_is_decided(place: Place) -> None:
    place.spools = Spools(place.spools.folder, place.spools.key_file, 1_000)
    sink = place.open()
    place.down = True
    with pytest.raises(SpoolFull):
        sink.append([record(n) for n in range(50)])
    sink.append([record(1)])
    place.down = False
    sink.close()
    assert place.ids() == names(1)


def test_with_nothing_to_keep_it_is_told_whether_something_could_be(
    place: Place, sink: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, place: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    sink.append([])
    if not place.logs.url:  # a log on another machine goes on
        monkeypatch.setattr("monitoring.spool.os.posix_fallocate", full)
        with pytest.raises(SpoolFull, match="No space left"):
            sink.append([])
        monkeypatch.undo()
    place.down = True
    sink.append([record(1)])
    [size] = [path.stat().st_size for path in place.spools.paths()]
    sink.append([])
    assert [path.stat().st_size for path in place.spools.paths()] == [size]
    place.down = False


def test_a_decision_is_never_there_twice(place: Place, sink: Spooled) -> None:
    sink.append([record(1)])
    for _ in range(2):
        with pytest.raises(AlreadyDecided, match="d1"):
            sink.append([record(2), record(1)])
    with pytest.raises(AlreadyDecided, match="d3"):
        sink.append([record(3), record(3)])
    place.down = True
    sink.append([record(2)])
    with pytest.raises(AlreadyDecided, match="d2"):
        sink.append([record(2)])
    place.down = False
    sink.drain()
    assert place.ids() == names(1, 2)


def test_a_commit_whose_answer_was_lost_is_not_logged_again(
    place: Place, sink: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = DecisionLog.append

    def loses(self: DecisionLog, records: list[object]) -> None:
        append(self, records)  # type: ignore[arg-type]
        raise LogUnavailable(self.where, "the connection ended")

    monkeypatch.setattr(DecisionLog, "append", loses)
    sink.append([record(1)])
    monkeypatch.setattr(DecisionLog, "append", append)
    assert sink.waiting().decisions == 1
    sink.drain()
    assert place.ids() == names(1)


def test_a_log_that_was_altered_is_refused_and_nothing_waits_for_it(place: Place, sink: Spooled) -> None:
    sink.append([record(1), record(2)])
    database = place.logs.open("worker-1")._database
    for table in ("payloads", "chain"):
        database.ask(f"DELETE FROM {table} WHERE seq = 2")
    database.close()
    with pytest.raises(LogRefused, match="entry 2 was anchored"):
        sink.append([record(3)])
    assert sink.waiting().decisions == 0


def test_what_waits_for_a_log_that_was_altered_stays_and_nothing_is_decided(
    place: Place, sink: Spooled
) -> None:
    sink.append([record(1), record(2)])
    place.down = True
    sink.append([record(3)])
    place.down = False
    database = place.logs.open("worker-1")._database
    for table in ("payloads", "chain"):
        database.ask(f"DELETE FROM {table} WHERE seq = 2")
    database.close()
    sink.look()
    with pytest.raises(LogRefused):
        sink.append([record(4)])
    assert (sink.waiting().decisions, sink.waiting().problem) == (1, "LogRefused")


def test_a_spool_that_was_altered_gives_what_it_can_and_a_copy_stays(place: Place, sink: Spooled) -> None:
    place.down = True
    for number in (1, 2, 3):
        sink.append([record(number)])
    [path] = place.spools.paths()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    place.down = False
    assert sink.drain() == 2
    assert place.ids() == names(1, 3)
    [copy] = place.spools.damaged()
    assert copy.read_bytes() == content


def test_a_database_that_hangs_keeps_no_decision_waiting(tmp_path: Path, logs: DecisionLogs) -> None:
    if not logs.url:
        pytest.skip("a file here ends its own waits")
    place = Place(tmp_path, logs)
    sink = Spooled(lambda: logs.open("worker-1"), place.spools.open("worker-1"), patience=0.2)
    other = Postgres(logs.url, logs.schema)
    with other.transaction():
        for number in (1, 2):
            sink.append([record(number)])
        with pytest.raises(LogUnavailable):
            sink.drain()
        assert sink.waiting().decisions == 2
    other.close()
    while sink.waiting().decisions:  # its thread ends when the cut connection does
        sink.look()
    sink.append([record(3)])
    sink.close()
    assert place.ids() == names(1, 2, 3)


def test_a_connection_that_was_cut_is_opened_again(tmp_path: Path, logs: DecisionLogs) -> None:
    if not logs.url:
        pytest.skip("a file has no connection")
    place = Place(tmp_path, logs)
    sink = place.open()
    sink.append([record(1)])
    assert sink._log is not None
    assert isinstance(sink._log._database, Postgres)
    server = Postgres(logs.url, logs.schema)
    server.ask("SELECT pg_terminate_backend(?)", (sink._log._database._db.info.backend_pid,))
    server.close()
    for number in (2, 3):
        sink.append([record(number)])
    assert sink.waiting().decisions == 2
    sink.close()
    assert place.ids() == names(1, 2, 3)


@pytest.mark.parametrize(
    ("step", "times"), [*((step, 1) for step in spooling.STEPS), ("after-append", 2), ("before-fsync", 3)]
)
def test_killed_at_any_step_every_acknowledged_decision_is_logged_once(
    place: Place, step: str, times: int
) -> None:
    if place.logs.url and step != "after-append":
        pytest.skip("these steps do not meet the database")
    command = [sys.executable, "-m", "tests.monitoring.spooling"]
    given = [str(place.folder), place.logs.url, place.logs.schema, step, str(times)]
    done = subprocess.run([*command, *given], capture_output=True, text=True, env=os.environ, check=False)
    acknowledged = done.stdout.split()
    assert (done.returncode, len(acknowledged) >= 2) == (-9, True), done.stderr
    place.open().close()
    found = place.ids()
    assert len(set(found)) == len(found)
    assert found[: len(acknowledged)] == acknowledged
    assert len(found) <= len(acknowledged) + 1
    with pytest.raises(UnknownDecision):
        place.logs.find("d9")
