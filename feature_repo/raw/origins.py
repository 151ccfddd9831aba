"""A bank's files as relations of DuckDB: text as it stands, with its row, file and snapshot."""

# ruff: noqa: S608 - queries are built from names of the files and the mapping, never from data

import codecs
import errno
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import duckdb

from feature_repo.errors import BadMapping, EmptyTable, MissingColumns, UnreadableFile
from feature_repo.raw.formula import name, quoted
from feature_repo.raw.mapping import Dated, Mapping, Origin
from feature_repo.raw.quarantine import Fault
from feature_repo.raw.reading import AS_IT_IS, Look, Readable, readable, rewrite

DIRECT = re.compile(r"(^|_)(name|surname|phone|mobile_number|e?mail|address|street|passport|id_number|iban|"
                    r"birth_(date|number|day)|social_security)($|_)", re.IGNORECASE)  # fmt: skip
OWN = ("_row", "_file", "_snapshot")
LONGEST_ROW = 8_000_000


class Origins:
    """A view for every source that is there. `_row` counts the data rows of a file from 1.

    DuckDB reads the files as they are where it can, and what `rewrite` made of them where it cannot.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, mapping: Mapping, folder: Path, spill: Path
    ) -> None:
        self._connection, self._mapping, self._folder, self._spill = connection, mapping, folder, spill
        self._rewritten = 0
        self.files: dict[str, list[Readable]] = {}
        self.columns: dict[str, list[str]] = {}
        self.dropped: dict[str, int] = {}

    def open(self, looks: dict[str, dict[Path, Look]]) -> None:
        """Open the files looked at, by source."""
        for origin in self._mapping.origins:
            if origin.name in looks:
                self._open(origin, looks[origin.name])

    def unchanged(self) -> None:
        """StillWriting when a file is not what it was when the load began."""
        for files in self.files.values():
            for given in files:
                given.unchanged()

    def rejected(self, origins: Iterable[Origin]) -> list[tuple[str, int, Fault]]:
        """File, row and fault of the rows of these sources that nobody can read."""
        return [
            (given.file, row, fault)
            for origin in origins
            for given in self.files[origin.name]
            for row, fault in given.rejected
        ]

    def carefully(self, origins: Iterable[Origin]) -> bool:
        """Rewrite the text files of these sources that are still read as they are; whether there were any."""
        found = False
        for origin in origins:
            plain = [
                given for given in self.files[origin.name] if not given.is_parquet and not given.numbered
            ]
            for given in plain:
                place = self.files[origin.name].index(given)
                self.files[origin.name][place] = self._rewrite(origin, given)
            if plain:
                found = True
                self._view(origin)
        return found

    def _open(self, origin: Origin, looks: dict[Path, Look]) -> None:
        if not any(seen.size for seen in looks.values()):
            raise EmptyTable(origin.name)
        if len({path.suffix == ".parquet" for path in looks}) > 1:
            raise UnreadableFile(origin.name, f"it is there as CSV and as Parquet ({len(looks)} files)")
        self.files[origin.name] = [
            self._readable(origin, path, seen) for path, seen in looks.items() if seen.size
        ]
        self._view(origin)
        try:
            self._count_direct(origin)
        except duckdb.Error as error:
            no_space(error)
            if not self.carefully([origin]):
                raise UnreadableFile(origin.name, first_line(error)) from error
            self._count_direct(origin)

    def _readable(self, origin: Origin, path: Path, seen: Look) -> Readable:
        file = path.relative_to(self._folder).as_posix()
        given = readable(origin.name, file, path, seen, origin.delimiter, origin.encoding)
        known = codecs.lookup(given.encoding).name in AS_IT_IS
        return given if given.is_parquet or (seen.plain and known) else self._rewrite(origin, given)

    def _rewrite(self, origin: Origin, given: Readable) -> Readable:
        self._rewritten += 1
        return rewrite(origin.name, given, self._spill / f"rewritten-{self._rewritten}.csv")

    def _view(self, origin: Origin) -> None:
        queries = " union all by name ".join(self._rows(origin, given) for given in self.files[origin.name])
        try:
            self._connection.execute(f"create or replace temp view {name(origin.name)} as {queries}")
            found = self._connection.execute(f"describe {name(origin.name)}").fetchall()
        except duckdb.Error as error:
            no_space(error)
            raise UnreadableFile(origin.name, first_line(error)) from error
        self.columns[origin.name] = [row[0] for row in found if row[0] not in OWN]
        self._one_shape(origin)

    def _rows(self, origin: Origin, given: Readable) -> str:
        """The query of a file's rows, with their number, the file's name and the date of the snapshot."""
        own = f"{quoted(given.file)} as _file, {self._date(origin.snapshot, given)} as _snapshot"
        if given.is_parquet:
            reader = f"read_parquet([{quoted(str(given.read_from))}], file_row_number = true)"
            return f"select file_row_number + 1 as _row, {own}, * exclude (file_row_number) from {reader}"
        columns = ", ".join(f"{quoted(column)}: 'varchar'" for column in given.columns)
        columns = f"'_row': 'bigint', {columns}" if given.numbered else columns
        encoding = AS_IT_IS[codecs.lookup(given.encoding).name]
        number = "" if given.numbered else "row_number() over () as _row, "
        return (
            f"select {number}{own}, * from read_csv({quoted(str(given.read_from))}, auto_detect = false, "
            f"header = true, columns = {{{columns}}}, delim = {quoted(given.delimiter)}, quote = '\"', "
            f"escape = '\"', encoding = {quoted(encoding)}, nullstr = '', strict_mode = true, "
            f"max_line_size = {LONGEST_ROW})"
        )

    def _date(self, dated: Dated | None, given: Readable) -> str:
        if dated is None:
            return "null::timestamptz"
        if dated.column is not None:
            known = next((one for one in given.columns if one.casefold() == dated.column.casefold()), None)
            if known is None:
                raise MissingColumns(given.file, [dated.column], given.columns)
            parsed = f"try_strptime(cast({name(known)} as varchar), {quoted(dated.format)})"
            return f"cast({parsed} as timestamptz)"
        text = str(dated.constant)
        if dated.file is not None:
            if (found := re.search(dated.file, given.file)) is None:
                raise BadMapping(self._mapping.path, f"file {given.file} has no date as in '{dated.file}'")
            text = found[1] if found.groups() else found[0]
        try:
            day = datetime.strptime(text, dated.format)  # noqa: DTZ007 - a snapshot's date is in UTC
        except ValueError as error:
            raise BadMapping(self._mapping.path, f"'{text}' of {given.file} is no date") from error
        return f"timestamptz '{day:%Y-%m-%d %H:%M:%S}+00'"

    def _one_shape(self, origin: Origin) -> None:
        """A column that the mapping reads and one file lacks is an error, not a column of nulls."""
        used = {
            formula.column.casefold()
            for part in self._mapping.parts if part.origin == origin.name
            for formula in part.columns.values() if formula.column
        }  # fmt: skip
        there = [column for column in self.columns[origin.name] if column.casefold() in used]
        for given in self.files[origin.name]:
            held = {column.casefold() for column in given.columns}
            if lost := [column for column in there if column.casefold() not in held]:
                raise MissingColumns(given.file, lost, given.columns)

    def _count_direct(self, origin: Origin) -> None:
        """Direct identifiers stay outside: nothing copies them, and how many there were is told."""
        columns = self.columns[origin.name]
        if found := [column for column in columns if column in origin.direct or DIRECT.search(column)]:
            counts = ", ".join(f"count({name(column)})" for column in found)
            filled = self._connection.execute(f"select {counts} from {name(origin.name)}").fetchall()[0]
            for column, count in zip(found, filled, strict=True):
                self.dropped[f"{origin.name}.{column}"] = int(count)


def no_space(error: duckdb.Error) -> None:
    """A full disk is neither the file's nor the mapping's fault."""
    if "No space left" in str(error):
        raise OSError(errno.ENOSPC, "No space left on device") from error


def first_line(error: Exception) -> str:
    """What an error says, without its advice."""
    return (str(error).splitlines() or ["no reason given"])[0].strip().rstrip(".")[:200]
