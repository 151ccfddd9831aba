"""The source files as text tables in DuckDB, and each raw table's rows as text and as typed values."""

import errno
import re
from pathlib import Path

import duckdb
import pyarrow as pa

from feature_repo.errors import BadMapping, EmptyTable, MissingColumns, UnreadableFile, WrongType
from feature_repo.raw.contracts import BY_NAME, Kind, Table
from feature_repo.raw.formula import Formula, name, quoted
from feature_repo.raw.identities import Identities
from feature_repo.raw.mapping import Mapping, Origin, Part

SQL_TYPE = {
    Kind.ID: "varchar", Kind.CODE: "varchar", Kind.TEXT: "varchar", Kind.MONEY: "decimal(18, 2)",
    Kind.NUMBER: "double", Kind.INTEGER: "bigint", Kind.FLAG: "boolean", Kind.TIME: "timestamptz",
}  # fmt: skip
PSEUDONYMOUS = ("customer_id", "counterparty_id")
DIRECT = re.compile(r"(^|_)(name|surname|phone|mobile_number|e?mail|address|street|passport|id_number|iban|"
                    r"birth_(date|number|day)|social_security)($|_)", re.IGNORECASE)  # fmt: skip
UNREADABLE = 0.5
"""When more than this share of a column's values has another type, the column is wrong, not the rows."""


