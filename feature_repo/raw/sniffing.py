"""What a file's own bytes tell of it: separator, encoding, and what its columns look like."""

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.errors import UnreadableFile
from feature_repo.raw.reading import BOMS, COMPRESSED

SAMPLE = 1 << 22
ROWS = 20_000
MOST_CODES = 30
LONGEST_CODE = 24
DELIMITERS = (",", ";", "\t", "|")
FORMATS = (
    "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d/%m/%Y",
    "%d/%m/%Y %H:%M:%S", "%m/%d/%Y", "%Y/%m/%d", "%Y%m%d", "%d-%m-%Y", "%Y年%m月%d日", "%y%m%d",
)  # fmt: skip
ISO = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S")
AWARE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?")
LATIN_2 = frozenset(b"\xa9\xab\xae\xb9\xbb\xbe\xb1\xb3\xb6\xbf\xa3\xa6")  # letters there, signs in Latin-1


@dataclass(frozen=True)
class Sniffed:
    """A column: how many values, how many different, and the shape they all share.

    `shape` is time, epoch, number or text; `format` reads times, `unit` is the epoch's; `codes` counts the
    values of a short list.
    """

    name: str
    filled: int
    distinct: int
    shape: str = "text"
    format: str = ""
    ambiguous: bool = False
    decimal: str = "."
    thousands: str = ""
    codes: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Sheet:
    """A file: how to read it, and its columns as its first rows show them."""

    path: Path
    encoding: str
    delimiter: str
    rows: int
    columns: tuple[Sniffed, ...]
    more: tuple[str, ...] = ()
    """Names of other files of the same shape."""

    @property
    def shape(self) -> tuple[object, ...]:
        """What files of one source have in common."""
        kind = self.path.suffix == ".parquet"
        return kind, self.encoding, self.delimiter, *(column.name for column in self.columns)


def sniff(path: Path) -> Sheet:
    """Look at the first rows; UnreadableFile when they are no table."""
    if path.suffix == ".parquet":
        return _parquet(path)
    head = head_of(path)
    encoding = encoding_of(head)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head).removeprefix("\ufeff")
    if len(head) >= SAMPLE:
        text = text[: text.rfind("\n") + 1]
    delimiter = max(DELIMITERS, key=lambda sign: _fit(text, sign))
    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[: ROWS + 1]
    if not lines or not any(lines[0]):
        raise UnreadableFile(path.name, "it has no row of names")
    body = [line for line in lines[1:] if len(line) == len(lines[0])]
    columns = [_column(name.strip(), [line[at] for line in body]) for at, name in enumerate(lines[0])]
    return Sheet(path, encoding, delimiter, len(body), tuple(columns))


def _parquet(path: Path) -> Sheet:
    try:
        file = pq.ParquetFile(path)
        rows = next(file.iter_batches(ROWS), None)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFile(path.name, "it is no Parquet file that can be read") from error
    found = []
    for name in file.schema_arrow.names:
        values = [] if rows is None else rows.column(name).to_pylist()
        found.append(_column(name, ["" if value is None else str(value) for value in values]))
    return Sheet(path, "utf-8", ",", 0 if rows is None else rows.num_rows, tuple(found))


def head_of(path: Path) -> bytes:
    """The first bytes of a file, unpacked."""
    packed = COMPRESSED.get(path.suffix)
    with path.open("rb") as file:
        return bytes((pa.CompressedInputStream(file, packed) if packed else file).read(SAMPLE))


def encoding_of(head: bytes) -> str:
    """The encoding those bytes are most likely in."""
    for bom, name in BOMS.items():
        if head.startswith(bom):
            return "utf-8" if name == "utf-8-sig" else name
    for name in ("utf-8", "gb18030"):
        try:
            text = codecs.getincrementaldecoder(name)().decode(head)
        except UnicodeDecodeError:
            continue
        strange = [sign for sign in text if ord(sign) > 127]
        # A Latin letter and the one after it may read as a rare character; GB 2312 holds the common ones.
        common = "".join(strange).encode("gb2312", "ignore").decode("gb2312")
        if name == "utf-8" or len(common) > len(strange) * 0.9:
            return name
    return "latin2" if LATIN_2 & set(head) else "latin-1"


def _fit(text: str, delimiter: str) -> tuple[float, int]:
    """How many of the first rows have the header's width, and that width; one column is no table."""
    lines = list(csv.reader(io.StringIO(text[:100_000], newline=""), delimiter=delimiter))[:50]
    if not lines or len(lines[0]) < 2:
        return 0.0, 0
    whole = lines[:-1] if len(lines) > 2 and len(text) > 100_000 else lines
    return sum(len(line) == len(lines[0]) for line in whole) / len(whole), len(lines[0])


def _column(name: str, values: list[str]) -> Sniffed:
    filled = [value.strip() for value in values if value.strip()]
    counts = Counter(filled)
    told = {"name": name, "filled": len(filled), "distinct": len(counts)}
    few = len(counts) <= MOST_CODES and all(len(value) <= LONGEST_CODE for value in counts)
    codes = tuple(counts.most_common()) if filled and few else ()
    return _shaped(list(counts), told, codes)


def _shaped(values: list[str], told: dict[str, object], codes: tuple[tuple[str, int], ...]) -> Sniffed:
    if values and all(AWARE.fullmatch(value) for value in values):
        return Sniffed(**told, shape="time")  # type: ignore[arg-type]
    fitting = [one for one in FORMATS if values and all(_reads(value, one) for value in values)]
    if fitting:
        own = "" if fitting[0] in ISO else fitting[0]
        two = {"%d/%m/%Y", "%m/%d/%Y"} <= set(fitting)
        return Sniffed(**told, shape="time", format=own, ambiguous=two)  # type: ignore[arg-type]
    for unit, digits in (("s", 10), ("ms", 13)):
        if values and all(re.fullmatch(rf"1\d{{{digits - 1}}}", value) for value in values):
            return Sniffed(**told, shape="epoch", format=unit, codes=codes)  # type: ignore[arg-type]
    for decimal, thousands in ((".", ""), (",", "."), (".", ","), (",", " ")):
        group = re.escape(thousands) if thousands else "(?!)"
        number = rf"[+-]?(\d+|\d{{1,3}}({group}\d{{3}})+)({re.escape(decimal)}\d+)?"
        if values and all(re.fullmatch(number, value) for value in values):
            used = thousands if any(thousands and thousands in value for value in values) else ""
            return Sniffed(**told, shape="number", decimal=decimal, thousands=used, codes=codes)  # type: ignore[arg-type]
    return Sniffed(**told, codes=codes)  # type: ignore[arg-type]


def _reads(value: str, format: str) -> bool:
    if len(value) != {"%Y%m%d": 8, "%y%m%d": 6}.get(format, len(value)):
        return False
    try:
        return 1900 <= datetime.strptime(value, format).year < 2200  # noqa: DTZ007 - only whether it fits
    except ValueError:
        return False
