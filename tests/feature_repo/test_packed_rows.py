import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from feature_repo.errors import MissingColumns
from feature_repo.packed_rows import CHUNK, NoRedisClient, PackedRows, open_rows
from feature_repo.rows.layout import NULL, Cell
from feature_repo.rows.packing import NotPackable
from feature_repo.rows.shelf import BrokenOnlineRows, NoOnlineRows
from feature_repo.settings import Settings
from tests.feature_repo.conftest import NO_REDIS, REDIS, environment_of, redis_keys

AT = datetime(2025, 6, 1, tzinfo=UTC)
AT_US = int(AT.timestamp()) * 1_000_000
TIME = pa.timestamp("us", "UTC")


@pytest.fixture
def rows(place: Settings) -> Iterator[PackedRows]:
    with open_rows(place, read_only=False) as opened:
        opened.write(
            "profile", ["age", "income"], ["ann", "ben"], [5, 6], np.array([[30.0, np.nan], [40.0, 9.5]])
        )
        opened.write("credit", ["debt"], ["ben", "cid"], [7, 8], np.array([[1.5], [-0.0]]))
        yield opened


def table(customers: list[str], when: datetime = AT, **features: object) -> pa.Table:
    times = pa.array([when] * len(customers), TIME)
    return pa.table({"customer_id": customers, "event_timestamp": times, **features})


def test_rows_come_back_in_the_order_asked_for_with_nan_where_a_view_has_none(rows: PackedRows) -> None:
    read = rows.read(["cid", "dan", "ann", "ben", "ann"])
    assert read.columns == ("age", "income", "debt")
    assert read.views == ("profile", "credit")
    np.testing.assert_array_equal(
        read.values,
        [[np.nan, np.nan, -0.0], [np.nan] * 3, [30, np.nan, np.nan], [40, 9.5, 1.5], [30, np.nan, np.nan]],
    )
    assert read.found.tolist() == [True, False, True, True, True]
    assert read.event_us.tolist() == [[-1, 8], [-1, -1], [5, -1], [6, 7], [5, -1]]


def test_views_are_read_in_the_order_named(rows: PackedRows) -> None:
    read = rows.read(["ben"], ["credit", "profile"])
    assert read.columns == ("debt", "age", "income")
    assert read.values.tolist() == [[1.5, 40.0, 9.5]]
    assert rows.read(["ben"], ["credit"]).values.tolist() == [[1.5]]


def test_nobody_asked_for_is_an_empty_matrix(rows: PackedRows) -> None:
    read = rows.read([])
    assert read.values.shape == (0, 3)
    assert read.event_us.shape == (0, 2)
    assert read.found.shape == (0,)


@pytest.mark.parametrize(
    "odd", ["a'b", 'a"b', "a\\b", "陈", "", "x,y]", "'; DROP TABLE rows_profile", "\\u0000"]
)
def test_any_text_is_a_customer_id(rows: PackedRows, odd: str) -> None:
    assert not rows.read([odd]).found[0]
    rows.write("profile", ["age", "income"], [odd], [1], np.array([[1.0, 2.0]]))
    assert rows.read(["ann", odd]).values[1, :2].tolist() == [1.0, 2.0]


def test_an_id_that_goes_on_after_a_nul_is_nobody_else(rows: PackedRows) -> None:
    assert rows.read(["ann\0", "ann", "\0"]).found.tolist() == [False, True, False]
    with pytest.raises(NotPackable, match="NUL"):
        rows.write("credit", ["debt"], ["ann\0"], [1], np.ones((1, 1)))


def test_more_customers_than_one_read_takes(rows: PackedRows) -> None:
    ids = [f"c{at}" for at in range(CHUNK + 7)]
    values = np.arange(2.0 * len(ids)).reshape(-1, 2)
    rows.write("profile", ["age", "income"], ids, np.arange(len(ids)), values)
    read = rows.read(ids[::-1], ["profile"])
    np.testing.assert_array_equal(read.values, values[::-1])
    np.testing.assert_array_equal(read.event_us[:, 0], np.arange(len(ids))[::-1])
    assert rows.count("profile") == len(ids) + 2
    assert sorted(rows.event_us("profile").tolist()) == sorted([5, 6, *range(len(ids))])