class Staging:
    """A DuckDB connection that may read the source folder and nothing else."""

    def __init__(
        self, mapping: Mapping, folder: Path, spill: Path, identities: Identities, threads: int
    ) -> None:
        self._mapping, self._identities = mapping, identities
        self.present = mapping.present(folder)
        self.columns: dict[str, list[str]] = {}
        self.dropped: dict[str, int] = {}
        self.connection = duckdb.connect(str(spill / "staging.duckdb"))
        for setting in (
            "timezone = 'UTC'", f"threads = {threads}", "memory_limit = '1GB'",
            "preserve_insertion_order = true", f"temp_directory = {quoted(str(spill / 'spill'))}",
            f"allowed_directories = [{quoted(str(folder))}]",
            "enable_external_access = false", "lock_configuration = true",
        ):  # fmt: skip
            self.connection.execute(f"set {setting}")
        for origin in mapping.origins:
            if origin.name in self.present:
                self._open(origin, self.present[origin.name])

    def close(self) -> None:
        """Close the connection; its file lies in the spill folder."""
        self.connection.close()

    def stage(self, table: str) -> int:
        """Fill `staged` with the table's rows: `_row`, `_<column>` as text, `<column>` typed; rows read.

        Raises MissingColumns, WrongType or EmptyTable when the table itself is broken.
        """
        contract = BY_NAME[table]
        parts = self._mapping.parts_of(table, self.present)
        queries = [self._query(contract, part) for part in parts]
        try:
            self.connection.execute("create or replace temp table written as " + " union all ".join(queries))
        except duckdb.Error as error:
            _no_space(error)
            raise BadMapping(self._mapping.path, f"table '{table}': {_first_line(error)}") from error
        joins, values = self._pseudonyms(contract)
        typed = ", ".join(
            f"try_cast({values[column.name]} as {SQL_TYPE[column.kind]}) as {name(column.name)}"
            for column in contract.columns
        )
        self.connection.execute(
            f"create or replace temp table staged as select written.*, {typed} from written {joins}"  # noqa: S608 - only names of the contract or mapping
        )
        self.connection.execute("drop table written")
        rows = int(self._one("select count(*) from staged")[0])
        if not rows and contract.required:
            raise EmptyTable(table)
        self._typed(contract)
        return rows

    def _open(self, origin: Origin, paths: list[Path]) -> None:
        listed = "[" + ", ".join(quoted(str(path)) for path in paths) + "]"
        if not any(path.stat().st_size for path in paths):
            raise EmptyTable(origin.name)
        if len({path.suffix == ".parquet" for path in paths}) > 1:
            raise UnreadableFile(origin.name, f"it is there as CSV and as Parquet ({len(paths)} files)")
        if paths[0].suffix == ".parquet":
            reader = f"read_parquet({listed})"
        else:
            reader = (
                f"read_csv({listed}, all_varchar = true, header = true, delim = {quoted(origin.delimiter)}, "
                f"quote = '\"', encoding = {quoted(origin.encoding)}, nullstr = '')"
            )
        try:
            self.connection.execute(
                f"create temp view {name(origin.name)} as select row_number() over () _row, * from {reader}"  # noqa: S608 - only names of the mapping
            )
            found = self.connection.execute(f"describe {name(origin.name)}").fetchall()
        except duckdb.Error as error:
            _no_space(error)
            raise UnreadableFile(origin.name, _unread(error, origin)) from error
        self.columns[origin.name] = [row[0] for row in found if row[0] != "_row"]
        self._count_direct(origin)

    def _count_direct(self, origin: Origin) -> None:
        """Direct identifiers stay outside: nothing copies them, and how many there were is told."""
        for column in self.columns[origin.name]:
            if column in origin.direct or DIRECT.search(column):
                filled = self._one(f"select count({name(column)}) from {name(origin.name)}")[0]  # noqa: S608 - only names of the contract or mapping
                self.dropped[f"{origin.name}.{column}"] = int(filled)

    def _query(self, contract: Table, part: Part) -> str:
        given, there = dict(part.columns), set(part.columns)
        if part.origin in self.columns:  # one source: its columns are known, so what lacks can be named
            there = set(self.columns[part.origin])
            given = {key: said for key, said in given.items() if said.column is None or said.column in there}
        if "recorded_at" not in given and contract.event in given:
            given["recorded_at"] = given[contract.event]
        if lost := {column.name for column in contract.columns if column.required} - given.keys():
            wanted = (part.columns.get(key, Formula()).column or key for key in lost)
            raise MissingColumns(contract.name, wanted, there)
        absent = Formula(sql="null")
        columns = ", ".join(
            f"{given.get(column.name, absent).text()} as {name('_' + column.name)}"
            for column in contract.columns
        )
        return f"(select {part.row} as _row, {columns} from {part.origin} where {part.where})"  # noqa: S608 - only names of the contract or mapping

    def _pseudonyms(self, contract: Table) -> tuple[str, dict[str, str]]:
        """Joins that bring the pseudonyms, and for each column the expression of its value."""
        values = {column.name: "written." + name("_" + column.name) for column in contract.columns}
        joins = []
        for column in [column for column in PSEUDONYMOUS if column in values]:
            query = f"select distinct {values[column]} from written where {values[column]} is not null"  # noqa: S608 - only names of the contract or mapping
            plain = [row[0] for row in self.connection.execute(query).fetchall()]
            alias = pa.table({"plain": plain, "alias": self._identities.pseudonyms(column, plain)})
            known = "alias_" + column
            self.connection.register(known, alias)
            joins.append(f"left join {known} on {known}.plain = {values[column]}")
            values[column] = f"{known}.alias"
        return " ".join(joins), values

    def _typed(self, contract: Table) -> None:
        for column in contract.columns:
            text, value = name("_" + column.name), name(column.name)
            filled, readable = self._one(f"select count({text}), count({value}) from staged")  # noqa: S608 - only names of the contract or mapping
            if filled and (filled - readable) / filled > UNREADABLE:
                raise WrongType(contract.name, column.name, column.kind.value, "text that cannot be read so")

    def _one(self, query: str) -> tuple[int, ...]:
        return tuple(self.connection.execute(query).fetchall()[0])


def _no_space(error: duckdb.Error) -> None:
    """A full disk is neither the file's nor the mapping's fault."""
    if "No space left" in str(error):
        raise OSError(errno.ENOSPC, "No space left on device") from error


def _unread(error: duckdb.Error, origin: Origin) -> str:
    """What DuckDB says; of a text whose lines do not fit it says nothing but how it guessed."""
    if "sniffing" not in str(error):
        return _first_line(error)
    return f"its lines have not one shape with separator {origin.delimiter!r} and encoding {origin.encoding}"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].strip().rstrip(".")
