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
        self._files: dict[str, _File] = {}
        self._turns: dict[str, threading.RLock] = {}
        weakref.finalize(self, _close, self._files)

    def names(self) -> tuple[str, ...]:
        """The chains that have a head here."""
        return tuple(sorted(path.stem for path in self.folder.glob("*.head")))

    def known(self, chain: str) -> bool:
        """Whether the chain has a head here."""
        return self._read(chain) is not None

    def read(self, chain: str) -> Head:
        """The newest head; the beginning where there is no file, BrokenHead where none can be read in it."""
        return self._read(chain) or Head()

    def write(self, chain: str, head: Head) -> None:
        """Keep a newer head; an older one than is there changes nothing."""
        now = self._read(chain)
        if now is None:
            slots = [_slot(chain, Head()), _slot(chain, Head())]
            slots[head.seq % 2] = _slot(chain, head)
            drafts.replace(self.folder / f"{chain}.head", b"".join(slots), 0o600)
        elif head.seq > now.seq:
            file = self._file(f"{chain}.head", 0)
            file.put(SLOT * (head.seq % 2), _slot(chain, head), head)
            if self._durable:
                os.fsync(file.descriptor)

    @contextmanager
    def turn(self, chain: str) -> Iterator[None]:
        """Between threads and processes of this machine, only one appends to the chain and moves its head."""
        with self._turns.setdefault(chain, threading.RLock()):
            descriptor = self._file(f"{chain}.lock", os.O_CREAT).descriptor
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _read(self, chain: str) -> Head | None:
        path = self.folder / f"{chain}.head"
        try:
            file = self._file(path.name, 0)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BrokenHead(path) from error
        content = os.pread(file.descriptor, 2 * SLOT, 0)
        if content != file.content:  # another process wrote since
            file.head = _newest(path, content)
            file.content = content
        return file.head

    def _file(self, name: str, flags: int) -> "_File":
        """The open file of that name, opened again when another was put in its place."""
        file = self._files.get(name)
        if file is None or not file.is_there():
            if flags:
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = str(self.folder / name)
            opened = _File(path, os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600))
            if file is not None:
                os.close(file.descriptor)
            file = self._files[name] = opened
        return file


class _File:
    """An open file; of a head, what was last read from it."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.descriptor, self.head = descriptor, Head()
        self.content: bytes | None = None
        self._path, self._which = path, os.fstat(descriptor).st_ino

    def put(self, at: int, slot: bytes, head: Head) -> None:
        os.pwrite(self.descriptor, slot, at)
        if self.content is not None:
            self.content = self.content[:at] + slot + self.content[at + SLOT :]
        self.head = head

    def is_there(self) -> bool:
        try:
            return os.stat(self._path).st_ino == self._which
        except FileNotFoundError:
            return False


def _close(files: "dict[str, _File]") -> None:
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
        return tuple(_newest(path, _content(path)) for path in paths if path.exists())


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(2 * SLOT)  # never more, whatever it became
    except OSError as error:
        raise BrokenHead(path) from error


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
