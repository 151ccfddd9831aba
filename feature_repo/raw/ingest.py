"""Any bank's files become raw tables: mapped, checked, counted, swapped in whole."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.errors import ConflictingRows, MissingTable
from feature_repo.raw import quarantine, reconcile
from feature_repo.raw.contracts import BOOKINGS, TABLES, Table
from feature_repo.raw.formula import name
from feature_repo.raw.identities import Keyed
from feature_repo.raw.landing import digest, landing
from feature_repo.raw.mapping import Mapping, find
from feature_repo.raw.source import Source
from feature_repo.raw.staging import Staging

BATCH = 200_000


@dataclass
class Counts:
    """What happened to the rows of a load."""

    rows: dict[str, int] = field(default_factory=dict)
    totals: dict[str, str] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    first: datetime | None = None


def ingest(
    folder: Path, raw: Path, mapping: Path | None, limit: float, now: datetime, key: Path, threads: int = 2
) -> Source:
    """Load the bank in `folder` into `raw`; nothing is changed there unless all of it loads.

    `limit` is the share of a table's rows that may go to quarantine, `key` the file of the secret
    behind customers' pseudonyms (made when absent). Times must lie before the mapping's `ends`, or
    `now` when it says none. Raises the errors of `feature_repo.errors`.
    """
    said = find(folder, mapping)
    with landing(raw) as draft:
        spill = draft / ".spill"
        spill.mkdir()
        staging = Staging(said, folder.resolve(), spill, Keyed.load(key), threads)
        try:
            source = _load(staging, said, draft, limit, now)
        finally:
            staging.close()
        for path in sorted(spill.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        spill.rmdir()
        source.write(draft)
    return source


def _load(staging: Staging, mapping: Mapping, draft: Path, limit: float, now: datetime) -> Source:
    ends, counts = mapping.ends or now, Counts()
    for contract in TABLES:
        if mapping.parts_of(contract.name, staging.present):
            _table(staging, contract, draft, limit, ends, counts)
        elif contract.required:
            raise MissingTable(contract.name, str(mapping.path))
    reconcile.agree(mapping.control, counts.totals)
    counts.totals |= {
        f"identifiers_dropped.{column}": str(count) for column, count in staging.dropped.items()
    }
    starts = mapping.starts or counts.first or ends
    partial = _coverage(mapping, staging)
    return Source(
        mapping.name, mapping.base_currency, starts.isoformat(), ends.isoformat(), digest(draft), counts.rows,
        counts.totals, counts.quarantined, partial.get("bookings_complete_until"),
        partial.get("selection", ""),
    )  # fmt: skip


def _table(
    staging: Staging, contract: Table, draft: Path, limit: float, ends: datetime, counts: Counts
) -> None:
    """Stage, inspect, set aside, drop what is repeated, write, and account for every row."""
    connection = staging.connection
    read = staging.stage(contract.name)
    faults = quarantine.inspect(connection, contract, ends, set(counts.rows))
    aside = quarantine.keep(faults, contract, read, limit, draft / "quarantine")
    kept = _unique(connection, contract)
    repeated = read - aside - kept
    _write(connection, contract, draft / contract.name)
    sums = reconcile.totals(connection, contract, "once")
    reconcile.balanced(contract.name, read, int(sums[f"{contract.name}.rows"]), repeated, aside)
    counts.totals |= sums
    counts.rows[contract.name] = kept
    if aside:
        counts.quarantined[contract.name] = aside
    if contract is BOOKINGS:
        counts.first = _earliest(connection)
    if repeated:
        counts.totals[f"{contract.name}.repeated"] = str(repeated)


def _unique(connection: duckdb.DuckDBPyConnection, contract: Table) -> int:
    """Drop rows that say the same again; ConflictingRows when the same key says something else."""
    columns = ", ".join(name(column.name) for column in contract.columns)
    kept = f"create or replace temp view kept as select _row, {columns} from judged where _fault is null"  # noqa: S608 - only names of the contract
    connection.execute(kept)
    if _repeated(connection, contract, "kept"):
        connection.execute(
            f"create or replace temp table once as select {columns} from kept group by all order by min(_row)"  # noqa: S608 - only names of the contract
        )
        if clash := _repeated(connection, contract, "once"):
            raise ConflictingRows(contract.name, contract.key, clash)
    else:
        connection.execute(f"create or replace temp table once as select {columns} from kept")  # noqa: S608 - only names of the contract
    identifier = name(contract.key[0])
    connection.execute(
        f"create or replace temp table {name('accepted_' + contract.name)} as "  # noqa: S608 - only names of the contract or mapping
        f"select distinct {identifier} as id from once"
    )
    return int(connection.execute("select count(*) from once").fetchall()[0][0])


def _repeated(connection: duckdb.DuckDBPyConnection, contract: Table, relation: str) -> int:
    """How many keys are recorded more than once at the same time."""
    key = ", ".join(name(column) for column in dict.fromkeys((*contract.key, "recorded_at")))
    query = f"select count(*) from (select 1 from {relation} group by {key} having count(*) > 1)"  # noqa: S608 - only names of the contract
    return int(connection.execute(query).fetchall()[0][0])


def _write(connection: duckdb.DuckDBPyConnection, contract: Table, folder: Path) -> None:
    folder.mkdir()
    rows = connection.sql("select * from once").to_arrow_reader(BATCH)
    with pq.ParquetWriter(folder / "part-0.parquet", contract.schema, compression="zstd") as writer:
        for batch in rows:
            writer.write_table(pa.Table.from_batches([batch]).cast(contract.schema))


def _earliest(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    (first,) = connection.execute("select epoch_us(min(booked_at)) from once").fetchall()[0]
    return None if first is None else datetime.fromtimestamp(first / 1e6, UTC)


def _coverage(mapping: Mapping, staging: Staging) -> dict[str, str]:
    """What the mapping says of partial bookings, unless the source that completes them is there."""
    complete = mapping.coverage.get("unless")
    return {} if complete in staging.present else mapping.coverage
