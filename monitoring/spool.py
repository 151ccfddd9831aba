"""A worker's spool: decisions kept aside, encrypted and forced to the disk, while the log cannot be written.

A file of frames, one for each commit: length, check of length and place, nonce, ciphertext
(AES-256-GCM-SIV). A frame belongs to its place in the file of its worker, so none can be moved, left out
before another or changed unseen. What was torn at the end was never acknowledged and is dropped. Whoever
uses a spool locks its file: one that nobody locks was left by a process that ended.
"""

import fcntl
import json
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from crm_rules.governance import drafts
from feature_repo.settings import Settings
from monitoring.decision_log import Record
from monitoring.errors import BadSpoolKey, SpoolFull

KEY_FILE = "spool.key"
SUFFIX, DAMAGED = ".spool", ".damaged"
AGAIN = "~"  # between the worker and a number, where a living process has the worker's own file
MOST_OF_A_WORKER = 100
HEADER, NONCE = struct.Struct(">II"), 12


@dataclass(frozen=True)
class Frame:
    """What one commit kept aside; `records` is None where it cannot be read as it was written."""

    end: int
    records: tuple[Record, ...] | None


class Cipher:
    """Seals and opens the frames of one worker's spool."""

    def __init__(self, key: bytes, worker: str) -> None:
        self._cipher, self._worker = AESGCMSIV(key), worker.encode()

    def seal(self, place: int, records: Sequence[Record]) -> bytes:
        """A frame that begins at a place of the file."""
        nonce = os.urandom(NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, _packed(records), self._about(place))
        return HEADER.pack(len(sealed), _check(len(sealed), place)) + sealed

    def open(self, place: int, sealed: bytes) -> tuple[Record, ...] | None:
        """What was sealed there; None where it is something else."""
        try:
            return _unpacked(self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], self._about(place)))
        except (InvalidTag, ValueError):
            return None

    def _about(self, place: int) -> bytes:
        return b"decision spool|%d|%b" % (place, self._worker)


def frames(descriptor: int, cipher: Cipher, start: int, end: int) -> Iterator[Frame]:
    """The whole frames of a file between two places; what is torn at the end is none."""
    while start + HEADER.size <= end:
        length, check = _header(descriptor, start)
        if check != _check(length, start):
            start = _next_frame(descriptor, start + 1, end)
            yield Frame(start, None)
            continue
        after = start + HEADER.size + length
        if after > end:
            return
        yield Frame(after, cipher.open(start, os.pread(descriptor, length, start + HEADER.size)))
        start = after


def _next_frame(descriptor: int, start: int, end: int) -> int:
    """Where the next frame begins after one whose length was altered; the end where none does."""
    whole, end = end, min(end, os.fstat(descriptor).st_size)  # somebody may have cut it
    while start + HEADER.size <= end:
        length, check = _header(descriptor, start)
        if check == _check(length, start):
            return start
        start += 1
    return whole


def _header(descriptor: int, start: int) -> tuple[int, int]:
    """Length and check of a frame; zeros, which belong to none, where the file was cut meanwhile."""
    length, check = HEADER.unpack(os.pread(descriptor, HEADER.size, start).ljust(HEADER.size, b"\0"))
    return length, check


class Spool:
    """A spool in use by this process. `append` and `clear` are called by one thread at a time.

    `limit` is the size in bytes it never exceeds.
    """

    def __init__(self, path: Path, cipher: Cipher, limit: int) -> None:
        self.path, self._cipher, self.limit = path, cipher, limit
        self._descriptor = locked(path)
        self.end = 0
        self._ids = set[str]()
        self.oldest: str | None = None
        try:
            for frame in self.frames(0, os.fstat(self._descriptor).st_size):
                self._count(frame.end, frame.records or ())
            os.ftruncate(self._descriptor, self.end)
        except BaseException:
            os.close(self._descriptor)
            raise

    @property
    def waiting(self) -> int:
        """How many decisions it holds."""
        return len(self._ids)

    def held(self, records: Sequence[Record]) -> set[str]:
        """The ids of these records that it holds, or that are there twice."""
        ids = [each.decision_id for each in records]
        twice = {each for each in ids if ids.count(each) > 1} if len(set(ids)) < len(ids) else set[str]()
        return twice | self._ids.intersection(ids)

    def append(self, records: Sequence[Record]) -> None:
        """Make records durable in one write; SpoolFull, and none is kept, when that cannot be."""
        frame = self._cipher.seal(self.end, records)
        if self.end + len(frame) > self.limit:
            raise SpoolFull(self.path, f"the spool holds {self.waiting:,} decisions and is full")
        try:
            if not self._is_there():
                self._put_back()
            _write_all(self._descriptor, frame, self.end)
            os.fsync(self._descriptor)
        except OSError as error:
            self._cut()
            raise SpoolFull(self.path, str(error.strerror)) from error
        self._count(self.end + len(frame), records)

    def require_room(self, size: int) -> None:
        """SpoolFull unless so many bytes more could be kept now; nothing is."""
        if self.end + size > self.limit:
            raise SpoolFull(self.path, f"the spool holds {self.waiting:,} decisions and is full")
        try:
            os.posix_fallocate(self._descriptor, self.end, size)
        except OSError as error:
            raise SpoolFull(self.path, str(error.strerror)) from error
        finally:
            self._cut()

    def frames(self, start: int, end: int | None = None) -> Iterator[Frame]:
        """The frames from a place on, up to now."""
        return frames(self._descriptor, self._cipher, start, self.end if end is None else end)

    def clear(self) -> None:
        """Everything is in the log: begin anew."""
        os.ftruncate(self._descriptor, 0)
        os.fsync(self._descriptor)
        self.end, self.oldest = 0, None
        self._ids.clear()

    def set_aside(self) -> Path:
        """Keep a copy of a spool that was altered, for people to look at; the same content once."""
        content = os.pread(self._descriptor, self.end, 0)
        path = self.path.with_name(f"{self.path.name}-{zlib.crc32(content):08x}{DAMAGED}")
        drafts.replace(path, content, 0o600)
        return path

    def close(self) -> None:
        """Give the file back; done again it does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _count(self, end: int, records: Sequence[Record]) -> None:
        self.oldest = self.oldest or (records[0].at if records else None)
        self.end = end
        self._ids.update(each.decision_id for each in records)

    def _is_there(self) -> bool:
        """Whether the file still lies where others look for it."""
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def _put_back(self) -> None:
        """Lay the file down again where it was removed: what it holds is acknowledged, and must be found."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = locked(self.path)
        try:
            os.ftruncate(descriptor, 0)
            _write_all(descriptor, os.pread(self._descriptor, self.end, 0), 0)
            os.fsync(descriptor)
            _force_to_disk(self.path.parent)
            os.dup2(descriptor, self._descriptor, inheritable=False)  # the lock goes with it
        finally:
            os.close(descriptor)

    def _cut(self) -> None:
        """Take back half a write; where even that fails the next one overwrites it."""
        try:
            os.ftruncate(self._descriptor, self.end)
        except OSError:
            return


