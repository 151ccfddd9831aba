"""A file read as a table of text: separator and encoding are found, nothing is guessed about its columns."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from feature_repo.raw.reading import COMPRESSED
from feature_repo.raw.sniffing import SAMPLE, encoding_of, head_of
from training.table.errors import UnreadableTable

SEPARATORS = (";", "\t", "|", ",")
SPACES = r"\s+"
SPOKEN = {"tab": "\t", "\\t": "\t", "space": SPACES, " ": SPACES, "comma": ",", "semicolon": ";", "pipe": "|"}
NAMES = {"\t": "tab", SPACES: "spaces"}
MOST_COLUMNS = 5_000
FOREIGN = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
}


@dataclass(frozen=True)
class Sheet:
    """A file's columns as they stand: text, or the types of a Parquet file. `notes` are worth a warning."""

    path: Path
    digest: str
    columns: pa.Table
    form: str
    decimal_comma: bool
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.columns.num_rows)

    @property
    def names(self) -> list[str]:
        """The names of its columns."""
        return list(self.columns.column_names)


def read(path: Path, separator: str | None = None, header: bool = True) -> Sheet:
    """The table in a CSV, TSV, space-separated or Parquet file, gzipped or not; UnreadableTable otherwise."""
    if not path.is_file():
        raise UnreadableTable(path, "there is no such file", "Check the path.")
    digest, magic = _digest(path)
    if magic.startswith(b"PAR1"):
        return Sheet(path, digest, _parquet(path), "Parquet", False)
    for begins, what in FOREIGN.items():
        if magic.startswith(begins):
            raise UnreadableTable(path, f"it is {what}", "Save the table as CSV or Parquet.")
    return _text_sheet(path, digest, separator, header)


def _text_sheet(path: Path, digest: str, separator: str | None, header: bool) -> Sheet:
    head = _head(path)
    encoding = encoding_of(head)
    text = head.decode(encoding, "replace").removeprefix("\ufeff")
    text = text[: text.rfind("\n") + 1] if len(head) >= SAMPLE else text
    if "\0" in text:
        raise UnreadableTable(path, "it holds bytes that are no text", "Save the table as CSV or Parquet.")
    sign = SPOKEN.get(separator, separator) if separator else found_separator(text)
    if sign is None or (sign != SPACES and len(sign) != 1):
        raise UnreadableTable(path, "no separator parts its lines evenly", "Name it, e.g. --sep ';'.")
    names, notes = _names(_cells(text, sign), header)
    if sign == SPACES:
        table = _spaced(path, names, encoding, header)
    else:
        table = _separated(path, names, encoding, header, sign)
    form = f"separated by {NAMES.get(sign, repr(sign))}, {encoding}"
    return Sheet(path, digest, table, form, sign == ";", notes)


def _digest(path: Path) -> tuple[str, bytes]:
    """SHA-256 of the file, and its first bytes."""
    total = sha256()
    with path.open("rb") as file:
        magic = file.read(8)
        file.seek(0)
        while chunk := file.read(1 << 20):
            total.update(chunk)
    return total.hexdigest(), magic


def _head(path: Path) -> bytes:
    try:
        head = head_of(path)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableTable(path, f"it cannot be unpacked ({_brief(error)})", "Export it again.") from error
    if not head.strip():
        raise UnreadableTable(path, "it is empty", "Export it again.")
    return head


def found_separator(text: str) -> str | None:
    r"""The sign that parts the first lines evenly, into the most cells; None when there is none.

    >>> found_separator("a;b\n1,5;2,5\n"), found_separator("A11 6\nA12 48\n"), found_separator("a\n1\n")
    (';', '\\s+', None)
    """
    lines = text[:200_000].splitlines()[:200]
    found: list[tuple[float, int, str]] = []
    for sign in (*SEPARATORS, SPACES):
        widths = [len(_cells(line, sign)) for line in lines if line.strip()]
        if widths and widths[0] > 1:
            even = sum(width == widths[0] for width in widths) / len(widths)
            found.append((round(even, 2), 0 if sign == SPACES else 1, sign))
    best = max(found, key=lambda each: each[:2], default=None)
    if best is None or best[0] < 0.5:
        return None
    rivals = [sign for even, text_like, sign in found if (even, text_like) == best[:2]]
    return min(rivals, key=SEPARATORS.index) if best[1] else best[2]


def _cells(text: str, sign: str) -> list[str]:
    if sign == SPACES:
        return text.splitlines()[0].split() if text.strip() else []
    return next(csv.reader(io.StringIO(text, newline=""), delimiter=sign), [])


def _names(first: Sequence[str], header: bool) -> tuple[list[str], tuple[str, ...]]:
    """The columns' names: those of the first row, made different, or column_1, column_2, ..."""
    if not header:
        return [f"column_{number}" for number in range(1, len(first) + 1)], ()
    names: list[str] = []
    for number, given in enumerate(first, start=1):
        name = given.strip() or f"column_{number}"
        while name in names:
            name += "_2"
        names.append(name)
    notes: tuple[str, ...] = ()
    if changed := [new for new, old in zip(names, first, strict=True) if new != old.strip()]:
        notes += (f"Names that were empty or given twice are now {', '.join(changed)}.",)
    if sum(_is_number(name) for name in first) >= max(2, len(first) / 5):
        notes += ("The first row looks like data, not like names: give --no-header if it is.",)
    return names, notes


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _separated(path: Path, names: list[str], encoding: str, header: bool, sign: str) -> pa.Table:
    try:
        with pa.input_stream(str(path), compression=COMPRESSED.get(path.suffix)) as stream:
            return arrow_csv.read_csv(
                stream,
                arrow_csv.ReadOptions(column_names=names, skip_rows=int(header), encoding=encoding),
                arrow_csv.ParseOptions(delimiter=sign, newlines_in_values=True),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
                ),
            )
    except (pa.ArrowException, OSError, UnicodeError) as error:
        way_out = "Correct that row, or name the separator by --sep."
        raise UnreadableTable(path, _brief(error), way_out) from error


def _spaced(path: Path, names: list[str], encoding: str, header: bool) -> pa.Table:
    try:
        frame = pd.read_csv(path, sep=SPACES, header=None, names=names, skiprows=int(header), dtype=str,
                            keep_default_na=False, index_col=False, encoding=encoding,
                            on_bad_lines="error")  # fmt: skip
    except (ValueError, OSError) as error:
        raise UnreadableTable(path, _brief(error), "Correct that row, or name --sep.") from error
    return pa.Table.from_pandas(frame.astype("string"), preserve_index=False)


def _parquet(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableTable(path, _brief(error), "Write it again.") from error
    if table.num_columns > MOST_COLUMNS:
        raise UnreadableTable(path, f"it has {table.num_columns:,} columns", "Keep what is needed.")
    return table


def _brief(error: Exception) -> str:
    lines = str(error).splitlines() or ["no reason given"]
    return lines[0].strip().rstrip(".")[:200]
