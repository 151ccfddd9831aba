import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring.batch_log import FOLDER, BatchLog, read, verify_batches
from monitoring.decision_log import Record, verify


def records(count: int) -> list[Record]:
    return [Record(f"b{n}", "2026-01-01T00:00:00Z", "nba", f"c{n}", f"{n}".encode()) for n in range(count)]


@pytest.fixture
def folder(tmp_path):
    with BatchLog(tmp_path, "nightly", "2026-01-01T00:00:00Z") as log:
        log.append(records(3))
        log.append(records(2))
    return tmp_path


def test_a_batch_is_one_file_and_one_entry_in_the_chain(folder):
    assert list(read(folder, "nba")) == [b"0", b"1", b"2", b"0", b"1"]
    assert verify(folder).entries == 1
    assert verify_batches(folder) == ()


def test_a_batch_that_fails_leaves_nothing(tmp_path):
    def broken():
        yield records(1)[0]
        raise RuntimeError

    with pytest.raises(RuntimeError), BatchLog(tmp_path, "nightly", "2026-01-01T00:00:00Z") as log:
        log.append(broken())
    assert list((tmp_path / FOLDER).iterdir()) == []


@pytest.mark.parametrize(("column", "another"), [("payload", b"another"), ("digest", "0" * 64)])
def test_an_altered_batch_file_shows(folder, column, another):
    path = folder / FOLDER / "nightly.parquet"
    table = pq.read_table(path)
    values = table[column].to_pylist()
    values[1] = another
    index = table.schema.get_field_index(column)
    pq.write_table(table.set_column(index, table.schema.field(index), pa.array(values)), path)
    assert verify_batches(folder)


def test_an_erased_payload_leaves_a_batch_that_verifies(folder):
    path = folder / FOLDER / "nightly.parquet"
    table = pq.read_table(path)
    for column in ("payload", "salt"):
        values = table[column].to_pylist()
        values[1] = None
        index = table.schema.get_field_index(column)
        table = table.set_column(index, table.schema.field(index), pa.array(values, pa.binary()))
    pq.write_table(table, path)
    assert verify_batches(folder) == ()
