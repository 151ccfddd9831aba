from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring.batch_check import verify_batches
from monitoring.batch_log import FOLDER, BatchLog, erase, read
from monitoring.decision_log import DecisionLogs, Record
from monitoring.errors import UnknownDecision

AT = "2026-01-01T00:00:00Z"


def records(*numbers: int) -> list[Record]:
    return [Record(f"b{n}", AT, "nba", f"c{n}", f"{n}".encode()) for n in numbers]


@pytest.fixture
def batch(logs: DecisionLogs) -> DecisionLogs:
    """One batch of five decisions in two groups, and an empty one between."""
    with BatchLog(logs, "nightly", AT) as log:
        log.append(records(0, 1, 2))
        log.append([])
        log.append(records(3, 4))
    return logs


@pytest.fixture
def path(batch: DecisionLogs) -> Path:
    return batch.folder / FOLDER / "nightly.parquet"


def problems(logs: DecisionLogs) -> tuple[str, ...]:
    with logs.reading() as databases:
        [(_, database)] = list(databases)
        return verify_batches(logs.folder, database)[1]


def test_a_batch_is_one_file_and_one_entry_in_the_chain(batch: DecisionLogs) -> None:
    assert list(read(batch.folder, "nba")) == [b"0", b"1", b"2", b"3", b"4"]
    assert b'"groups": [[3, ' in batch.find("batch-nightly")
    assert problems(batch) == ()


def test_a_batch_that_fails_leaves_nothing(logs: DecisionLogs) -> None:
    def broken() -> Iterator[Record]:
        yield records(1)[0]
        raise RuntimeError

    with pytest.raises(RuntimeError), BatchLog(logs, "nightly", AT) as log:
        log.append(broken())
    assert list((logs.folder / FOLDER).iterdir()) == []


@pytest.mark.parametrize(
    ("column", "another", "said"),
    [
        pytest.param("payload", b"another", "row 4 (b3) was altered", id="payload"),
        pytest.param("at", "2027", "row 4 (b3) was altered", id="time"),
        pytest.param("use_case", "x", "row 4 (b3) was altered", id="use-case"),
        pytest.param("customer_id", None, "row 4 (b3) was altered", id="customer"),
        pytest.param("decision_id", "x", "row 4 (x) was altered", id="name"),
        pytest.param("salt", b"x", "row 4 (b3) was altered", id="salt"),
        pytest.param("digest", "0" * 64, "row 4 (b3) was altered", id="digest"),
        pytest.param("payload", None, "the content of row 4 (b3) is gone", id="payload-gone"),
        pytest.param("at", None, "row 4 (b3) lacks a value", id="no-time"),
    ],
)
def test_an_altered_row_is_named(
    batch: DecisionLogs, path: Path, column: str, another: object, said: str
) -> None:
    table = pq.read_table(path)
    values = table[column].to_pylist()
    values[3] = another
    at = table.schema.get_field_index(column)
    pq.write_table(
        table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type)), path
    )
    assert any(said in problem for problem in problems(batch))


def test_rows_that_agree_with_themselves_but_not_with_the_entry_name_their_group(
    batch: DecisionLogs, path: Path
) -> None:
    table = pq.read_table(path)
    pq.write_table(table.take([0, 1, 2, 4, 3]), path)
    assert problems(batch) == ("batches/nightly.parquet: rows 4 to 5 are not those of its entry",)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        pytest.param([0, 1, 2, 3], "it ends at row 4", id="cut"),
        pytest.param([0, 1, 2, 3, 4, 4], "it goes on after row 5", id="longer"),
    ],
)
def test_a_cut_or_a_longer_file_shows(batch: DecisionLogs, path: Path, rows: list[int], said: str) -> None:
    pq.write_table(pq.read_table(path).take(rows), path)
    assert said in "\n".join(problems(batch))


def test_a_missing_a_strange_and_an_unreadable_file_are_named(batch: DecisionLogs, path: Path) -> None:
    path.rename(path.with_name("another.parquet"))
    assert problems(batch) == (
        "batches/nightly.parquet: the file is gone, but has an entry",
        "batches/another.parquet: the file has no entry in the chain",
    )
    path.write_bytes(b"no parquet")
    assert "nightly.parquet: it cannot be read" in problems(batch)[0]
    pq.write_table(pa.table({"x": [1]}), path)
    assert "nightly.parquet: it has other columns" in problems(batch)[0]


def test_an_erased_payload_leaves_a_batch_that_verifies(batch: DecisionLogs, path: Path) -> None:
    erase(batch, "b3", "2026-02-01T00:00:00Z")
    assert problems(batch) == ()
    assert list(read(batch.folder, "nba")) == [b"0", b"1", b"2", b"4"]
    with pytest.raises(UnknownDecision):
        erase(batch, "b9", "2026-02-01T00:00:00Z")


def test_a_run_killed_between_entry_and_file_is_finished_by_the_next(batch: DecisionLogs, path: Path) -> None:
    path.rename(path.with_suffix(".draft"))
    with BatchLog(batch, "next", AT) as log:
        log.append(records(7))
    assert problems(batch) == ()
