"""The generated bank is cut into partitions that know nothing of each other."""

import os
import signal
import subprocess
import sys
import time
from datetime import date
from itertools import combinations, pairwise
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from feature_repo.raw.contracts import BY_NAME, TABLES
from feature_repo.raw.generate import make
from feature_repo.raw.generate.crew import Crew, WorkerFailed, WorkerLost
from feature_repo.raw.generate.partition import Made, Plan, live
from feature_repo.raw.landing import digest
from feature_repo.raw.source import Source

ENDS = date(2025, 7, 1)
SHARED = ("products", "fx_rates")


def small(home: Path, customers: int = 100, threads: int = 1, months: int = 8) -> Source:
    return make(customers, 5, home / "raw", home / "truth", months, ENDS, threads, partition=40)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 customers in partitions of 40, 40 and 20."""
    home = tmp_path_factory.mktemp("three")
    small(home)
    return home


def test_two_processes_write_the_same_bytes_as_none(three: Path, tmp_path: Path):
    assert small(tmp_path, threads=2) == Source.read(three / "raw")
    assert digest(tmp_path) == digest(three)
    assert (tmp_path / "truth" / "truth.json").read_bytes() == (three / "truth" / "truth.json").read_bytes()


def test_a_partition_is_the_same_whether_others_follow_or_not(three: Path, tmp_path: Path):
    small(tmp_path, customers=40)
    alone = {path.relative_to(tmp_path): path for path in tmp_path.rglob("part-00000.parquet")}
    assert len(alone) >= len(TABLES)
    for name, path in alone.items():
        assert path.read_bytes() == (three / name).read_bytes(), name


@pytest.mark.parametrize("table", [t.name for t in TABLES if t.name not in SHARED])
def test_every_table_has_one_file_a_partition_and_the_contracts_types(three: Path, table: str):
    files = sorted((three / "raw" / table).iterdir())
    assert [file.name for file in files] == [f"part-0000{number}.parquet" for number in range(3)]
    assert all(pq.read_schema(file).equals(BY_NAME[table].schema) for file in files)


def test_bookings_have_a_row_group_a_month_that_a_date_can_rule_out(three: Path):
    for path in (three / "raw" / "bookings").iterdir():
        file = pq.ParquetFile(path)
        place = file.schema_arrow.names.index("booked_at")
        spans = [file.metadata.row_group(n).column(place).statistics for n in range(file.num_row_groups)]
        assert len(spans) == 8
        assert all(before.max < after.min for before, after in pairwise(spans))
        assert all(span.min.month == span.max.month for span in spans)


@pytest.mark.parametrize("table", ["customers", "accounts", "bookings", "loans", "applications",
                                   "interactions", "offers"])  # fmt: skip
def test_numbers_of_two_partitions_never_meet_and_have_one_width(three: Path, table: str):
    column = BY_NAME[table].key[0]
    parts = [pq.read_table(path, columns=[column])[column] for path in (three / "raw" / table).iterdir()]
    owned = [set(part.to_pylist()) for part in parts]
    assert len(set.union(*owned)) == sum(map(len, owned))
    assert len({length for part in parts for length in pc.utf8_length(part).unique().to_pylist()}) == 1


def test_two_partitions_are_different_people(three: Path):
    joined = [set(pq.read_table(path)["joined_at"].to_pylist())
              for path in sorted((three / "raw" / "customers").iterdir())]  # fmt: skip
    assert all(not one & other for one, other in combinations(joined, 2))


def test_the_control_totals_are_sums_over_all_partitions(three: Path):
    rows = pq.read_table(three / "raw" / "bookings", columns=["amount", "currency"])
    source = Source.read(three / "raw")
    assert source.totals["bookings.rows"] == str(rows.num_rows) == str(source.rows["bookings"])
    sums = rows.group_by("currency").aggregate([("amount", "sum")]).to_pylist()
    assert {f"bookings.amount.{row['currency']}": f"{row['amount_sum']:.2f}" for row in sums}.items() <= (
        source.totals.items()
    )


def fails(number: int) -> int:
    if number == 2:
        raise ValueError("partition two is not to be")
    return number


def full(number: int) -> int:
    raise OSError(28, "No space left on device", "somewhere")


def dies(number: int) -> int:
    os._exit(9)


@pytest.mark.parametrize(("work", "error", "said"), [
    pytest.param(fails, WorkerFailed, "partition two is not to be", id="a-bug-with-its-traceback"),
    pytest.param(full, OSError, "No space left", id="a-full-disk-as-it-is"),
    pytest.param(dies, WorkerLost, "exit code 9", id="a-process-that-dies"),
])  # fmt: skip
def test_a_worker_that_fails_fails_the_whole_crew_and_none_is_left(work, error: type[Exception], said: str):
    with Crew(work, 2) as crew:
        processes = list(crew.processes)
        with pytest.raises(error, match=said):
            list(crew.run([1, 2, 3]))
    assert [process.is_alive() for process in processes] == [False, False]


def test_a_crew_answers_every_task_once():
    with Crew(abs, 2) as crew:
        assert sorted(crew.run(range(-7, 0))) == list(range(1, 8))


def test_a_failed_partition_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("feature_repo.raw.generate.bank.live", fails_on_third)
    with pytest.raises(ValueError, match="not to be"):
        small(tmp_path)
    assert list(tmp_path.iterdir()) == []


def fails_on_third(plan: Plan) -> Made:
    fails(plan.number)
    return live(plan)


MAKE = """
from pathlib import Path
from feature_repo.raw.generate import make
if __name__ == "__main__":
    make(60_000, 1, Path("raw"), Path("truth"), 120, threads=2, partition=30_000)
"""


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL], ids=["interrupt", "kill"])
def test_no_worker_outlives_a_parent_that_is_stopped(tmp_path: Path, stop: signal.Signals):
    (tmp_path / "maker.py").write_text(MAKE)
    process = subprocess.Popen(
        [sys.executable, "maker.py"], cwd=tmp_path, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    eventually(lambda: len(list(tmp_path.glob(".raw.draft-*/bookings/*.parquet"))) == 2)  # both are at work
    workers = workers_of(process.pid)
    assert len(workers) == 2
    process.send_signal(stop)
    assert process.wait(20) != 0
    eventually(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


def workers_of(parent: int) -> list[int]:
    """The children that spawn has started, the resource tracker left out."""
    listed = Path(f"/proc/{parent}/task/{parent}/children")
    if not listed.exists():
        pytest.skip("this system does not list a process's children in /proc")
    children = [int(child) for child in listed.read_text().split()]
    return [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def eventually(ask):
    deadline = time.monotonic() + 20
    while not (answer := ask()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return answer
