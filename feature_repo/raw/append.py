"""New rows join a loaded bank: what it knows already is dropped, the rest lands in one swap.

What is there stays as it is: old files are shared with the new folder, not rewritten and not read
again, so that adding rows costs what is added (and a look at the old rows of the keys that come).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.errors import MissingColumns, WrongType
from feature_repo.raw import history, reconcile
from feature_repo.raw.contracts import BY_NAME, Table
from feature_repo.raw.formula import name, quoted
from feature_repo.raw.history import Fate, Load
from feature_repo.raw.landing import carry, digest_of, digests, landing
from feature_repo.raw.source import Source, files
from feature_repo.raw.versions import Times, news, once

MEMORY = "1GB"
TICK = pa.scalar(1, pa.duration("us"))


@dataclass(frozen=True)
class Appended:
    """The bank after rows were added, what became of those given, by table, and the digest it had before."""

    source: Source
    tables: dict[str, Fate]
    before: str

    @property
    def added(self) -> int:
        """How many rows were new."""
        return sum(fate.kept for fate in self.tables.values())


def append(
    raw: Path, rows: Mapping[str, pa.Table], at: datetime, ends: datetime | None = None, threads: int = 2
) -> Appended:
    """Add rows of raw tables to the bank in `raw`; readers see all of them or none.

    `rows` maps a table's name to Arrow rows of its contract's schema that keep the contract. A row whose
    key is there with the same content at its recording time is dropped; the same key recorded later is
    kept as a correction. `at` is when this happens (for the history), `ends` moves the end of the data,
    never back. Files that the bank had are not touched. Raises MissingTable without a bank,
    MissingColumns or WrongType for rows of another shape, ConflictingRows for the same key and recording
    time with other content, BeingWritten while somebody else writes, NoSpace.
    """
    Source.read(raw)  # or there is nothing to add to
    for table, given in rows.items():
        _fits(BY_NAME[table], given)
    with landing(raw) as draft:
        source = Source.read(raw)
        carry(raw, draft)
        fates, totals, counts = {}, dict(source.totals), dict(source.rows)
        for table, given in rows.items():
            fate, sums = _table(draft, BY_NAME[table], given, at, threads)
            fates[table], counts[table] = fate, counts.get(table, 0) + fate.kept
            totals = added(totals, followed(sums, totals, counts.get(table, 0) - fate.kept))
        after = max(source.end, ends) if ends else source.end
        named = digests(draft, source.files)
        grown = replace(
            source, rows=counts, totals=totals, ends=after.isoformat(), files=named, digest=digest_of(named)
        )
        grown.write(draft)
        history.write(draft, Load(at.astimezone(UTC).isoformat(), "appended", fates))
    return Appended(grown, fates, source.digest)


def next_file(folder: Path) -> Path:
    """The next Parquet file of a table: its name is new there and sorts after the others."""
    taken = [int(path.stem.removeprefix("update-")) for path in folder.glob("update-*.parquet")]
    return folder / f"update-{max(taken, default=0) + 1:06d}.parquet"


def added(totals: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Control totals of both together.

    >>> added({"loans.amount.EUR": "1.10"}, {"loans.amount.EUR": "2.00", "loans.rows": "1"})
    {'loans.amount.EUR': '3.10', 'loans.rows': '1'}
    """
    return dict(totals) | {
        total: str(Decimal(value) + Decimal(totals.get(total, 0))) for total, value in more.items()
    }


def there(connection: duckdb.DuckDBPyConnection, raw: Path, contract: Table) -> str:
    """A view of the bank's rows of that table, without rows where it has none; its name."""
    view = f"there_{contract.name}"
    if paths := files(raw, contract.name):
        listed = ", ".join(quoted(str(path)) for path in paths)
        query = f"select {_columns(contract)} from read_parquet([{listed}])"  # noqa: S608 - only names of the contract
    else:
        connection.register(f"no_{contract.name}", contract.schema.empty_table())
        query = f"from no_{contract.name}"
    connection.execute(f"create or replace temp view {view} as {query}")
    return view


def followed(sums: Mapping[str, str], totals: Mapping[str, str], rows_before: int) -> dict[str, str]:
    """Those of a table's sums that the bank keeps a total of; all of them when it had no rows of the table.

    >>> followed({"loans.rows": "1", "loans.amount.EUR": "5"}, {"loans.amount.CNY": "9"}, rows_before=3)
    {'loans.amount.EUR': '5'}
    """
    kept = {_column(total) for total in totals}
    return {total: value for total, value in sums.items() if not rows_before or _column(total) in kept}


def _column(total: str) -> str:
    """The table and column a control total is of."""
    return ".".join(total.split(".")[:2])


def _table(
    draft: Path, contract: Table, given: pa.Table, at: datetime, threads: int
) -> tuple[Fate, dict[str, str]]:
    """Write what is new of one table; what became of its rows, and the control totals of the new ones."""
    with duckdb.connect() as connection:
        connection.execute(f"set timezone = 'UTC'; set threads = {threads}; set memory_limit = '{MEMORY}'")
        connection.execute(f"set temp_directory = {quoted(str(draft / '.spill'))}")
        connection.register("arrow", given.select(contract.schema.names))
        connection.execute(
            "create temp table given as "
            "select *, row_number() over () as _row, null::timestamptz as _snapshot from arrow"
        )
        times = Times(at, recorded=True)
        once(connection, contract, "given", times)
        found = news(connection, contract, there(connection, draft, contract), times)
        fresh = connection.sql(
            f"select {_columns(contract)} from news order by _row"  # noqa: S608 - only names of the contract
        ).to_arrow_table()
        if fresh.num_rows:
            folder = draft / contract.name
            folder.mkdir(exist_ok=True)
            pq.write_table(fresh.cast(contract.schema), next_file(folder), compression="zstd")
        sums = reconcile.totals(connection, contract, "news")
    repeated = given.num_rows - found.kept
    return Fate(given.num_rows, found.kept, repeated, corrected=found.corrected), sums


def _columns(contract: Table) -> str:
    return ", ".join(name(column) for column in contract.schema.names)


def _fits(contract: Table, given: pa.Table) -> None:
    if lost := set(contract.schema.names) - set(given.column_names):
        raise MissingColumns(contract.name, lost, given.column_names)
    for field in contract.schema:
        column = given[field.name]
        if column.type != field.type:
            raise WrongType(contract.name, field.name, str(field.type), str(column.type))
        if column.null_count and not field.nullable:
            raise WrongType(contract.name, field.name, f"{field.type} without nulls", "null in places")
