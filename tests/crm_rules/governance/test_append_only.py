"""The chain every record of the bank hangs on: what was there once must be there still."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_rules.database import Database
from crm_rules.errors import BrokenChain, BrokenHead, ClockSetBack, DatabaseUnavailable
from crm_rules.governance.append_only import Chain, Entry, Verified, Walker, chains, walk
from crm_rules.governance.heads import SLOT, Anchors, Head, Heads
from crm_rules.postgres import Postgres

AT = "2026-03-01T00:00:00+00:00"
ALL = "SELECT seq, id, at, digest, link FROM chain WHERE chain = 'c' ORDER BY seq"


@pytest.fixture
def chain(database: Database, heads: Heads) -> Chain:
    """Ten entries in three commits."""
    made = Chain(database, "c", heads)
    made.create()
    for numbers in (range(1), range(1, 4), range(4, 10)):
        with made.appending() as appender:
            appender.add([entry(number) for number in numbers])
    return made


def entry(number: int) -> Entry:
    return Entry(f"e{number}", AT, hashlib.sha256(str(number).encode()).hexdigest())


def checked(database: Database, *heads: Head) -> Verified:
    contents = {f"e{number}": entry(number).digest for number in range(20)}
    return walk("c", ((*row, contents[row[1]]) for row in database.stream(ALL)), heads)


def test_a_chain_that_nobody_touched_is_intact(chain: Chain, database: Database, heads: Heads) -> None:
    assert heads.read("c").seq == 10
    assert checked(database, heads.read("c"), Head()) == Verified(10)


def flip(column: str) -> Callable[[Database], object]:
    def change(database: Database) -> object:
        sql = f"SELECT {column} FROM chain WHERE chain = 'c' AND seq = 5"
        value = database.ask(sql)[0][0]
        if isinstance(value, str):
            changed: object = value[:-1] + chr(ord(value[-1]) ^ 1)
        else:
            changed = bytes([bytes(value)[0] ^ 1, *bytes(value)[1:]])
        return database.ask(f"UPDATE chain SET {column} = ? WHERE chain = 'c' AND seq = 5", (changed,))

    return change


def swap(database: Database) -> None:
    for number, to in ((5, 99), (6, 5), (99, 6)):
        database.ask("UPDATE chain SET seq = ? WHERE seq = ?", (to, number))


TAMPERED = [
    pytest.param(flip("digest"), 5, id="digest"),
    pytest.param(flip("link"), 5, id="link"),
    pytest.param(flip("at"), 5, id="time"),
    pytest.param(lambda d: d.ask("DELETE FROM chain WHERE seq = 5"), 6, id="deleted"),
    pytest.param(swap, 5, id="swapped"),
    pytest.param(lambda d: d.ask("DELETE FROM chain WHERE seq > 8"), 10, id="tail-cut"),
    pytest.param(lambda d: d.ask("DELETE FROM chain"), 10, id="emptied"),
]


@pytest.mark.parametrize(("tamper", "row"), TAMPERED)
def test_what_was_tampered_with_is_found_and_its_row_named(
    chain: Chain, database: Database, heads: Heads, tamper: Callable[[Database], object], row: int
) -> None:
    tamper(database)
    found = checked(database, heads.read("c"))
    assert f"c entry {row}" in found.problems[0]
    assert len(found.problems) <= 3


def test_a_chain_rewritten_whole_shows_by_its_head_and_by_an_old_copy_of_it(
    chain: Chain, database: Database, heads: Heads
) -> None:
    database.ask("DELETE FROM chain")
    forger = Chain(database, "c", Heads(heads.folder / "of-the-forger"))
    forger.create()
    with forger.appending() as appender:
        appender.add([entry(number) for number in (0, 1, 2, 11, 4, 5, 6, 7, 8, 9)])
    assert "entry 10 (e9): another entry was anchored here" in checked(database, heads.read("c")).problems[0]
    old_copy = Head(4, "ab" * 32)
    assert "entry 4 (e11)" in checked(database, old_copy).problems[0]


def test_nothing_is_appended_to_a_chain_that_was_cut_or_rewritten(
    chain: Chain, database: Database, heads: Heads
) -> None:
    database.ask("DELETE FROM chain WHERE seq = 10")
    with pytest.raises(BrokenChain, match="ends at entry 9, but entry 10 was anchored"), chain.appending():
        pass
    heads.write("c", Head(9, "00" * 32))
    (heads.folder / "c.head").unlink()
    with pytest.raises(BrokenChain, match="9 entries, but no head"), chain.appending():
        pass
    heads.write("c", Head(8, "00" * 32))
    with pytest.raises(BrokenChain, match="another entry 8"), chain.appending():
        pass


def test_an_error_inside_leaves_neither_entry_nor_head(
    chain: Chain, database: Database, heads: Heads
) -> None:
    def failing() -> None:
        with chain.appending() as appender:
            appender.add([entry(10)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert (len(database.ask(ALL)), heads.read("c").seq) == (10, 10)


def test_a_chain_with_every_link_altered_is_walked_in_little_memory_and_time(
    chain: Chain, database: Database
) -> None:
    rows = [(*row, None) for row in database.ask(ALL)]
    walker = Walker("c", ())
    for seq, name, at, told, *_ in rows * 30:
        walker.take(seq, name, at, bytes(told), b"another link", None)
    assert len(walker._before) <= 3


def test_values_of_another_type_are_named_and_no_traceback(database: Database) -> None:
    found = walk("c", [(1, "a", "t", "text", b"l", None), ("x", "b", "t", b"d", b"l", None)], ())  # type: ignore[list-item]  # what a broken file gives
    assert found.problems == (
        "c entry 1 ('a'): its row holds values of another type",
        "c entry 'x' ('b'): its row holds values of another type",
    )


def test_chains_are_listed_by_name(chain: Chain, database: Database, heads: Heads) -> None:
    other = Chain(database, "a", heads)
    with other.appending() as appender:
        appender.add([entry(1)])
    assert chains(database) == ("a", "c")


def test_an_id_is_there_once(chain: Chain, database: Database) -> None:
    with pytest.raises(DatabaseUnavailable), chain.appending() as appender:
        appender.add([entry(3)])
    assert checked(database).intact


def test_a_clock_set_back_is_refused(chain: Chain) -> None:
    with chain.appending() as appender:
        appender.require_clock(datetime(2026, 3, 1, tzinfo=UTC))
        with pytest.raises(ClockSetBack, match="Set the clock right"):
            appender.require_clock(datetime(2025, 3, 1, tzinfo=UTC))


def test_a_torn_head_leaves_the_one_before(heads: Heads, chain: Chain) -> None:
    path = heads.folder / "c.head"
    content = bytearray(path.read_bytes())
    at = 0 if heads.read("c").seq % 2 == 0 else SLOT
    content[at + 20] ^= 1
    path.write_bytes(content)
    assert heads.read("c").seq in (1, 4)
    for rubbish in (b"rubbish", b""):
        path.write_bytes(rubbish)
        for reader in (heads, Heads(heads.folder)):
            with pytest.raises(BrokenHead, match="cannot be read"):
                reader.read("c")


def test_heads_are_held_against_wherever_copies_lie(heads: Heads, chain: Chain, tmp_path: Path) -> None:
    copy = Heads(tmp_path / "copy")
    with copy.turn("c"):
        copy.write("c", Head(3, "00" * 32))
    anchors = Anchors([heads.folder, copy.folder, tmp_path / "nowhere"])
    assert (anchors.names(), anchors.names("d")) == (("c",), ())
    assert [head.seq for head in anchors.of("c")] == [10, 3]
    assert anchors.of("d") == ()


def test_another_file_put_in_the_place_of_a_head_is_the_one_that_counts(heads: Heads, chain: Chain) -> None:
    path = heads.folder / "c.head"
    kept = path.read_bytes()
    path.unlink()
    assert not heads.known("c")
    path.write_bytes(kept)
    assert heads.read("c").seq == 10


def test_a_head_only_moves_on(heads: Heads, chain: Chain) -> None:
    heads.write("c", Head(3, "00" * 32))
    assert heads.read("c").seq == 10


def test_a_password_is_in_no_name_or_error() -> None:
    with pytest.raises(DatabaseUnavailable) as refused:
        Postgres("postgresql://somebody:verysecret@127.0.0.1:1/none", "bank")
    assert "verysecret" not in str(refused.value)


@pytest.mark.parametrize("become", [
    pytest.param(lambda path: path.mkdir(), id="a-folder"),
    pytest.param(lambda path: path.symlink_to(path), id="a-link-to-itself"),
    pytest.param(lambda path: path.symlink_to("/dev/full"), id="a-device"),
    pytest.param(lambda path: path.write_bytes(b""), id="empty"),
])  # fmt: skip
def test_a_head_that_is_no_file_any_more_is_named(
    chain: Chain, heads: Heads, become: Callable[[Path], None]
) -> None:
    path = heads.folder / "c.head"
    path.unlink()
    become(path)
    with pytest.raises(BrokenHead, match=r"c\.head cannot be read"), chain.appending():
        pytest.fail("it was appended to")
    if path.exists():
        with pytest.raises(BrokenHead):
            Anchors([heads.folder]).of("c")
