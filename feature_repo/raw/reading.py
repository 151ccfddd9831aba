"""A bank's files made readable: their encoding, shape and wholeness are known before a row is read.

Most CSV files go to DuckDB as they are. What it cannot read, or would read without a word about what is
wrong, is rewritten once as plain UTF-8, line by line: other encodings, mixed line ends, broken quotes, rows
with too few or too many cells. Rows that cannot be kept are set aside with their number and the reason.
"""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.errors import BankError, UnreadableFile
from feature_repo.raw.quarantine import Fault

CHUNK = 1 << 20
HEAD = 1 << 24
MOST_COLUMNS = 2_000
LONGEST_CELL = 1_000_000
LONGEST_LINE = 1 << 26
COMPRESSED = {".gz": "gzip", ".zst": "zstd"}
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
AS_IT_IS = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "ascii": "utf-8", "iso8859-1": "latin-1"}
BROKEN = Fault("", "broken quotes", "a quote within a cell is neither doubled nor closed")
MARK = "\udcff"  # a lone surrogate: no encoding gives it


class StillWriting(BankError, ValueError):
    """A source file changes, or ends in the middle of a row, while it is read."""

    def __init__(self, file: str, found: str) -> None:
        self.file, self.found = file, found
        super().__init__(
            f"File {file} is still being written: {found}. Wait until its export has ended and load again."
        )


@dataclass(frozen=True)
class Look:
    """What one pass over the bytes of a file tells."""

    size: int
    changed: int
    digest: str
    head: bytes
    plain: bool
    """UTF-8 or as declared, with one kind of line end and no NUL."""


@dataclass(frozen=True)
class Readable:
    """A file that DuckDB can read, and the rows of it that nobody can."""

    file: str
    path: Path
    look: Look
    columns: tuple[str, ...]
    delimiter: str = ","
    encoding: str = "utf-8"
    numbered: bool = False
    rejected: tuple[tuple[int, Fault], ...] = ()
    read_from: Path = field(default=Path(), compare=False)

    @property
    def is_parquet(self) -> bool:
        """Whether it is a Parquet file."""
        return self.path.suffix == ".parquet"

    def unchanged(self) -> None:
        """StillWriting when the file is not what it was at the first look."""
        now = self.path.stat()
        if (now.st_size, now.st_mtime_ns) != (self.look.size, self.look.changed):
            raise StillWriting(self.file, "its size or time has changed since the load began")


def look(path: Path, encoding: str = "utf-8") -> Look:
    """Read the file once: its SHA-256, its first bytes, and whether it is plain."""
    stat, total, head = path.stat(), sha256(), b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            total.update(chunk)
    crlf = lf = cr = nul = 0
    last = b""
    if path.suffix != ".parquet":
        with _bytes(path) as stream:
            while chunk := stream.read(CHUNK):
                if len(head) < HEAD:
                    head += chunk
                joined = last[-1:] + chunk
                crlf += joined.count(b"\r\n")
                lf += chunk.count(b"\n")
                cr += chunk.count(b"\r")
                nul += chunk.count(b"\0")
                last = chunk
    kinds = [crlf, lf - crlf, cr - crlf]
    declared = codecs.lookup(encoding).name
    plain = sum(kind > 0 for kind in kinds) <= 1 and not nul and declared in AS_IT_IS
    return Look(stat.st_size, stat.st_mtime_ns, total.hexdigest(), head, plain)


def readable(source: str, file: str, path: Path, seen: Look, delimiter: str, encoding: str) -> Readable:
    """The file with its columns; UnreadableFile names what is wrong with its first row."""
    if path.suffix == ".parquet":
        try:
            names = pq.read_schema(path).names
        except (pa.ArrowException, OSError) as error:
            raise UnreadableFile(
                source, f"{file} is no Parquet file that can be read ({_first_line(error)})"
            ) from error
        return Readable(file, path, seen, _checked(source, file, names), read_from=path)
    said = next((name for bom, name in BOMS.items() if seen.head.startswith(bom)), encoding)
    names = _header(source, file, seen.head, delimiter, said)
    return Readable(file, path, seen, _checked(source, file, names), delimiter, said, read_from=path)


