"""A release names its packages, and is the same release on any machine."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Tiny
from training.release.assemble import assemble
from training.release.errors import BrokenRelease, NoLock
from training.release.reading import read_release
from training.release.sbom import LOCK, bill, read_lock

AGAIN = """
import sys
from pathlib import Path
from tests.conftest import make_parts
from training.release.assemble import assemble
from training.release.manifest import Origin
home = Path(sys.argv[1])
print(assemble(home / "releases", make_parts(home / "parts"), Origin({"b": ("y", "x"), "a": ("z",)})))
"""


def test_the_bill_names_every_package_of_the_lock_with_its_hashes(whole_tiny: Tiny) -> None:
    found = read_release(whole_tiny.releases, whole_tiny.release)
    held = json.loads(found.files["sbom.json"])
    lock = LOCK.read_text()
    assert (held["bomFormat"], held["specVersion"], held["version"]) == ("CycloneDX", "1.6", 1)
    assert set(held) == {"bomFormat", "specVersion", "version", "components"}
    assert len(held["components"]) == len(set(re.findall(r"^[A-Za-z0-9._-]+==[^ ]+", lock, re.M)))
    hashes = [each["content"] for component in held["components"] for each in component["hashes"]]
    assert sorted(hashes) == sorted(re.findall("sha256:([0-9a-f]{64})", lock))
    assert not re.search(rb"https?://|index|@\s*file|timestamp|serialNumber", found.files["sbom.json"])


def test_the_same_parts_make_the_same_release_from_any_folder(tiny: Tiny, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        shuffled = {}
        for name, folder in random.Random(1).sample(sorted(tiny.parts.items()), len(tiny.parts)):
            shuffled[name] = tmp_path / "elsewhere" / "deep" / name
            shuffled[name].mkdir(parents=True)
            for path in sorted(folder.iterdir(), reverse=True):
                shutil.copyfile(path, shuffled[name] / path.name)
                os.utime(shuffled[name] / path.name, (1, 1))
        lock = tmp_path / "another-name.txt"
        shutil.copyfile(LOCK, lock)
        assert assemble(tmp_path / "out", shuffled, tiny.origin, lock) == tiny.release
    finally:
        os.umask(before)


def test_the_same_parts_make_the_same_release_in_any_process(tmp_path: Path) -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", AGAIN, str(tmp_path / seed)],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}, capture_output=True, check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("4242", "Asia/Shanghai"))
    }  # fmt: skip
    assert len(found) == 1


def test_another_lock_makes_another_release(tiny: Tiny, tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_bytes(LOCK.read_bytes() + b"one-more==1.0 \\\n    --hash=sha256:" + b"0" * 64 + b"\n")
    other = assemble(tiny.releases, tiny.parts, tiny.origin, lock)
    assert other != tiny.release
    old, new = (read_release(tiny.releases, each).manifest for each in (tiny.release, other))
    assert {name: part.digest for name, part in old.parts.items()} == {
        name: part.digest for name, part in new.parts.items()
    }


def test_without_a_lock_no_release_is_made_and_none_is_harmed(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(NoLock, match=r"requirements\.lock is not there.*checkout"):
        assemble(tiny.releases, tiny.parts, tiny.origin, tmp_path / "requirements.lock")
    assert read_release(tiny.releases, tiny.release).manifest.lock


@pytest.mark.parametrize(
    "line",
    [
        b"numpy>=2\n",
        b"-e .\n",
        b"--index-url https://example.org/simple\nnumpy==2\n",
        b"a @ file:///x\n",
        b"\xff",
    ],
    ids=["no-pin", "editable", "an-index", "a-file", "no-text"],
)
def test_a_lock_holds_pins_and_nothing_else(line: bytes) -> None:
    with pytest.raises(BrokenRelease, match=r"requirements\.lock"):
        bill(line)


def test_the_order_of_a_lock_does_not_matter() -> None:
    pins = read_lock().decode().replace("\\\n", " ").splitlines()
    shuffled = random.Random(3).sample(pins, len(pins))
    assert bill("\n".join(shuffled).encode()) == bill(read_lock())
