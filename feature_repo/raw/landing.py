"""A folder is written beside its place and swapped in whole, or not at all, by one writer at a time."""

import ctypes
import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path, PurePosixPath

from feature_repo.errors import BankError, NoSpace

EXCHANGE, HERE = 2, -100
"""RENAME_EXCHANGE and AT_FDCWD of renameat2(2)."""


class BeingWritten(BankError, BlockingIOError):
    """Another process is writing the same folder."""

    def __init__(self, folder: Path, process: str) -> None:
        self.folder = folder
        super().__init__(
            f"Folder {folder} is being written by process {process}. Wait until it has ended and run again."
        )


@contextmanager
def landing(folder: Path) -> Iterator[Path]:
    """A draft folder that replaces `folder` when the block ends well, and vanishes otherwise.

    Whoever reads `folder` sees the old one or the new one, also when this process is killed.
    Raises BeingWritten while another process lands there, NoSpace when the disk is full.
    """
    draft = folder.with_name(f".{folder.name}.draft-{os.getpid()}")
    try:
        if not folder.parent.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            _clear(folder)
            try:
                draft.mkdir()
                yield draft
                _settle(draft)
                _swap(draft, folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        if error.errno == errno.ENOSPC and not isinstance(error, NoSpace):
            raise NoSpace(folder.parent) from error
        raise


def carry(folder: Path, draft: Path) -> None:
    """Give the draft everything the folder holds; Parquet files are shared, and so never written to."""
    for path in sorted(folder.rglob("*")):
        place = draft / path.relative_to(folder)
        if path.is_dir():
            place.mkdir(exist_ok=True)
        elif path.suffix == ".parquet":
            _share(path, place)
        else:
            shutil.copy2(path, place)


def digests(folder: Path, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """SHA-256 of every Parquet file below the folder by its relative path; what is known is not read."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet"))
    return {name: (known or {}).get(name) or file_sha256(folder / name) for name in names}


def digest(folder: Path) -> str:
    """SHA-256 over the names and contents of the Parquet files below the folder."""
    return digest_of(digests(folder))


def digest_of(files: Mapping[str, str]) -> str:
    """The same from the digests of the files.

    >>> digest_of({"b/1.parquet": "02", "a/1.parquet": "01"})[:12]
    '5c6c8599a8fb'
    """
    ordered = sorted(files, key=PurePosixPath)
    return sha256("".join(f"{name} {files[name]}\n" for name in ordered).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel lets go of it when the process ends, however it ends."""
    path = folder.with_name(f".{folder.name}.lock")
    while True:
        held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            process = os.pread(held, 20, 0).decode() or "that has just begun"
            os.close(held)
            raise BeingWritten(folder, process) from error
        if path.exists() and os.path.samestat(os.fstat(held), path.stat()):
            break
        os.close(held)  # its last holder has just removed it
    try:
        os.pwrite(held, str(os.getpid()).encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(held)


def _share(path: Path, place: Path) -> None:
    try:
        os.link(path, place)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV):
            raise
        shutil.copy2(path, place)  # a file system without hard links


def _clear(folder: Path) -> None:
    """Put back or remove what a process that was killed has left beside the folder; we hold its lock."""
    left_behind = re.compile(re.escape(f".{folder.name}.") + r"(draft|old)-\d+")
    for left in sorted(folder.parent.glob(f".{folder.name}.*")):
        if (found := left_behind.fullmatch(left.name)) is None:
            continue
        if found[1] == "old" and not folder.exists():
            left.replace(folder)
        shutil.rmtree(left, ignore_errors=True)


def _settle(draft: Path) -> None:
    """What is new reaches the disk before it is named."""
    for path in sorted(draft.rglob("*")):
        if path.is_dir() or path.stat().st_nlink == 1:
            _sync(path)
    _sync(draft)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _swap(draft: Path, folder: Path) -> None:
    """Change places in one step; the draft's name then holds the old folder, which the caller removes."""
    if not folder.exists():
        draft.replace(folder)
    elif not _exchange(draft, folder):  # a system without renameat2: `_clear` mends a kill between the two
        old = folder.with_name(f".{folder.name}.old-{os.getpid()}")
        folder.replace(old)
        draft.replace(folder)
        shutil.rmtree(old, ignore_errors=True)
    _sync(folder.parent)


def _exchange(one: Path, other: Path) -> bool:
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    return bool(rename(HERE, os.fsencode(one), HERE, os.fsencode(other), EXCHANGE) == 0)
