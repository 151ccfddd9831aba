"""A spool: what was acknowledged is there after any crash, what was altered is told."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring.decision_log import Record
from monitoring.errors import BadSpoolKey, SpoolFull
from monitoring.spool import Spool, Spools
from tests.monitoring.conftest import record

LIMIT = 100_000


@pytest.fixture
def spools(tmp_path: Path) -> Spools:
    return Spools(tmp_path / "spool", tmp_path / "keys" / "spool.key", LIMIT)


@pytest.fixture
def spool(spools: Spools) -> Iterator[Spool]:
    """Three commits: of one, two and one decision."""
    made = spools.open("worker-1")
    for numbers in ((0,), (1, 2), (3,)):
        made.append([record(n, b"private-%d" % n) for n in numbers])
    yield made
    made.close()


def held(spool: Spool) -> list[Record]:
    return [each for frame in spool.frames(0) for each in frame.records or ()]


def test_what_was_kept_is_there_again(spools: Spools, spool: Spool) -> None:
    assert held(spool) == [record(n, b"private-%d" % n) for n in range(4)]
    assert (spool.waiting, spool.oldest) == (4, "2026-01-01T00:00:00Z")
    assert spools.find("d2") == b"private-2"
    assert spools.find("d9") is None
    spool.close()
    again = spools.open("worker-1")
    assert (held(again), again.waiting) == ([record(n, b"private-%d" % n) for n in range(4)], 4)
    again.close()


def test_nothing_can_be_read_in_the_file_and_it_is_its_owners_alone(spools: Spools, spool: Spool) -> None:
    content = spool.path.read_bytes()
    assert not any(word in content for word in (b"private", b"d1", b"c1", b"credit"))
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (spool.path, spools.key_file, spools.folder)]
    assert modes == [0o600, 0o600, 0o700]


def test_every_flipped_bit_of_every_byte_is_told_and_costs_one_commit_at_most(
    spools: Spools, spool: Spool
) -> None:
    content, ends = spool.path.read_bytes(), [frame.end for frame in spool.frames(0)]
    spool.close()
    for place in range(len(content)):
        altered = bytearray(content)
        altered[place] ^= 1 << place % 8
        spool.path.write_bytes(altered)
        found = list(spools.read(spool.path))
        hit = next(number for number, end in enumerate(ends) if place < end)
        assert [frame.end for frame in found] == ends, place
        assert [frame.records is None for frame in found] == [number == hit for number in range(3)], place


def test_a_frame_belongs_to_its_place_and_its_worker(spools: Spools, spool: Spool) -> None:
    content, ends = spool.path.read_bytes(), [frame.end for frame in spool.frames(0)]
    spool.path.write_bytes(content[ends[0] : ends[1]] + content[: ends[0]] + content[ends[1] :])
    assert [frame.records is None for frame in spools.read(spool.path)][:1] == [True]
    (spools.folder / "worker-2.spool").write_bytes(content)
    assert {frame.records for frame in spools.read(spools.folder / "worker-2.spool")} == {None}


def test_a_commit_torn_anywhere_is_no_commit_and_those_before_stand(spools: Spools, spool: Spool) -> None:
    content, ends = spool.path.read_bytes(), [frame.end for frame in spool.frames(0)]
    spool.close()
    for length in range(0, len(content), 3):
        spool.path.write_bytes(content[:length])
        again = spools.open("worker-1")
        assert [frame.end for frame in again.frames(0)] == [end for end in ends if end <= length]
        assert all(frame.records for frame in again.frames(0))
        assert again.path.stat().st_size == again.end
        again.close()


def test_a_full_spool_keeps_nothing_and_stays_within_its_limit(spools: Spools, spool: Spool) -> None:
    number = 4
    while spool.end < LIMIT - 1_200:
        spool.append([record(number, b"x" * 1_000)])
        number += 1
    with pytest.raises(SpoolFull, match="is full"):
        spool.append([record(number, b"x" * 1_200)])
    assert spool.path.stat().st_size <= LIMIT
    assert [each.decision_id for each in held(spool)] == [f"d{n}" for n in range(number)]
    spool.clear()
    spool.append([record(number)])
    assert held(spool) == [record(number)]


def test_half_a_write_on_a_full_disk_is_taken_back(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    before, whole = spool.path.read_bytes(), os.pwrite

    def half(descriptor: int, data: bytes, place: int) -> int:
        if len(data) < 100:
            raise OSError(28, "No space left on device")
        return whole(descriptor, data[: len(data) - 50], place)

    monkeypatch.setattr("monitoring.spool.os.pwrite", half)
    with pytest.raises(SpoolFull, match="No space left"):
        spool.append([record(4, b"x" * 500)])
    assert spool.path.read_bytes() == before
    monkeypatch.undo()
    spool.append([record(5)])
    assert [each.decision_id for each in held(spool)] == ["d0", "d1", "d2", "d3", "d5"]


@pytest.mark.parametrize("gone", ["file", "folder", "replaced"])
def test_a_spool_that_was_removed_is_laid_down_again_with_all_it_holds(
    spools: Spools, spool: Spool, gone: str
) -> None:
    spool.path.unlink()
    if gone == "folder":
        spool.path.parent.rmdir()
    if gone == "replaced":
        spool.path.write_bytes(b"x" * 10_000)
    spool.append([record(4)])
    assert [spools.find(f"d{n}") for n in (0, 4)] == [b"private-0", record(4).payload]
    assert list(spools.left()) == []  # it is still this process's
    spool.close()
    again = spools.open("worker-1")
    assert [each.decision_id for each in held(again)] == ["d0", "d1", "d2", "d3", "d4"]
    again.close()


def test_a_spool_that_somebody_cut_while_it_is_used_is_told_as_altered(spool: Spool) -> None:
    ends = [frame.end for frame in spool.frames(0)]
    os.truncate(spool.path, ends[0])
    found = list(spool.frames(0))
    assert [each.decision_id for frame in found for each in frame.records or ()] == ["d0"]
    assert (found[-1].end, found[-1].records) == (ends[-1], None)


def test_a_spool_has_one_process_and_one_that_nobody_has_was_left(spools: Spools, spool: Spool) -> None:
    other = spools.open("worker-1")
    assert other.path.name == "worker-1~1.spool"
    assert list(spools.left()) == []
    other.append([record(7)])
    other.close()
    [(worker, left)] = spools.left()
    assert (worker, held(left)) == ("worker-1", [record(7)])
    left.close()


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        pytest.param("ab" * 32, 0o644, "open to other users", id="open"),
        pytest.param("ab" * 31, 0o600, "no key of 32 bytes", id="short"),
        pytest.param("not hex", 0o600, "no key of 32 bytes", id="text"),
    ],
)
def test_a_key_that_is_none_is_refused(spools: Spools, content: str, mode: int, said: str) -> None:
    spools.key_file.parent.mkdir()
    spools.key_file.write_text(content)
    spools.key_file.chmod(mode)
    with pytest.raises(BadSpoolKey, match=said):
        spools.open("worker-1")


def test_a_key_that_is_gone_is_not_made_anew_while_decisions_wait_for_it(
    spools: Spools, spool: Spool
) -> None:
    spools.key_file.unlink()
    with pytest.raises(BadSpoolKey, match="is gone"):
        spools.find("d1")
    spool.clear()
    assert len(spools.key()) == 32
