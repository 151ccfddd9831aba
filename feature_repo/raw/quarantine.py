"""Rows that break their contract, kept as file, row, column, class and reason, never as values."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.errors import TooManyBadRows
from feature_repo.raw.contracts import Column, Kind, Table
from feature_repo.raw.formula import name, quoted

FOLDER = "quarantine"
SCHEMA = pa.schema(
    [("file", pa.string()), ("row", pa.int64()), ("column", pa.string()), ("value_class", pa.string()),
     ("reason", pa.string())]
)  # fmt: skip
LONGEST = {Kind.ID: 200, Kind.CODE: 200, Kind.TEXT: 100_000}
FIRST_YEAR, LAST_YEAR = 1900, 2200


@dataclass(frozen=True)
class Fault:
    """Why a row is set aside."""

    column: str
    value_class: str
    reason: str


def rules(contract: Table, ends: datetime, loaded: set[str], dated: bool) -> list[tuple[str, Fault]]:
    """Conditions on typed rows, and the fault each one is; the first that holds counts.

    References are checked against what is accepted (`accepted_<table>`); times must lie before `ends`;
    rows of a snapshot (`dated`) must know its date.
    """
    found = [rule for column in contract.columns for rule in _of(column)]
    found += [_known(column, table) for column, table in contract.references if table in loaded]
    found += [_future(column, ends) for column in dict.fromkeys((contract.event, "recorded_at"))]
    if dated:
        lacking = Fault("_snapshot", "null", "the date of its snapshot is missing or cannot be read")
        found += [("_snapshot is null", lacking), _future("_snapshot", ends)]
    return found


def keep(faults: pa.Table, contract: Table, rows: int, limit: float, folder: Path) -> int:
    """Write the faults, if any, to a file of this load's in `folder`; TooManyBadRows above the limit."""
    if not faults.num_rows:
        return 0
    if faults.num_rows > limit * rows:
        raise TooManyBadRows(contract.name, faults.num_rows, rows, limit, _worst(faults))
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(faults.cast(SCHEMA), _file(folder, contract.name))
    return int(faults.num_rows)


def reasons(faults: pa.Table, table: str) -> dict[str, int]:
    """Rows by `table.column|class|reason`, most first."""
    counted = faults.group_by(["column", "value_class", "reason"]).aggregate([("reason", "count")])
    order = [("reason_count", "descending"), ("column", "ascending"), ("value_class", "ascending")]
    return {
        f"{table}.{one['column']}|{one['value_class']}|{one['reason']}": one["reason_count"]
        for one in counted.sort_by(order).to_pylist()
    }


def _file(folder: Path, table: str) -> Path:
    """`<table>.parquet` of the first load that has faults, then `<table>-2.parquet` and so on."""
    path, number = folder / f"{table}.parquet", 1
    while path.exists():
        number += 1
        path = folder / f"{table}-{number}.parquet"
    return path


def _of(column: Column) -> list[tuple[str, Fault]]:
    value, found = name(column.name), []
    if column.allowed:
        listed = ", ".join(quoted(code) for code in column.allowed)
        reason = "not in the contract's list"
        found.append((f"{value} not in ({listed})", Fault(column.name, "unknown code", reason)))
    if column.least is not None:
        small = Fault(column.name, "too small", f"below {column.least:g}")
        found.append((f"{value} < {column.least!r}", small))
    if column.most is not None:
        large = Fault(column.name, "too large", f"above {column.most:g}")
        found.append((f"{value} > {column.most!r}", large))
    if column.kind is Kind.TIME:
        early, late = (f"timestamptz '{year}-01-01 00:00:00+00'" for year in (FIRST_YEAR, LAST_YEAR))
        reason = f"not between {FIRST_YEAR} and {LAST_YEAR}; a stand-in for none belongs to `missing`"
        found.append((f"{value} < {early} or {value} >= {late}", Fault(column.name, "out of range", reason)))
    if (longest := LONGEST.get(column.kind)) and not column.allowed:
        long = Fault(column.name, "too long", f"more than {longest:,} characters")
        found.append((f"length({value}) > {longest}", long))
    return found


def _known(column: str, table: str) -> tuple[str, Fault]:
    held = (
        f"{name(column)} is not null and {name(column)} not in (select id from {name('accepted_' + table)})"  # noqa: S608 - only names of the contract
    )
    return held, Fault(column, "unknown reference", f"not in table {table}")


def _future(column: str, ends: datetime) -> tuple[str, Fault]:
    late = f"{name(column)} >= timestamptz {quoted(ends.isoformat())}"
    return late, Fault(column, "future time", f"not before {ends:%Y-%m-%d}")


def _worst(faults: pa.Table) -> str:
    counted = faults.group_by(["column", "value_class", "reason"]).aggregate([("reason", "count")])
    order = [("reason_count", "descending"), ("column", "ascending")]
    top = counted.sort_by(order).slice(0, 1).to_pylist()[0]
    return f"column '{top['column']}' ({top['value_class']}: {top['reason']}), {top['reason_count']} rows"
