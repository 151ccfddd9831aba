from pathlib import Path

import pytest

from feature_repo.live.lines import FileWasCut, Lines


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"one\r\n\ntwo\nthr")
    return path


def test_a_line_that_is_still_being_written_waits(file: Path) -> None:
    lines = Lines(file, 0, 0)
    assert lines.read(10, whole=False) == [(1, b"one"), (3, b"two")]
    assert lines.read(10, whole=False) == []
    with file.open("ab") as more:
        more.write(b"ee\nfour\n")
    assert lines.read(10, whole=False) == [(4, b"three"), (5, b"four")]
    assert lines.taken == file.stat().st_size
    lines.close()


def test_at_the_end_of_a_whole_file_the_last_line_needs_no_end(file: Path) -> None:
    lines = Lines(file, 0, 0)
    assert lines.read(2, whole=True) == [(1, b"one"), (3, b"two")]
    assert lines.read(2, whole=True) == [(4, b"thr")]
    assert lines.read(2, whole=True) == []
    lines.close()


def test_reading_goes_on_where_it_was_left(file: Path) -> None:
    first = Lines(file, 0, 0)
    first.read(1, whole=False)
    again = Lines(file, first.taken, first.number)
    assert again.read(10, whole=True) == [(3, b"two"), (4, b"thr")]
    first.close()
    again.close()


def test_a_file_that_became_shorter_is_an_error(file: Path) -> None:
    with pytest.raises(FileWasCut, match="was cut or replaced"):
        Lines(file, 1_000, 5)
    lines = Lines(file, 0, 0)
    lines.read(10, whole=True)
    file.write_bytes(b"one\n")
    with pytest.raises(FileWasCut):
        lines.read(10, whole=True)
    lines.close()
