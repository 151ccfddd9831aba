"""The heads of chains, kept in files outside every database: what was there once must be there still.

A head says: entry `seq` of that chain has this link. It covers the whole chain up to there, so any copy of
it, however old, shows a cut tail and a rewritten past. Copy the folder to where the database's administrator
cannot write, and `bank audit verify --heads COPY` holds the chains against it.
"""

import fcntl
import json
import os
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crm_rules.errors import BrokenHead
from crm_rules.governance import drafts
from crm_rules.governance.chain import GENESIS, canonical, digest

SLOT = 256  # bytes; a file has two, written in turn, so that a torn write leaves the one before


@dataclass(frozen=True)
class Head:
    """The last entry that was anchored; `link` is hexadecimal, of 64 signs."""

    seq: int = 0
    link: str = GENESIS


class Heads:
    """A folder with one file for each chain. `durable` forces each head to the disk before it counts.

    Without it a head survives the end of the process but not a power cut, which is right where the chain
    itself is forced to the disk for every entry and speed matters. Files stay open between appends.
    """

    def __init__(self, folder: Path, durable: bool = True) -> None:
        self.folder, self._durable = folder, durable
        self._files: dict[Path, _File] = {}
        self._turns: dict[str, threading.RLock] = {}
        weakref.finalize(self, _close, self._files)

    def names(self) -> tuple[str, ...]:
        """The chains that have a head here."""
        return tuple(sorted(path.stem for path in self.folder.glob("*.head")))

    def known(self, chain: str) -> bool:
        """Whether the chain has a head here."""
        return self._path(chain).exists()

    def read(self, chain: str) -> Head:
        """The newest head; the beginning where there is no file, BrokenHead where none can be read in it."""
        return self._read(chain) or Head()

    def write(self, chain: str, head: Head) -> None:
        """Keep a newer head; an older one than is there changes nothing."""
        now, path = self._read(chain), self._path(chain)
        if now is None:
            slots = [_slot(chain, Head()), _slot(chain, Head())]
            slots[head.seq % 2] = _slot(chain, head)
            drafts.replace(path, b"".join(slots), 0o600)
        elif head.seq > now.seq:
            self._file(path).put(SLOT * (head.seq % 2), _slot(chain, head), head)
            if self._durable:
                os.fsync(self._file(path).descriptor)

    @contextmanager
    def turn(self, chain: str) -> Iterator[None]:
        """Between threads and processes of this machine, only one appends to the chain and moves its head."""
        with self._turns.setdefault(chain, threading.RLock()):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = self._file(self.folder / f"{chain}.lock").descriptor
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _read(self, chain: str) -> Head | None:
        path = self._path(chain)
        try:
            file = self._file(path, make=False)
        except FileNotFoundError:
            return None
        content = os.pread(file.descriptor, 2 * SLOT, 0)
        if content != file.content:  # another process wrote since
            file.content, file.head = content, _newest(path, content)
        return file.head

    def _file(self, path: Path, make: bool = True) -> "_File":
        """The open file at that path, opened again when another was put in its place."""
        file = self._files.get(path)
        if file is None or not file.is_at(path):
            flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if make else 0)
            opened = _File(os.open(path, flags, 0o600))
            if file is not None:
                os.close(file.descriptor)
            file = self._files[path] = opened
        return file

    def _path(self, chain: str) -> Path:
        return self.folder / f"{chain}.head"


class _File:
    """An open file; of a head, what was last read from it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor, self.head = descriptor, Head()
        self.content: bytes | None = None
        self._which = os.fstat(descriptor).st_ino

    def put(self, at: int, slot: bytes, head: Head) -> None:
        os.pwrite(self.descriptor, slot, at)
        if self.content is not None:
            self.content = self.content[:at] + slot + self.content[at + SLOT :]
        self.head = head

    def is_at(self, path: Path) -> bool:
        try:
            return os.stat(path).st_ino == self._which
        except FileNotFoundError:
            return False


def _close(files: "dict[Path, _File]") -> None:
    for file in files.values():
        os.close(file.descriptor)


class Anchors:
    """The heads of this bank and of copies of them kept elsewhere: what chains are held against."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)

    def names(self, prefix: str = "") -> tuple[str, ...]:
        """The chains that have a head in any folder, by name."""
        found = {path.stem for folder in self._folders for path in folder.glob(f"{prefix}*.head")}
        return tuple(sorted(found))

    def of(self, chain: str) -> tuple[Head, ...]:
        """The heads of one chain, none where it has no head; BrokenHead where one cannot be read."""
        paths = [folder / f"{chain}.head" for folder in self._folders]
        return tuple(_newest(path, path.read_bytes()) for path in paths if path.exists())


def _newest(path: Path, content: bytes) -> Head:
    found = [head for at in (0, SLOT) if (head := _parsed(path.stem, content[at : at + SLOT]))]
    if not found:
        raise BrokenHead(path)
    return max(found, key=lambda head: head.seq)


def _slot(chain: str, head: Head) -> bytes:
    told = {"chain": chain, "link": head.link, "seq": head.seq}
    line = canonical({**told, "check": digest(canonical(told))[:16]})
    return line.ljust(SLOT - 1) + b"\n"


def _parsed(chain: str, slot: bytes) -> Head | None:
    try:
        told = json.loads(slot)
        head = Head(told["seq"], told["link"])
        return head if _slot(chain, head) == slot else None
    except (ValueError, KeyError, TypeError):
        return None