@dataclass(frozen=True)
class Spools:
    """Where the spools of all workers lie, the file of their key, and how large each may be, in bytes."""

    folder: Path
    key_file: Path
    limit: int

    @classmethod
    def of(cls, settings: Settings) -> "Spools":
        """Where these settings say."""
        return cls(settings.decisions / "spool", settings.keys / KEY_FILE, settings.spool_mb << 20)

    def open(self, worker: str) -> Spool:
        """The worker's spool, made when there is none; another one where a living process has it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        cipher = Cipher(self.key(), worker)
        for number in range(MOST_OF_A_WORKER):
            again = f"{AGAIN}{number}" if number else ""
            try:
                opened = Spool(self.folder / f"{worker}{again}{SUFFIX}", cipher, self.limit)
            except BlockingIOError:
                continue
            _force_to_disk(self.folder)
            return opened
        raise SpoolFull(self.folder, f"{MOST_OF_A_WORKER} living processes have a spool of {worker}")

    def left(self) -> Iterator[tuple[str, Spool]]:
        """The spools, with their workers, of processes that ended and left decisions in them."""
        for path in self.paths():
            if path.stat().st_size:
                try:
                    yield worker_of(path), Spool(path, Cipher(self.key(), worker_of(path)), self.limit)
                except BlockingIOError:
                    continue

    def paths(self) -> tuple[Path, ...]:
        """The files of all spools, by name."""
        return tuple(sorted(self.folder.glob(f"*{SUFFIX}")))

    def damaged(self) -> tuple[Path, ...]:
        """The copies of spools that were altered."""
        return tuple(sorted(self.folder.glob(f"*{DAMAGED}")))

    def read(self, path: Path) -> Iterator[Frame]:
        """The frames of a spool that another process may be writing at this moment."""
        with path.open("rb") as file:
            descriptor, cipher = file.fileno(), Cipher(self.key(), worker_of(path))
            yield from frames(descriptor, cipher, 0, os.fstat(descriptor).st_size)

    def find(self, decision_id: str) -> bytes | None:
        """The payload of a decision that waits in a spool; None where none has it."""
        for path in self.paths():
            if path.stat().st_size:
                for frame in self.read(path):
                    for record in frame.records or ():
                        if record.decision_id == decision_id:
                            return record.payload
        return None

    def key(self) -> bytes:
        """The key of all spools, made when there is none; BadSpoolKey."""
        try:
            if not self.key_file.exists():
                if any(path.stat().st_size for path in self.paths()):
                    raise BadSpoolKey(self.key_file, "is gone, and decisions wait that it seals")
                drafts.create(self.key_file, os.urandom(32).hex().encode() + b"\n", 0o600)
        except FileExistsError:
            pass  # another process was first
        if self.key_file.stat().st_mode & 0o077:
            raise BadSpoolKey(self.key_file, "is open to other users")
        try:
            key = bytes.fromhex(self.key_file.read_text("ascii"))
        except ValueError:
            key = b""
        if len(key) != 32:
            raise BadSpoolKey(self.key_file, "holds no key of 32 bytes")
        return key


def worker_of(path: Path) -> str:
    """The worker whose spool a file is.

    >>> worker_of(Path("worker-1.spool")), worker_of(Path("worker-1~2.spool"))
    ('worker-1', 'worker-1')
    """
    return path.stem.split(AGAIN)[0]


def locked(path: Path) -> int:
    """A descriptor of the file, which is made and locked; BlockingIOError when a process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _force_to_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes, place: int) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(descriptor, data[written:], place + written)


def _check(length: int, place: int) -> int:
    return zlib.crc32(b"%d|%d" % (length, place))


def _packed(records: Sequence[Record]) -> bytes:
    told = [[r.decision_id, r.at, r.use_case, r.customer_id, len(r.payload)] for r in records]
    return json.dumps(told).encode() + b"\n" + b"".join(r.payload for r in records)


def _unpacked(data: bytes) -> tuple[Record, ...]:
    head, _, payloads = data.partition(b"\n")
    found, start = [], 0
    for decision_id, at, use_case, customer_id, length in json.loads(head):
        found.append(Record(decision_id, at, use_case, customer_id, payloads[start : start + length]))
        start += length
    return tuple(found)
