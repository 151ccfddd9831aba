"""A decision is found wherever it is."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_rules.errors import DatabaseUnavailable
from monitoring.batch_index import index_of
from monitoring.batch_log import BatchLog, erase
from monitoring.decision_log import DecisionLogs, Record
from monitoring.errors import UnknownDecision
from monitoring.finding import Finder
from monitoring.spool import Spools
from tests.monitoring.conftest import record

AT = "2026-02-01T00:00:00Z"


@pytest.fixture
def spools(tmp_path: Path) -> Spools:
    return Spools(tmp_path / "spool", tmp_path / "spool.key", 1 << 20)


@pytest.fixture
def finder(logs: DecisionLogs, spools: Spools) -> Iterator[Finder]:
    """Decisions d0 to d5 of two workers, d6 in a spool, b0 to b99 and c0 to c9 of two batches."""
    for worker, numbers in (("worker-0", (0, 1, 2)), ("worker-1", (3, 4, 5))):
        log = logs.open(worker)
        log.append([record(n, b"live %d" % n) for n in numbers])
        log.close()
    spool = spools.open("worker-1")
    spool.append([record(6, b"waits")])
    spool.close()
    for name, many in (("b", 100), ("c", 10)):
        with BatchLog(logs, f"nightly-{name}", AT) as batch:
            for start in range(0, many, 10):
                batch.append(row(f"{name}{n}") for n in range(start, start + 10))
    made = Finder(logs, spools)
    yield made
    made.close()


def row(name: str) -> Record:
    return Record(name, AT, "nba", "c", name.encode())


@pytest.mark.parametrize(
    ("decision_id", "payload"),
    [
        pytest.param("d0", b"live 0", id="a-worker"),
        pytest.param("d5", b"live 5", id="another-worker"),
        pytest.param("d6", b"waits", id="a-spool"),
        pytest.param("b0", b"b0", id="first-of-a-batch"),
        pytest.param("b73", b"b73", id="a-batch"),
        pytest.param("c9", b"c9", id="last-of-another-batch"),
    ],
)
def test_it_is_found_wherever_it_is(finder: Finder, decision_id: str, payload: bytes) -> None:
    assert finder.find(decision_id) == payload
    assert finder.knows(decision_id)


@pytest.mark.parametrize("decision_id", ["d9", "b100", "", "b" * 64, "é", "\x00"])
def test_what_is_nowhere_is_said(finder: Finder, decision_id: str) -> None:
    with pytest.raises(UnknownDecision):
        finder.find(decision_id)
    assert not finder.knows(decision_id)


def test_what_was_erased_is_found_no_more_but_known(finder: Finder, logs: DecisionLogs) -> None:
    assert (finder.find("b73"), finder.find("d1")) == (b"b73", b"live 1")
    erase(logs, "b73", AT)
    log = logs.open("worker-0")
    log.erase("d1", AT)
    log.close()
    for name in ("b73", "d1"):
        with pytest.raises(UnknownDecision):
            finder.find(name)
        assert finder.knows(name)
    assert finder.find("b74") == b"b74"


def test_what_came_since_is_found(finder: Finder, logs: DecisionLogs) -> None:
    log = logs.open("worker-2")
    log.append([record(8, b"new")])
    log.close()
    with BatchLog(logs, "later", AT) as batch:
        batch.append([row("e1")])
    assert (finder.find("d8"), finder.find("e1")) == (b"new", b"e1")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda index: index.unlink(), id="gone"),
        pytest.param(lambda index: index.write_bytes(b""), id="empty"),
        pytest.param(lambda index: index.write_bytes(index.read_bytes()[:-1]), id="cut"),
        pytest.param(lambda index: index.write_bytes(b"x" * len(index.read_bytes())), id="another"),
    ],
)
def test_an_index_that_is_not_of_the_file_is_made_again(finder: Finder, logs: DecisionLogs, spoil) -> None:  # type: ignore[no-untyped-def]
    index = logs.folder / "batches" / "nightly-b.index"
    before = index.read_bytes()
    spoil(index)
    assert finder.find("b42") == b"b42"
    assert index.read_bytes() == before


def test_ids_that_share_a_hash_are_told_apart(logs: DecisionLogs, spools: Spools) -> None:
    names = [f"{'same-sixteen-signs'}-{n}" for n in range(5)]
    with BatchLog(logs, "alike", AT) as batch:
        batch.append(row(name) for name in names)
    assert len(index_of(logs.folder / "batches" / "alike.parquet").places(names[0])) == 5
    finder = Finder(logs, spools)
    assert [finder.find(name) for name in names] == [name.encode() for name in names]
    finder.close()


def test_while_the_server_is_down_what_lies_in_files_is_found(tmp_path: Path, spools: Spools) -> None:
    if not os.environ.get("BANK_TEST_POSTGRES"):
        pytest.skip("BANK_TEST_POSTGRES is not set")
    files = DecisionLogs(tmp_path / "decisions", tmp_path / "heads")
    with BatchLog(files, "nightly", AT) as batch:
        batch.append([row("b1")])
    down = DecisionLogs(files.folder, files.heads, "postgresql://postgres@127.0.0.1:1/test")
    finder = Finder(down, spools)
    assert finder.find("b1") == b"b1"
    with pytest.raises(DatabaseUnavailable):
        finder.find("d1")
    finder.close()


def test_what_cannot_be_read_is_told_where_the_decision_is_nowhere_else(
    finder: Finder, logs: DecisionLogs, spools: Spools
) -> None:
    def damage_batch() -> None:
        path = min((logs.folder / "batches").rglob("*.parquet"))
        path.write_bytes(path.read_bytes()[:-9])

    for damage in (damage_batch, spools.key_file.unlink):
        damage()
        assert [finder.find(name) for name in ("d1", "c9")] == [b"live 1", b"c9"]
        with pytest.raises(DatabaseUnavailable):
            finder.find("d99")
