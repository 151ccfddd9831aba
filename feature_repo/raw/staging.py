"""Each raw table's rows from a bank's files: mapped, typed and judged in one pass."""

# ruff: noqa: S608 - queries are built from names of the contract and the mapping, never from data

from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from feature_repo.errors import BadMapping, EmptyTable, MissingColumns, WrongType
from feature_repo.raw import quarantine
from feature_repo.raw.contracts import BY_NAME, Column, Kind, Table
from feature_repo.raw.formula import Formula, name, quoted
from feature_repo.raw.identities import Identities
from feature_repo.raw.mapping import Mapping, Part
from feature_repo.raw.origins import OWN, Origins, first_line, no_space
from feature_repo.raw.quarantine import Fault
from feature_repo.raw.reading import Look
from feature_repo.raw.unread import fault, shapes

PSEUDONYMOUS = ("customer_id", "counterparty_id")
UNREADABLE = 0.5
"""When more than this share of a column's values has another type, the column is wrong, not the rows."""
MEMORY = "1GB"
BATCH = 50_000
BELIEVERS = ("statistics_propagation", "filter_pushdown", "join_filter_pushdown", "row_group_pruner")
FORMULA_CELL = r"^([=@]|[+-][A-Za-z(])"
WORDS = (Kind.CODE, Kind.TEXT)


