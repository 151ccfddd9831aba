"""The heads of chains, kept in files outside every database: what was there once must be there still.

A head says: entry `seq` of that chain has this link. It covers the whole chain up to there, so any copy of
it, however old, shows a cut tail and a rewritten past. Copy the folder to where the database's administrator
cannot write, and `bank audit verify --heads COPY` holds the chains against it.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crm_rules.errors import BrokenHead
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
    itself is forced to the disk for every entry and speed matters.
    """

    def __init__(self, folder: Path, durable: bool = True) -> None:
        self.folder, self._durable = folder, durable

    def names(self) -> tuple[str, ...]:
        """The chains that have a head here."""
        return tuple(sorted(path.stem for path in self.folder.glob("*.head")))

    def known(self, chain: str) -> bool:
        """Whether the chain has a head here."""
        return self._path(chain).exists()

    def read(self, chain: str) -> Head:
        """The newest head; the beginning where there is no file, BrokenHead where none can be read in it."""
        try:
            content = self._path(chain).read_bytes()
        except FileNotFoundError:
            return Head()
        found = [head for at in (0, SLOT) if (head := _parsed(chain, content[at : at + SLOT]))]
        if not found:
            raise BrokenHead(self._path(chain))
        return max(found, key=lambda head: head.seq)

    def write(self, chain: str, head: Head) -> None:
        """Keep a newer head; an older one than is there changes nothing."""
        now = self.read(chain)
        if self.known(chain) and head.seq <= now.seq:
            return
        path = self._path(chain)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(descriptor, _slot(chain, head), SLOT * (head.seq % 2))
            if self._durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def turn(self, chain: str) -> Iterator[None]:
        """Between processes of this machine, only one appends to the chain and moves its head at a time."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.folder / f"{chain}.lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _path(self, chain: str) -> Path:
        return self.folder / f"{chain}.head"


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
