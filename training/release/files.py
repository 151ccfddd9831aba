"""Bounded reading and all-or-nothing writing of the folders a release is made of."""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from feature_repo.errors import NoSpace
from training.release.errors import BrokenRelease

MOST_BYTES = 4 * 1024 * 1024
MOST_TOGETHER = 512 * 1024 * 1024
MOST_FILES = 200


def list_files(folder: Path) -> tuple[str, ...]:
    """Every file below `folder`, as sorted relative paths with '/'.

    BrokenRelease for anything that is no plain file or folder (a link, a socket), for an empty folder,
    and for more than 200 files: a release is small and plain.
    """
    found: list[str] = []
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        before = len(found) + len(waiting)
        with os.scandir(place) as entries:
            for entry in entries:
                if len(found) + len(waiting) >= MOST_FILES:
                    raise BrokenRelease(str(folder), f"it holds more than {MOST_FILES} files")
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    found.append(Path(entry.path).relative_to(folder).as_posix())
                else:
                    raise BrokenRelease(entry.path, "it is a link or a special file")
        if place != folder and len(found) + len(waiting) == before:
            raise BrokenRelease(str(place), "it is an empty folder")
    return tuple(sorted(found))


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """A file's content, read once; BrokenRelease when it is a link, no file, or above `most` bytes.

    Its size is looked at before anything of it is read, and again while it is read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise BrokenRelease(str(path), f"it cannot be opened ({error.strerror})") from error
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise BrokenRelease(str(path), "it is no plain file")
        content = file.read(most + 1) if status.st_size <= most else b""
    if max(len(content), status.st_size) > most:
        raise BrokenRelease(str(path), f"it is larger than {most} bytes")
    return content


def read_all(folder: Path, limits: Mapping[str, int]) -> dict[str, bytes]:
    """The files of `limits` (relative path -> most bytes) by path, none read before all are small enough."""
    sizes = {}
    for path, most in limits.items():
        try:
            sizes[path] = os.lstat(folder / path).st_size
        except OSError as error:
            raise BrokenRelease(str(folder / path), f"it cannot be opened ({error.strerror})") from error
        if sizes[path] > most:
            raise BrokenRelease(str(folder / path), f"it is larger than {most} bytes")
    if sum(sizes.values()) > MOST_TOGETHER:
        raise BrokenRelease(str(folder), f"its files are larger than {MOST_TOGETHER} bytes together")
    return {path: read_bytes(folder / path, most) for path, most in limits.items()}


@contextmanager
def draft_folder(beside: Path) -> Iterator[Path]:
    """A new folder next to the final one, removed again unless it was renamed away."""
    beside.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=beside))
    try:
        yield draft
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise NoSpace(beside) from error
        raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write every file of `files` (relative path -> content) and force it to the disk."""
    for relative, content in files.items():
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` to `path` in one step: a reader sees the old file or the new one, whole."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        write_files(draft.parent, {draft.name: content})
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise NoSpace(path) from error
        raise
    finally:
        draft.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Force a folder's list of names to the disk, so that a rename survives a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