class Staging:
    """A DuckDB connection that may read the source folder and the bank of before, and nothing else."""

    def __init__(
        self, mapping: Mapping, looks: dict[str, dict[Path, Look]], folder: Path, draft: Path, spill: Path,
        identities: Identities, threads: int,
    ) -> None:  # fmt: skip
        self._mapping, self._identities = mapping, identities
        self._faults: list[Fault] = []
        self.formulas: dict[str, int] = {}
        self.connection = duckdb.connect(str(spill / "staging.duckdb"))
        for setting in (
            "timezone = 'UTC'", f"threads = {threads}", f"memory_limit = '{MEMORY}'",
            "preserve_insertion_order = true", f"temp_directory = {quoted(str(spill / 'spill'))}",
            # A Parquet file's statistics are its writer's claim: nothing is left out because of them.
            f"disabled_optimizers = {quoted(','.join(BELIEVERS))}",
            f"allowed_directories = [{quoted(str(folder))}, {quoted(str(draft))}]",
            "enable_external_access = false", "lock_configuration = true",
        ):  # fmt: skip
            self.connection.execute(f"set {setting}")
        self.origins = Origins(self.connection, mapping, folder, spill)
        self.origins.open(looks)

    def close(self) -> None:
        """Close the connection; its file lies in the spill folder."""
        self.connection.close()

    def parts_of(self, table: str) -> list[Part]:
        """The parts of a table for which the sources are there."""
        return self._mapping.parts_of(table, {origin: [] for origin in self.origins.files})

    def dated(self, table: str) -> bool:
        """Whether that table's rows come from snapshots."""
        origins = [self._mapping.main_origin(part) for part in self.parts_of(table)]
        return any(origin is not None and origin.snapshot is not None for origin in origins)

    def timed(self, table: str) -> bool:
        """Whether the mapping says when the bank came to know a row of that table."""
        return all("recorded_at" in self._given(part) for part in self.parts_of(table))

    def stage(self, table: str, ends: datetime, loaded: set[str]) -> int:
        """Fill `staged` with the table's rows, typed, with `_fault`; how many were read.

        `_fault` is null where a row keeps its contract. Raises MissingColumns, WrongType or EmptyTable
        when the table itself is broken.
        """
        contract, parts, self._faults = BY_NAME[table], self.parts_of(table), []
        texts = [self._texts(contract, part) for part in parts]
        self._alias(contract, texts)
        judged = quarantine.rules(contract, ends, loaded, self.dated(table))
        cases = " ".join(f"when {condition} then {self._number(one)}" for condition, one in judged)
        typed = " union all ".join(
            self._typed(contract, part, text) for part, text in zip(parts, texts, strict=True)
        )
        columns = ", ".join(name(column) for column in contract.schema.names)
        self._run(f"create or replace table staged as select _row, _file, _snapshot, _unread, {columns}, "
                  f"cast(coalesce(_fault, case {cases} end) as usmallint) as _fault from ({typed})",
                  table)  # fmt: skip
        rows = self._one("select count(*) from staged")[0] + len(self._rejected(table))
        if not rows and contract.required:
            raise EmptyTable(table)
        self._check(contract)
        return int(rows)

    def faults(self, table: str) -> pa.Table:
        """The rows of `staged` that break their contract, and those of its files that nobody can read."""
        known = [
            {"number": number, "column": one.column, "value_class": one.value_class, "reason": one.reason}
            for number, one in enumerate(self._faults)
        ]
        shape = pa.schema([("number", pa.int64()), *quarantine.SCHEMA.remove(0).remove(0)])
        self.connection.register("known_faults", pa.Table.from_pylist(known, shape))
        typed = self.connection.sql(
            "select _file as file, _row as row, k.column, k.value_class, k.reason from staged s "
            "join known_faults k on s._fault = k.number order by 1, 2, 3"
        ).to_arrow_table()
        rejected = [
            {"file": file, "row": row, "column": one.column, "value_class": one.value_class,
             "reason": one.reason}
            for file, row, one in self._rejected(table)
        ]  # fmt: skip
        unread = pa.Table.from_pylist(rejected, quarantine.SCHEMA)
        return pa.concat_tables([typed.cast(quarantine.SCHEMA), unread])

    def _rejected(self, table: str) -> list[tuple[str, int, Fault]]:
        origins = [origin for part in self.parts_of(table) for origin in self._mapping.origins_of(part)]
        return self.origins.rejected(origins)

    def _given(self, part: Part) -> dict[str, Formula]:
        """The formulas of the columns whose source is there."""
        given = dict(part.columns)
        if part.origin in self.origins.columns:  # one source: its columns are known
            there = {column.casefold() for column in (*self.origins.columns[part.origin], *OWN)}
            given = {
                key: said for key, said in given.items()
                if said.column is None or said.column.casefold() in there
            }  # fmt: skip
        return given

    def _formulas(self, contract: Table, part: Part) -> dict[str, Formula]:
        """The formula of every column that has one; MissingColumns when one that must have lacks it."""
        given, origin = self._given(part), self._mapping.main_origin(part)
        if "valid_from" in contract.schema.names and origin is not None and origin.snapshot is not None:
            given.setdefault("valid_from", Formula(sql=f"{_prefix(part)}_snapshot"))
        if "recorded_at" not in given and contract.event in given:
            given["recorded_at"] = given[contract.event]
        if lost := {column.name for column in contract.columns if column.required} - given.keys():
            wanted = (part.columns.get(key, Formula()).column or key for key in lost)
            found = self.origins.columns.get(part.origin, list(part.columns))
            raise MissingColumns(contract.name, wanted, found)
        return given

    def _texts(self, contract: Table, part: Part) -> str:
        """The part's rows as text: `_row`, `_file`, `_snapshot` and `_<column>`."""
        given, absent = self._formulas(contract, part), Formula(sql="null")
        columns = ", ".join(
            f"{given.get(column.name, absent).text(column.kind)} as {name('_' + column.name)}"
            for column in contract.columns
        )
        own = "null::varchar as _file, null::timestamptz as _snapshot"
        if self._mapping.main_origin(part) is not None:
            own = f"{_prefix(part)}_file as _file, {_prefix(part)}_snapshot as _snapshot"
        return f"select {part.row} as _row, {own}, {columns} from {part.origin} where {part.where}"

    def _typed(self, contract: Table, part: Part, texts: str) -> str:
        """The part's rows as values; `_fault` where a text is missing or unreadable, `_unread` a bit each."""
        given = self._formulas(contract, part)
        values, cases, bits = [], [], ["0"]
        for number, column in enumerate(contract.columns):
            text, formula = name("_" + column.name), given.get(column.name, Formula(sql="null"))
            value = formula.value(column.kind, text, self._mapping.time_zone)
            if column.name in PSEUDONYMOUS:
                value = f"alias_{column.name}.alias"
            values.append(f"{value} as {name(column.name)}")
            if column.required:
                lacking = Fault(column.name, "null", "a required value is missing")
                cases.append(f"when {text} is null then {self._number(lacking)}")
            if column.kind not in (Kind.ID, *WORDS):
                unread = f"{text} is not null and ({_lost(column)})"
                cases.append(f"when {unread} then {self._class(column, formula, text)}")
                bits.append(f"case when {unread} then {1 << number} else 0 end")
        typed = ", ".join(name(column) for column in contract.schema.names)
        return (
            f"select _row, _file, _snapshot, case {' '.join(cases)} end as _fault, "
            f"cast({' + '.join(bits)} as bigint) as _unread, {typed} from "
            f"(select t.*, {', '.join(values)} from ({texts}) t {self._joins(contract)})"
        )

    def _class(self, column: Column, formula: Formula, text: str) -> str:
        classes = " ".join(
            f"when {fault(pattern, text)} then {self._number(Fault(column.name, kind, reason))}"
            for pattern, kind, reason in shapes(column, formula)
        )
        return f"case {classes} end"

    def _number(self, one: Fault) -> int:
        if one not in self._faults:
            self._faults.append(one)
        return self._faults.index(one)

    def _alias(self, contract: Table, texts: list[str]) -> None:
        """Fill `alias_<column>` with the pseudonym of every plain identifier, a batch at a time."""
        for column in _pseudonymous(contract):
            text = name("_" + column)
            plain = " union all ".join(f"select {text} as plain from ({one})" for one in texts)
            self._run(
                f"create or replace table plain as select distinct plain from ({plain}) "
                f"where plain is not null", contract.name,
            )  # fmt: skip
            self.connection.execute(f"create or replace table alias_{column} (plain varchar, alias varchar)")
            with self.connection.cursor() as cursor:
                for batch in cursor.sql("from plain").to_arrow_reader(BATCH):
                    known = batch.column("plain").to_pylist()
                    found = pa.table({"plain": known, "alias": self._identities.pseudonyms(column, known)})
                    self.connection.register("found", found)
                    self.connection.execute(f"insert into alias_{column} from found")

    def _joins(self, contract: Table) -> str:
        return " ".join(
            f"left join alias_{column} on alias_{column}.plain = t.{name('_' + column)}"
            for column in _pseudonymous(contract)
        )

    def _check(self, contract: Table) -> None:
        """WrongType where most of a column cannot be read; texts that look like formulas are counted."""
        filled = ", ".join(f"count({name(column)})" for column in contract.schema.names)
        odd = ", ".join(
            f"count_if(regexp_matches({name(column.name)}, {quoted(FORMULA_CELL)}))" if column.kind in WORDS
            else f"count_if(_unread & {1 << number} <> 0)"
            for number, column in enumerate(contract.columns)
        )  # fmt: skip
        found, width = self._one(f"select {filled}, {odd} from staged"), len(contract.columns)
        for column, readable, bad in zip(contract.columns, found[:width], found[width:], strict=True):
            if bad and column.kind in WORDS:
                self.formulas[f"{contract.name}.{column.name}"] = int(bad)
            elif bad and bad / (readable + bad) > UNREADABLE:
                raise WrongType(contract.name, column.name, column.kind.value, self._looks(column.name))

    def _looks(self, column: str) -> str:
        """What most of a column's unreadable texts look like."""
        listed = ", ".join(str(number) for number, one in enumerate(self._faults) if one.column == column)
        found = self._one(f"select mode(_fault) from staged where _fault in ({listed}) and _unread > 0")
        if found[0] is None:  # every such row was set aside for another column before
            return "text that cannot be read so"
        one = self._faults[found[0]]
        return f"{one.value_class}: {one.reason}"

    def _run(self, query: str, table: str) -> None:
        """Run a query over the sources; where DuckDB cannot read a file, it is read line by line."""
        try:
            self.connection.execute(query)
        except duckdb.Error as error:
            no_space(error)
            origins = [one for part in self.parts_of(table) for one in self._mapping.origins_of(part)]
            if "CSV" not in str(error) or not self.origins.carefully(origins):
                raise BadMapping(self._mapping.path, f"table '{table}': {first_line(error)}") from error
            self._run(query, table)

    def _one(self, query: str) -> tuple[int, ...]:
        return tuple(self.connection.execute(query).fetchall()[0])


def _prefix(part: Part) -> str:
    """What stands before `_row` in the part's row expression: an alias, or nothing."""
    return part.row.removesuffix("_row")


def _pseudonymous(contract: Table) -> list[str]:
    return [column for column in PSEUDONYMOUS if column in contract.schema.names]


def _lost(column: Column) -> str:
    value = name(column.name)
    return f"{value} is null or not isfinite({value})" if column.kind is Kind.NUMBER else f"{value} is null"
