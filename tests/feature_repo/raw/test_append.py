import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo import errors
from feature_repo.raw import history
from feature_repo.raw.append import append
from feature_repo.raw.contracts import BOOKINGS, CONSENTS
from feature_repo.raw.ingest import ingest
from feature_repo.raw.landing import BeingWritten, digest, landing
from feature_repo.raw.source import Source
from feature_repo.raw.source import files as files_of
from tests.feature_repo.raw.conftest import FILES

NOW = datetime(2025, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def raw(files: Path) -> Path:
    ingest(files, files.parent / "raw", None, 0.5, NOW, files.parent / "key", threads=1)
    return files.parent / "raw"


def booking(number: str, amount: str = "5.00", recorded: datetime = NOW) -> pa.Table:
    row = dict.fromkeys(BOOKINGS.schema.names) | {
        "booking_id": number, "account_id": "A1", "booked_at": datetime(2024, 12, 1, tzinfo=UTC),
        "recorded_at": recorded, "amount": Decimal(amount), "currency": "CNY",
    }  # fmt: skip
    return pa.Table.from_pylist([row], schema=BOOKINGS.schema)


def test_new_rows_join_in_a_file_after_the_others_and_nothing_else_is_touched(raw: Path):
    old = {path: path.stat().st_ino for path in raw.rglob("*.parquet")}
    before = Source.read(raw)
    appended = append(raw, {"bookings": booking("B9")}, NOW)
    (new,) = set(raw.rglob("*.parquet")) - old.keys()
    assert {path: path.stat().st_ino for path in old} == old
    assert files_of(raw, "bookings")[-1] == new
    assert appended.tables["bookings"] == history.Fate(read=1, kept=1)
    assert appended.source == Source.read(raw)
    assert appended.source.rows["bookings"] == before.rows["bookings"] + 1 == 4
    assert appended.source.totals["bookings.rows"] == "4"
    assert appended.source.totals["bookings.amount.CNY"] == "91.50"
    assert appended.source.digest == digest(raw) != before.digest
    assert pq.read_table(new).schema.equals(BOOKINGS.schema)


def test_a_table_that_the_bank_had_not_begins(raw: Path):
    consent = pa.Table.from_pylist([{
        "customer_id": "c1", "channel": "email", "purpose": "marketing", "state": "given", "at": NOW - DAY,
        "recorded_at": NOW - DAY,
    }], schema=CONSENTS.schema)  # fmt: skip
    assert append(raw, {"consents": consent}, NOW).source.rows["consents"] == 1


@pytest.mark.parametrize(("second", "fate"), [
    pytest.param(booking("B9"), history.Fate(1, 0, repeated=1), id="the-same-row"),
    pytest.param(booking("B9", recorded=NOW + DAY), history.Fate(1, 0, repeated=1), id="the-same-said-later"),
    pytest.param(booking("B9", "6.00", NOW + DAY), history.Fate(1, 1, corrected=1), id="a-correction"),
    pytest.param(booking("B9", "4.00", NOW - DAY), history.Fate(1, 1, corrected=1), id="an-earlier-state"),
    pytest.param(pa.concat_tables([booking("B9", "6.00", NOW + DAY), booking("B9", recorded=NOW + 2 * DAY)]),
        history.Fate(2, 2, corrected=2), id="there-and-back"),
    pytest.param(pa.concat_tables([booking("B8")] * 2), history.Fate(2, 1, repeated=1), id="twice-in-one"),
])  # fmt: skip
def test_what_the_bank_knew_is_dropped_and_what_it_learns_is_kept(raw: Path, second: pa.Table, fate):
    append(raw, {"bookings": booking("B9")}, NOW)
    assert append(raw, {"bookings": second}, NOW).tables["bookings"] == fate


def test_the_same_key_at_the_same_time_with_other_content_is_refused(raw: Path):
    before = append(raw, {"bookings": booking("B9")}, NOW).source
    with pytest.raises(errors.ConflictingRows, match="1 keys"):
        append(raw, {"bookings": booking("B9", "6.00")}, NOW)
    assert Source.read(raw) == before


@pytest.mark.parametrize(("rows", "error", "words"), [
    pytest.param(booking("B9").drop_columns("amount"), errors.MissingColumns, "amount", id="lacks-a-column"),
    pytest.param(booking("B9").set_column(4, "amount", pa.array([5.0])), errors.WrongType, "double",
        id="money-as-float"),
    pytest.param(booking("B9").set_column(0, "booking_id", pa.nulls(1, pa.string())), errors.WrongType,
        "without nulls", id="null-key"),
])  # fmt: skip
def test_rows_of_another_shape_are_refused(raw: Path, rows: pa.Table, error, words: str):
    with pytest.raises(error, match=words):
        append(raw, {"bookings": rows}, NOW)


def test_the_end_of_the_data_moves_on_and_never_back(raw: Path):
    later = append(raw, {"bookings": booking("B9")}, NOW, ends=NOW + DAY).source
    assert later.end == NOW + DAY
    assert append(raw, {"bookings": booking("B8")}, NOW, ends=NOW).source.end == NOW + DAY


def test_without_a_bank_there_is_nothing_to_add_to(tmp_path: Path):
    with pytest.raises(errors.MissingTable):
        append(tmp_path / "raw", {"bookings": booking("B9")}, NOW)
    assert list(tmp_path.iterdir()) == []


def test_every_append_leaves_a_line_of_history(raw: Path):
    append(raw, {"bookings": booking("B9")}, NOW)
    append(raw, {"bookings": booking("B8")}, NOW + DAY)
    loads = history.read(raw)[-2:]
    assert [(load.kind, load.at, load.tables["bookings"].kept) for load in loads] == [
        ("appended", "2025-01-01T00:00:00+00:00", 1), ("appended", "2025-01-02T00:00:00+00:00", 1),
    ]  # fmt: skip


def test_a_second_writer_is_told_who_writes(raw: Path):
    with landing(raw) as draft:
        (draft / "x").write_text("")
        with pytest.raises(BeingWritten, match=rf"process {os.getpid()}\."):
            append(raw, {"bookings": booking("B9")}, NOW)


STEPS = (
    "append.carry", "append.pq.write_table", "append.Source.write", "append.history.write",
    "landing._settle", "landing._swap", "landing.shutil.rmtree",
)  # fmt: skip
KILLS = [(step, when) for step in STEPS for when in ("before", "after")]
KILLED = """
import os, signal, sys
from importlib import import_module
from pathlib import Path
from tests.feature_repo.raw.test_append import KILLS, NOW, booking
from feature_repo.raw.append import append

def die(step, when, raw):
    first, *way, last = step.split(".")
    thing = import_module("feature_repo.raw." + first)
    for name in way:
        thing = getattr(thing, name)
    real = getattr(thing, last)
    def dying(*given, **named):
        if when == "after":
            real(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(thing, last, dying)
    append(raw, {"bookings": booking("B9")}, NOW)

for step, when in KILLS:
    if not (child := os.fork()):
        die(step, when, Path(sys.argv[1]) / f"{step} {when}" / "raw")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL, (step, when)
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home for every step at which an append was killed; one process, since it takes long to begin."""
    home = tmp_path_factory.mktemp("killed")
    (home / "bank").mkdir()
    for file, text in FILES.items():
        (home / "bank" / file).write_text(text)
    ingest(home / "bank", home / "raw", None, 0.5, NOW, home / "key", threads=1)
    for step, when in KILLS:
        shutil.copytree(home / "raw", home / f"{step} {when}" / "raw")
    subprocess.run([sys.executable, "-c", KILLED, str(home)], check=True)
    return home


@pytest.mark.parametrize(("step", "when"), KILLS)
def test_a_kill_leaves_the_bank_of_before_or_the_bank_with_the_rows(killed: Path, step: str, when: str):
    raw = killed / f"{step} {when}" / "raw"
    found, before = Source.read(raw), Source.read(killed / "raw")
    assert found.digest == digest(raw)
    rows = sum(pq.read_metadata(path).num_rows for path in files_of(raw, "bookings"))
    assert rows == found.rows["bookings"]
    assert found == before or rows == 4
    again = append(raw, {"bookings": booking("B9")}, NOW)
    assert again.source.rows["bookings"] == 4
    assert [path.name for path in raw.parent.iterdir()] == ["raw"]