def test_alone_and_among_many_the_bits_are_the_same(rows: PackedRows) -> None:
    ids = [f"c{at}" for at in range(500)]
    rows.write("credit", ["debt"], ids, [1] * 500, np.random.default_rng(1).normal(size=(500, 1)))
    together = rows.read(ids)
    for at in (0, 77, 499):
        assert rows.read([ids[at]]).values.tobytes() == together.values[at].tobytes()


@pytest.mark.parametrize(
    ("ids", "times", "matrix"),
    [
        pytest.param(["x"], [1], [[1.0, np.inf]], id="infinite"),
        pytest.param(["x"], [1], [[-np.inf, 1.0]], id="minus-infinite"),
        pytest.param(["x", "x"], [1, 1], [[1.0, 1.0], [2.0, 2.0]], id="a-customer-twice"),
        pytest.param(["x"], [-1], [[1.0, 1.0]], id="before-1970"),
        pytest.param(["x"], [2**53], [[1.0, 1.0]], id="after-2255"),
    ],
)
def test_what_may_not_be_written_leaves_no_trace(
    rows: PackedRows, ids: list[str], times: list[int], matrix: list[list[float]]
) -> None:
    with pytest.raises(NotPackable):
        rows.write("profile", ["age", "income"], ids, times, np.array(matrix))
    assert rows.count("profile") == 2
    assert not rows.read(["x"]).found[0]


def test_a_view_name_cannot_carry_sql(rows: PackedRows) -> None:
    with pytest.raises(NotPackable):
        rows.write("p; DROP TABLE rows_profile", ["a"], ["x"], [1], np.ones((1, 1)))
    with pytest.raises(MissingColumns, match="nothing_such"):
        rows.read(["ann"], ["nothing_such"])


# -- time ----------------------------------------------------------------------------------------


def test_an_older_row_never_replaces_a_newer_one(rows: PackedRows) -> None:
    rows.write("credit", ["debt"], ["ben", "cid", "dan"], [6, 9, 1], np.array([[6.0], [9.0], [1.0]]))
    read = rows.read(["ben", "cid", "dan"], ["credit"])
    assert read.values[:, 0].tolist() == [1.5, 9.0, 1.0]
    assert read.event_us[:, 0].tolist() == [7, 9, 1]


def test_of_two_rows_of_the_same_time_the_one_written_last_stays(rows: PackedRows) -> None:
    rows.write("credit", ["debt"], ["ben"], [7], np.array([[2.5]]))
    assert rows.read(["ben"], ["credit"]).values.tolist() == [[2.5]]


def test_event_times_are_exact_over_the_whole_range(rows: PackedRows) -> None:
    times = [0, 1, 255, 256, 2**31, 2**32 + 1, AT_US, 2**53 - 1]
    ids = [f"t{time}" for time in times]
    rows.write("credit", ["debt"], ids, times, np.zeros((len(ids), 1)))
    assert rows.read(ids, ["credit"]).event_us[:, 0].tolist() == times
    rows.write("credit", ["debt"], ids, [max(time - 1, 0) for time in times], np.ones((len(ids), 1)))
    assert rows.read(ids, ["credit"]).values[:, 0].tolist() == [1.0] + [0.0] * (len(ids) - 1)


# -- types ---------------------------------------------------------------------------------------


def test_an_arrow_table_is_written_with_its_event_times(rows: PackedRows) -> None:
    rows.write_table("credit", table(["eve"], debt=pa.array([None], pa.float64())))
    read = rows.read(["eve"], ["credit"])
    assert np.isnan(read.values[0, 0])
    assert read.event_us.tolist() == [[AT_US]]


