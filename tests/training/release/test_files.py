"""What is read from a release is bounded, plain, and looked at before it is read."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from training.export import arrays
from training.release.arrays import read_arrays
from training.release.errors import BrokenRelease
from training.release.files import MOST_FILES, list_files, read_all, read_bytes
from training.release.strict_json import parse

SHAPES = {"a": (2, 3), "b": (1, 1)}


def test_nothing_is_read_before_every_file_is_small_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "small").write_bytes(b"1")
    (tmp_path / "large").write_bytes(b"12345")
    monkeypatch.setattr(os, "open", None)
    with pytest.raises(BrokenRelease, match="larger than 4 bytes"):
        read_all(tmp_path, {"small": 4, "large": 4})


def test_many_files_are_too_large_together(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).touch()
        os.truncate(tmp_path / name, 200 << 20)
    with pytest.raises(BrokenRelease, match="together"):
        read_all(tmp_path, dict.fromkeys("abc", 1 << 30))


@pytest.mark.parametrize("size", [0, 3, 4])
def test_a_file_up_to_its_bound_is_read(tmp_path: Path, size: int) -> None:
    (tmp_path / "file").write_bytes(b"x" * size)
    assert len(read_bytes(tmp_path / "file", 4)) == size
    (tmp_path / "file").write_bytes(b"x" * 5)
    with pytest.raises(BrokenRelease, match="larger than 4"):
        read_bytes(tmp_path / "file", 4)


def test_a_folder_is_left_once_it_holds_too_many_files(tmp_path: Path) -> None:
    for number in range(MOST_FILES):
        (tmp_path / f"{number:03d}").touch()
    assert len(list_files(tmp_path)) == MOST_FILES
    (tmp_path / "more").touch()
    with pytest.raises(BrokenRelease, match="more than 200 files"):
        list_files(tmp_path)


def test_arrays_that_were_exported_are_read_back_to_the_bit() -> None:
    a, b = np.asfortranarray(np.random.default_rng(1).normal(size=(2, 3))), np.array([[7.0]])
    found = read_arrays("effects.npz", arrays(a=a, b=b), SHAPES)
    assert found["a"].tobytes() == np.ascontiguousarray(a).tobytes()
    assert found["b"].tolist() == [[7.0]]


def test_arrays_under_each_others_name_are_refused() -> None:
    with pytest.raises(BrokenRelease, match=r"'b' should be|'a' should be"):
        read_arrays("effects.npz", arrays(b=np.ones((2, 3)), a=np.ones((1, 1))), SHAPES)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "effects.npz"
    path.write_bytes(arrays(a=np.ones((2, 3)), b=np.ones((1, 1))))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a.npy", b"again")
    with pytest.raises(BrokenRelease, match="alone"):
        read_arrays("effects.npz", path.read_bytes(), SHAPES)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b'{"a": 1, "a": 1}', "a key occurs twice", id="a-key-twice"),
        pytest.param(b'{"a": {"b": 1, "b": 2}}', "a key occurs twice", id="a-key-twice-inside"),
        pytest.param(b'{"a": NaN}', "NaN", id="nan"),
        pytest.param(b'{"a": 1e999}', "beyond", id="beyond-a-number"),
        pytest.param(b'{"a": ' + b"1" * 400 + b"}", "400 digits", id="beyond-a-whole-number"),
        pytest.param(b"[" * 100_000, "no plain JSON", id="too-deep"),
        pytest.param(b'{"a": "\\ud800"}', "surrogates not allowed", id="half-a-character"),
        pytest.param(b'\xff\xfe{"a": 1}', "no plain JSON", id="another-encoding"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', "BOM", id="a-mark-in-front"),
        pytest.param(b"{'a': 1}", "no plain JSON", id="python"),
    ],
)
def test_json_has_one_meaning_or_none(content: bytes, said: str) -> None:
    with pytest.raises(BrokenRelease, match=said):
        parse("model.json", content)
