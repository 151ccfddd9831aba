"""The raw tables in one DuckDB file, sorted by whom rows belong to: a few customers are found at once."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow as pa

from feature_repo.errors import BankError
from feature_repo.raw.contracts import BY_NAME, TABLES, Table
from feature_repo.raw.formula import SQL_TYPE, name, quoted
from feature_repo.raw.source import Source, files

OF_ACCOUNT = ("accounts", "bookings")
OF_LOAN = ("repayments",)
MEMORY = "3GB"
Rows = Mapping[str, list[dict[str, Any]]]
Owes = Mapping[str, Sequence[str]]
NOTHING: Owes = {}
ROW_GROUP = 8_192  # rows: of a customer's accounts few others are read


class PushedElsewhere(BankError, RuntimeError):
    """Another process holds the file of fresh rows."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is in use by another process. End what has opened it, and run again.")


class LiveTables:
    """Every raw table, and what was pushed and is not among the raw tables' files yet (`pending`)."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, raw: Path) -> None:
        self.connection, self._raw = connection, raw

    @classmethod
    def open(cls, path: Path, raw: Path, threads: int) -> Self:
        """Open the file, made anew from the raw tables when it holds others; PushedElsewhere when in use."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = duckdb.connect()
            connection.execute(f"attach {quoted(str(path))} as live (row_group_size {ROW_GROUP})")
        except duckdb.IOException as error:
            if "lock" in str(error):
                raise PushedElsewhere(path) from error
            raise
        connection.execute("use live; set enable_progress_bar = false")
        connection.execute(f"set timezone = 'UTC'; set threads = {threads}; set memory_limit = '{MEMORY}'")
        connection.execute("set temp_directory = " + quoted(str(path.parent / ".live.spill")))
        opened = cls(connection, raw)
        connection.execute("create table if not exists owed (what varchar, id varchar)")
        opened.follow()
        return opened

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def digest(self) -> str:
        """The digest of the raw tables this is a copy of; empty when of none."""
        self.connection.execute("create table if not exists copied (digest varchar)")
        found = self.connection.execute("select digest from copied").fetchall()
        return str(found[0][0]) if found else ""

    def follow(self) -> bool:
        """Copy the raw tables anew when they are others than those copied; whether they were."""
        if self.digest() == Source.read(self._raw).digest:
            return False
        self._copy()
        return True

    def taken(self, file: str) -> tuple[int, int]:
        """How far that file of events has been taken: bytes and lines; of an inbox its numbers, twice."""
        self.connection.execute(
            "create table if not exists taken (file varchar primary key, bytes bigint, lines bigint)"
        )
        found = self.connection.execute("select bytes, lines from taken where file = ?", [file]).fetchall()
        return (int(found[0][0]), int(found[0][1])) if found else (0, 0)

    def _copy(self) -> None:
        """Copy every raw table, sorted by whom its rows belong to; what is pending is kept."""
        run = self.connection.execute
        run("begin")
        for table in TABLES:
            columns = ", ".join(f"{name(c.name)} {SQL_TYPE[c.kind]}" for c in table.columns)
            run(f"create or replace table {name(table.name)} ({columns})")
            run(f"create table if not exists {name('pending_' + table.name)} ({columns})")
            if paths := files(self._raw, table.name):
                listed = ", ".join(quoted(str(path)) for path in paths)
                names = ", ".join(name(column.name) for column in table.columns)
                run(
                    f"insert into {name(table.name)} select {names} from read_parquet([{listed}]) "  # noqa: S608 - only names of the contract
                    f"order by {owner(table)}"
                )
            key = dict.fromkeys((*table.key, "recorded_at"))
            same = " and ".join(f"t.{name(column)} = p.{name(column)}" for column in key)
            run(  # what landed before the process was killed is among the raw tables already
                f"insert into {name(table.name)} select * from {name('pending_' + table.name)} p "  # noqa: S608 - only names of the contract
                f"where not exists (select 1 from {name(table.name)} t where {same})"
            )
        run("create or replace table booking_keys as select booking_id, account_id from bookings order by 1")
        self.stamp(Source.read(self._raw).digest)
        run("commit")

    def stamp(self, digest: str) -> None:
        """Say which raw tables this is a copy of."""
        self.connection.execute("delete from copied")
        self.connection.execute("insert into copied values (?)", [digest])

    def add(self, rows: Rows, file: str, taken: int, lines: int, owes: Owes = NOTHING) -> None:
        """Add rows and how far the file of events has been read, all or nothing; durable on return.

        From then on the `features` of the customers touched are owed, and what `owes` names, until settled.
        """
        run = self.connection.execute
        run("begin")
        for table, several in rows.items():
            arrow = arrow_rows(BY_NAME[table], several)
            self.connection.register("fresh", arrow)
            for into in (name(table), name("pending_" + table)):
                run(f"insert into {into} from fresh")
            if table == "bookings":
                run("insert into booking_keys select booking_id, account_id from fresh")
            self.connection.unregister("fresh")
        for what, ids in (("features", sorted(self.touched(rows))), *owes.items()):
            run("insert into owed select ?, unnest(?)", [what, list(ids)])
        run("insert or replace into taken values (?, ?, ?)", [file, taken, lines])
        run("commit")

    def owed(self, what: str) -> list[str]:
        """What of that kind is still to be made, in order; of `features` the customers."""
        found = self.connection.execute("select distinct id from owed where what = ? order by id", [what])
        return [str(row[0]) for row in found.fetchall()]

    def settle(self, what: str, ids: Sequence[str]) -> None:
        """These are made."""
        self.connection.execute(
            "delete from owed where what = ? and id in (select unnest(?))", [what, list(ids)]
        )

    def pending(self) -> dict[str, pa.Table]:
        """What was pushed and is not among the raw tables' files yet."""
        found = {
            table.name: self.connection.sql(f"from {name('pending_' + table.name)}").to_arrow_table()
            for table in TABLES
        }
        return {table: rows.cast(BY_NAME[table].schema) for table, rows in found.items() if rows.num_rows}

    def landed(self, digest: str) -> None:
        """What was pending is among the raw tables' files now."""
        self.connection.execute("begin")
        for table in TABLES:
            self.connection.execute(f"delete from {name('pending_' + table.name)}")  # noqa: S608 - only names of the contract
        self.stamp(digest)
        self.connection.execute("commit")

    def rows_of(self, table: str, column: str, values: Iterable[str]) -> list[dict[str, Any]]:
        """The rows whose column holds one of these values."""
        listed = ", ".join(quoted(value) for value in sorted(set(values)))
        if not listed:
            return []
        found = self.connection.sql(
            f"select * from {name(table)} where {name(column)} in ({listed})"  # noqa: S608 - quoted values
        )
        rows: list[dict[str, Any]] = found.to_arrow_table().to_pylist()
        return rows

    def currencies(self) -> set[str]:
        """The currencies that an account is kept in or a rate is known of."""
        found = self.connection.execute("select currency from accounts union select currency from fx_rates")
        return {str(row[0]) for row in found.fetchall()}

    def touched(self, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> set[str]:
        """The customers whose features these new rows may change."""
        all_ = [row for several in rows.values() for row in several]
        accounts = {str(row["account_id"]) for row in all_ if row.get("account_id")}
        loans = {str(row["loan_id"]) for row in rows.get("repayments", ())}
        found = {str(row["customer_id"]) for row in all_ if row.get("customer_id")}
        found |= {row["customer_id"] for row in self.rows_of("account_owners", "account_id", accounts)}
        return found | {row["customer_id"] for row in self.rows_of("loans", "loan_id", loans)}


def owner(table: Table) -> str:
    """The column that says to whom a row belongs, and the table is sorted by."""
    if table.name in OF_ACCOUNT:
        return "account_id"
    if table.name in OF_LOAN:
        return "loan_id"
    return "customer_id" if "customer_id" in table.schema.names else table.key[0]


def arrow_rows(table: Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """These rows with the contract's schema; a field that is not there is null."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema=table.schema)