def rewrite(source: str, given: Readable, place: Path) -> Readable:
    """The file as UTF-8 with a `_row` column in front, and the rows that had to be left out."""
    rejected: list[tuple[int, Fault]] = []
    width, row, kept = len(given.columns), 0, 0
    with place.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, lineterminator="\r\n")  # so that a cell with either sign is quoted
        writer.writerow(["_row", *given.columns])
        lines = _Lines(given)
        for row, cells in _rows(source, given, lines):
            fault = _broken(cells, width)
            if fault is None:
                kept += 1
                writer.writerow([row, *cells])  # type: ignore[misc]
            else:
                rejected.append((row, fault))
    if (
        rejected
        and rejected[-1][0] == row
        and not lines.ended
        and rejected[-1][1].value_class == "too few cells"
    ):
        raise StillWriting(given.file, "its last line ends within a row")
    if rejected and not kept:
        found = f"no row of {given.file} has {width} cells with separator {given.delimiter!r}"
        raise UnreadableFile(source, f"{found} and encoding {given.encoding}")
    return Readable(
        given.file, given.path, given.look, given.columns, ",", "utf-8", True, tuple(rejected), place
    )


class _Lines:
    """The physical lines of a file as text; what cannot be decoded is marked."""

    def __init__(self, given: Readable) -> None:
        self._given, self.ended = given, True

    def __iter__(self) -> Iterator[str]:
        with _bytes(self._given.path) as stream:
            text = io.TextIOWrapper(stream, self._given.encoding, errors=_marking(), newline="")
            while line := text.readline(LONGEST_LINE):
                self.ended = line.endswith(("\n", "\r"))
                yield line


def _rows(source: str, given: Readable, lines: Iterable[str]) -> Iterator[tuple[int, list[str] | Fault]]:
    """Data rows with their number; empty lines between rows are none."""
    limit = csv.field_size_limit(LONGEST_CELL)
    reader, row = csv.reader(lines, delimiter=given.delimiter, strict=True), 0
    try:
        next(reader)  # the header, which was read before
        while True:
            begun = reader.line_num
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                _hopeless(source, given.file, row + 1, str(error))
                for _ in range(begun, reader.line_num):
                    row += 1
                    yield row, BROKEN
                continue
            if cells:
                row += 1
                yield row, cells
    finally:
        csv.field_size_limit(limit)


def _hopeless(source: str, file: str, row: int, found: str) -> None:
    """Errors after which nothing can be said of the rows that follow."""
    if "field limit" in found:
        found = f"row {row} of {file} has a cell of more than {LONGEST_CELL:,} characters"
        raise UnreadableFile(source, f"{found}, or a quote that is never closed")
    if "unexpected end" in found:
        raise UnreadableFile(source, f"row {row} of {file} begins a quote that is never closed")


def _marking() -> str:
    """The name of the way to decode that marks bytes no character stands for."""
    codecs.register_error("bank.marked", lambda error: (MARK, getattr(error, "end", 0)))
    return "bank.marked"


def _broken(cells: list[str] | Fault, width: int) -> Fault | None:
    if isinstance(cells, Fault):
        return cells
    if len(cells) != width:
        kind = "too few cells" if len(cells) < width else "too many cells"
        return Fault("", kind, f"not the {width} cells of the header")
    if any(MARK in cell for cell in cells):
        return Fault("", "undecodable bytes", "bytes that are none of the declared encoding")
    if any("\0" in cell for cell in cells):
        return Fault("", "NUL byte", "a NUL stands within the text")
    return None


def _header(source: str, file: str, head: bytes, delimiter: str, encoding: str) -> list[str]:
    text = codecs.getincrementaldecoder(encoding)(_marking()).decode(head)
    limit = csv.field_size_limit(HEAD)
    try:
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error as error:
        raise UnreadableFile(source, f"the first line of {file} is no row of names ({error})") from error
    finally:
        csv.field_size_limit(limit)
    if any(MARK in name or "\0" in name for name in names):
        raise UnreadableFile(source, f"the first line of {file} is not {encoding}")
    return names


def _checked(source: str, file: str, names: list[str]) -> tuple[str, ...]:
    if len(names) > MOST_COLUMNS:
        found = f"{file} has {len(names):,} columns, more than {MOST_COLUMNS:,}"
        raise UnreadableFile(source, found)
    kept = [name.strip() or f"column{number}" for number, name in enumerate(names)]
    seen: set[str] = set()
    for name in kept:
        if name.casefold() in seen:
            raise UnreadableFile(source, f"two columns of {file} are named '{name[:60]}'")
        seen.add(name.casefold())
    return tuple(kept)


@contextmanager
def _bytes(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked."""
    try:
        packed: Any = COMPRESSED.get(path.suffix)
        with path.open("rb") as file:
            yield pa.CompressedInputStream(file, packed) if packed else file
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise StillWriting(path.name, f"it is cut off, or not {packed} at all") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0].strip().rstrip(".")[:200]
