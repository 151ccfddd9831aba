"""A folder is written beside its place and swapped in whole, or not at all."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path

from feature_repo.errors import NoSpace


@contextmanager
def landing(folder: Path) -> Iterator[Path]:
    """A draft folder that replaces `folder` when the block ends well, and vanishes otherwise.

    Raises NoSpace when the disk is full.
    """
    draft = folder.with_name(f".{folder.name}.draft-{os.getpid()}")
    _clear(folder)
    try:
        draft.mkdir(parents=True)
        yield draft
        _swap(draft, folder)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise NoSpace(folder.parent) from error
        raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def digest(folder: Path) -> str:
    """SHA-256 over the names and contents of the Parquet files below the folder."""
    total = sha256()
    for path in sorted(folder.rglob("*.parquet")):
        with path.open("rb") as file:
            total.update(
                f"{path.relative_to(folder).as_posix()} {file_digest(file, 'sha256').hexdigest()}\n".encode()
            )
    return total.hexdigest()


def _clear(folder: Path) -> None:
    """Put back or remove what a process that was killed has left beside the folder."""
    left_behind = re.compile(re.escape(f".{folder.name}.") + r"(draft|old)-(\d+)")
    for left in sorted(folder.parent.glob(f".{folder.name}.*")):
        found = left_behind.fullmatch(left.name)
        if found is None or (int(found[2]) != os.getpid() and _runs(int(found[2]))):
            continue
        if found[1] == "old" and not folder.exists():
            left.replace(folder)
        shutil.rmtree(left, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError as error:
        return error.errno == errno.EPERM  # it runs, for somebody else
    return True


def _swap(draft: Path, folder: Path) -> None:
    old = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    if folder.exists():
        folder.replace(old)
    draft.replace(folder)
    shutil.rmtree(old, ignore_errors=True)