def test_every_type_that_fits_in_eight_bytes_comes_back_exactly(rows: PackedRows) -> None:
    columns = {
        "f64": pa.array([0.1, None], pa.float64()),
        "f32": pa.array([0.1, None], pa.float32()),
        "i64": pa.array([2**62 + 1, None], pa.int64()),
        "i32": pa.array([-(2**31), None], pa.int32()),
        "yes": pa.array([True, None], pa.bool_()),
        "at": pa.array([AT, None], TIME),
    }
    rows.write_table("all", table(["ann", "ben"], **columns))
    read = rows.read(["ben", "ann", "dan"], ["all"])
    assert list(rows.cells()["all"].values()) == list(Cell)
    assert read.values[1].tolist() == [0.1, np.float32(0.1), 2.0**62, -(2.0**31), 1.0, AT_US]
    assert np.isnan(read.values[[0, 2]]).all()
    assert {at: whole.tolist() for at, whole in read.whole.items()} == {
        2: [NULL, 2**62 + 1, NULL], 3: [NULL, -(2**31), NULL], 4: [NULL, 1, NULL], 5: [NULL, AT_US, NULL],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("feature", "named"),
    [
        pytest.param(pa.array(["x"]), "'f' is string", id="text"),
        pytest.param(pa.array([[1.0]]), "'f' is list", id="list"),
        pytest.param(pa.array([1], pa.uint64()), "'f' is uint64", id="unsigned"),
        pytest.param(pa.array([NULL]), "means 'unknown'", id="the-number-that-says-unknown"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(rows: PackedRows, feature: pa.Array, named: str) -> None:
    with pytest.raises(NotPackable, match=named):
        rows.write_table("odd", table(["ann"], f=feature))
    assert "odd" not in rows.columns()
    with pytest.raises(MissingColumns, match="event_timestamp"):
        rows.write_table("odd", pa.table({"customer_id": ["ann"], "f": [1.0]}))


# -- columns that come and go --------------------------------------------------------------------


def test_rows_from_before_and_after_a_feature_came_lie_side_by_side(
    rows: PackedRows, place: Settings
) -> None:
    with open_rows(place) as reader:
        assert reader.read(["ann"], ["profile"]).columns == ("age", "income")
        rows.write("profile", ["tenure", "income", "age"], ["ben"], [9], np.array([[1.0, 2.0, 3.0]]))
        read = reader.read(["ann", "ben", "dan"], ["credit", "profile"])
        assert read.columns == ("debt", "tenure", "income", "age")
        np.testing.assert_array_equal(read.values, [[np.nan] * 3 + [30], [1.5, 1, 2, 3], [np.nan] * 4])
        assert read.event_us.tolist() == [[-1, 5], [7, 9], [-1, -1]]


def test_a_feature_taken_away_is_no_longer_read(rows: PackedRows) -> None:
    rows.write("profile", ["income"], ["ann"], [9], np.array([[7.0]]))
    read = rows.read(["ben", "ann"], ["profile"])
    assert read.columns == ("income",)
    assert read.values.tolist() == [[9.5], [7.0]]


def test_a_column_that_turns_from_fraction_to_whole_is_unknown_until_written_again(rows: PackedRows) -> None:
    rows.define("profile", {"age": Cell.INT64, "income": Cell.FLOAT32})
    read = rows.read(["ben"], ["profile"])
    assert read.whole[0].tolist() == [NULL]
    assert read.values[0, 1] == 9.5
    rows.write_table("profile", table(["ben"], age=pa.array([41]), income=pa.array([1.0], pa.float32())))
    assert rows.read(["ben"], ["profile"]).whole[0].tolist() == [41]


def test_the_same_columns_again_change_nothing(rows: PackedRows, place: Settings) -> None:
    before = rows._catalogue
    rows.define("profile", {"age": Cell.FLOAT64, "income": Cell.FLOAT64})
    rows.write("credit", ["debt"], ["ann"], [1], np.zeros((1, 1)))
    assert rows._catalogue == before


def test_a_view_that_is_dropped_is_gone_and_a_reader_says_so(rows: PackedRows, place: Settings) -> None:
    with open_rows(place) as reader:
        assert reader.read(["ben"]).found[0]
        rows.drop(["profile", "never_there"])
        assert reader.read(["ben"], None).columns == ("debt",)
        with pytest.raises(MissingColumns, match="profile"):
            reader.read(["ben"], ["profile"])
    rows.write("profile", ["x"], ["ann"], [1], np.zeros((1, 1)))
    assert rows.count("profile") == 1


# -- whole views ---------------------------------------------------------------------------------


def test_a_load_replaces_columns_and_rows_while_a_reader_has_them_open(
    rows: PackedRows, place: Settings
) -> None:
    with open_rows(place) as reader:
        assert reader.read(["ann"], ["profile"]).values.tolist()[0][0] == 30.0
        rows.load({"profile": table(["ann"], income=[1.0], z=[2.0])})
        read = reader.read(["ann", "ben"], ["profile"])
        assert read.columns == ("income", "z")
        assert read.values[0].tolist() == [1.0, 2.0]
        assert read.found.tolist() == [True, False]
        assert reader.columns()["credit"] == ("debt",)
        rows.load({"profile": table(["ann", "ben", "cid"], z=[2.0] * 3)})
        assert (reader.count("profile"), len(reader.event_us("profile"))) == (3, 3)


def test_a_load_may_bring_older_rows(rows: PackedRows) -> None:
    rows.load({"credit": table(["ben"], when=datetime(1970, 1, 1, tzinfo=UTC), debt=[4.0])})
    assert rows.read(["ben"], ["credit"]).event_us.tolist() == [[0]]


def test_a_load_that_fails_in_its_second_view_changes_neither(rows: PackedRows) -> None:
    with pytest.raises(NotPackable, match="infinite"):
        rows.load({"profile": table(["ann"], income=[1.0]), "credit": table(["ann"], debt=[np.inf])})
    assert rows.read(["ann"]).columns == ("age", "income", "debt")
    assert rows.count("profile") == 2


def test_a_reader_cannot_write(rows: PackedRows, place: Settings) -> None:
    with open_rows(place) as reader:
        for change in (
            lambda: reader.delete("ann"),
            lambda: reader.write("credit", ["debt"], ["ann"], [1], np.zeros((1, 1))),
            lambda: reader.load({"credit": table(["ann"], debt=[1.0])}),
            lambda: reader.drop(["credit"]),
        ):
            with pytest.raises((sqlite3.OperationalError, PermissionError), match=r"readonly|for reading"):
                change()
    assert rows.count("credit") == 2


def test_rows_that_are_not_there_are_not_made_by_reading(place: Settings) -> None:
    with pytest.raises(NoOnlineRows, match="bank features build"):
        open_rows(place)
    assert list(place.home.iterdir()) == []
    assert place.online_store == "sqlite" or redis_keys(place.redis_prefix) == []


def test_reading_works_after_the_writer_has_gone(rows: PackedRows, place: Settings) -> None:
    rows.close()
    with open_rows(place) as reader:
        assert reader.read(["ben"]).values.tolist() == [[40.0, 9.5, 1.5]]


# -- erasure -------------------------------------------------------------------------------------


def test_an_erased_customer_is_gone_from_every_view_and_from_the_bytes(
    rows: PackedRows, place: Settings
) -> None:
    secret = "customer-to-be-forgotten"
    rows.write("profile", ["age", "income"], [secret], [1], np.array([[1.0, 2.0]]))
    rows.write("credit", ["debt"], [secret], [1], np.array([[3.0]]))
    assert rows.delete(secret) == 2
    assert rows.delete(secret) == 0
    assert not rows.read([secret]).found[0]
    assert rows.read(["ben"]).values.tolist() == [[40.0, 9.5, 1.5]]
    for stored in everything_stored(place):
        assert secret.encode() not in stored


def everything_stored(place: Settings) -> list[bytes]:
    """The bytes of every file, and of every key in Redis."""
    found = [file.read_bytes() for file in place.home.iterdir()]
    if place.online_store == "redis":
        import redis

        with redis.Redis.from_url(str(REDIS)) as client:
            found += [client.dump(key) or b"" for key in redis_keys(place.redis_prefix)]
    assert found
    return found


# -- at the same time ----------------------------------------------------------------------------


def test_a_read_during_writes_is_one_moment_and_its_values_fit_its_columns(
    rows: PackedRows, place: Settings
) -> None:
    """A value names its column and its round, so that a mixture shows."""
    ids, errors, rounds = [f"c{at}" for at in range(50)], [], []
    rows.load({"profile": table(ids, when=_round(0), a=[97_000.0] * 50)})
    stop = threading.Event()

    def read() -> None:
        with open_rows(place) as reader:
            while not stop.is_set():
                found = reader.read(ids, ["profile"])
                round_of = (found.event_us[:, :1] - AT_US) // 1_000_000
                wanted = np.array([[ord(name) * 1000 for name in found.columns]]) + round_of
                values = np.where(np.isnan(found.values), wanted, found.values)
                if not (values == wanted).all():
                    errors.append((found.columns, found.values))
                rounds.append(int(round_of.max()))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for turn in range(1, 120):
            names = ["abc", "ca", "bdc", "dabc"][turn % 4]
            some = ids[: turn % 50 + 1] if turn % 3 else ids
            features = {name: [float(ord(name) * 1000 + turn)] * len(some) for name in names}
            if turn % 3:
                rows.write_table("profile", table(some, when=_round(turn), **features))
            else:
                rows.load({"profile": table(some, when=_round(turn), **features)})
    finally:
        stop.set()
        reader.join()
    assert errors == []
    assert len(set(rounds)) > 3, "the reader saw no writing"


def _round(number: int) -> datetime:
    return datetime.fromtimestamp(AT_US / 1e6 + number, UTC)


WRITER = """
import sys, threading
import numpy as np, pyarrow as pa
from feature_repo.packed_rows import open_rows
from feature_repo.settings import Settings

how, names = sys.argv[1], [f"c{at:06d}" for at in range(200_000)]
with open_rows(Settings(), read_only=False) as rows:
    at = pa.array(np.full(len(names), 2_000_000), pa.timestamp("us", "UTC"))
    table = pa.table({"customer_id": names, "event_timestamp": at, "new": np.ones(len(names))})
    print("writing", flush=True)
    rows.load({"profile": table}) if how == "load" else rows.write_table("profile", table)
    print("written", flush=True)
"""


@pytest.mark.parametrize("how", ["load", "write_table"])
def test_a_writer_killed_in_the_middle_leaves_whole_rows(place: Settings, how: str) -> None:
    """After `load`, and after anything over SQLite, every row is the old one; in Redis a write to rows
    that are read has replaced some rows and left the others."""
    ids = [f"c{at:06d}" for at in range(0, 200_000, 400)]
    with open_rows(place, read_only=False) as rows:
        rows.write("profile", ["old"], ids, [1] * len(ids), np.full((len(ids), 1), 5.0))
    command = [sys.executable, "-c", WRITER, how]
    with subprocess.Popen(command, env=environment_of(place), stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        try:
            assert writer.stdout.readline() == b"writing\n"
            wait_until_it_writes(place)
        finally:
            writer.kill()
        assert b"written" not in writer.stdout.read(), "the writer was too fast to be killed"
    with open_rows(place) as reader:
        read = reader.read(ids)
        old, new = read.event_us[:, 0] == 1, read.event_us[:, 0] == 2_000_000
        assert (old | new).all()
        for name, rows_of in (("old", old), ("new", new)):
            if name in read.columns:
                wanted = 5.0 if name == "old" else 1.0
                assert (read.values[rows_of, read.columns.index(name)] == wanted).all()
        if how == "load" or place.online_store == "sqlite":
            assert read.columns == ("old",)
            assert old.all()


def wait_until_it_writes(place: Settings) -> None:
    for _ in range(4000):
        if place.online_store == "redis":
            import redis

            with redis.Redis.from_url(str(REDIS)) as client:
                hashes = [key for key in redis_keys(place.redis_prefix) if b":rows:" in key]
                if any(client.hlen(key) > 5_000 for key in hashes):
                    return
        elif (wal := Path(f"{place.online}-wal")).exists() and wal.stat().st_size > 100_000:
            return
        time.sleep(0.001)
    pytest.fail("nothing was written")


# -- one place only ------------------------------------------------------------------------------


def test_a_file_that_holds_something_else_is_told(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "online.db").execute("CREATE TABLE other (x)").connection.close()
    with pytest.raises(BrokenOnlineRows, match="no such table: catalogue"):
        PackedRows.open(tmp_path / "online.db")


@pytest.mark.parametrize(
    ("url", "named"),
    [
        pytest.param(
            "redis://:geheim@127.0.0.1:1/0", r"at 127\.0\.0\.1:1 cannot be used", id="nobody-listens"
        ),
        pytest.param("http://:geheim@127.0.0.1:6379", "its URL is none of redis://", id="no-redis-url"),
    ],
)
@NO_REDIS
def test_a_redis_that_is_down_is_named_without_its_password(tmp_path: Path, url: str, named: str) -> None:
    settings = Settings(home=tmp_path, online_store="redis", redis_url=url)
    with pytest.raises(ConnectionError, match=named) as raised:
        open_rows(settings)
    assert "geheim" not in f"{raised.value} {settings!r}"


def test_rows_in_a_file_are_read_without_loading_what_talks_to_redis(tmp_path: Path) -> None:
    code = """
import sys
from feature_repo.packed_rows import open_rows
from feature_repo.settings import Settings
open_rows(Settings(), read_only=False).close()
print({"redis", "pyarrow"} & set(sys.modules))
"""
    home = environment_of(Settings(home=tmp_path))
    ran = subprocess.run([sys.executable, "-c", code], env=home, capture_output=True, text=True, check=False)
    assert ran.stdout == "set()\n", ran.stderr


def test_without_the_redis_library_its_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "feature_repo.rows.redis", raising=False)
    with pytest.raises(NoRedisClient, match=r"bank-customer-platform\[redis\]"):
        open_rows(Settings(home=tmp_path, online_store="redis"))


@NO_REDIS
@pytest.mark.parametrize("place", ["redis"], indirect=True)
def test_what_a_killed_load_left_goes_with_the_next_write(rows: PackedRows, place: Settings) -> None:
    import redis

    draft = f"{place.redis_prefix}:rows:credit:99"
    with redis.Redis.from_url(str(REDIS)) as client:
        client.sadd(f"{place.redis_prefix}:places", draft)
        client.hset(draft, "ann", b"half a load")
    assert rows.delete("ben") == 2
    assert draft.encode() not in redis_keys(place.redis_prefix)
    assert len(redis_keys(place.redis_prefix)) == 4  # catalogue, places, two views


def test_a_reader_follows_the_file_of_that_name(tmp_path: Path) -> None:
    def write(name: str, columns: list[str], value: float) -> Path:
        with PackedRows.open(tmp_path / name, read_only=False) as made:
            made.write("profile", columns, ["ann"], [5], np.full((1, len(columns)), value))
        return tmp_path / name

    path = write("online.db", ["age"], 30.0)
    with PackedRows.open(path) as reader:
        assert reader.read(["ann"]).values.tolist() == [[30.0]]
        write("restored.db", ["age", "income"], 40.0).replace(path)
        found = reader.read(["ann"])
        assert (found.columns, found.values.tolist()) == (("age", "income"), [[40.0, 40.0]])
        path.unlink()
        with pytest.raises(sqlite3.OperationalError, match="removed"):
            reader.read(["ann"])
        write("online.db", ["age"], 50.0)
        assert reader.read(["ann"]).values.tolist() == [[50.0]]
