"""Rows that break their contract: found by one query, kept as row, column and reason, never as values."""

from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.errors import TooManyBadRows
from feature_repo.raw.contracts import Column, Kind, Table
from feature_repo.raw.formula import name, quoted

SCHEMA = pa.schema(
    [("row", pa.int64()), ("column", pa.string()), ("value_class", pa.string()), ("reason", pa.string())]
)


def inspect(
    connection: duckdb.DuckDBPyConnection, contract: Table, ends: datetime, loaded: set[str]
) -> pa.Table:
    """Add `_fault` to the staged rows: null where a row keeps its contract; the faults are returned.

    A fault is `column|value class|reason` of the first rule broken. References are checked
    against the tables loaded before (`accepted_<table>`); times must lie before `ends`.
    """
    rules = [rule for column in contract.columns for rule in _rules(column)]
    rules += [_known(column, table) for column, table in contract.references if table in loaded]
    rules += [_future(column, ends) for column in dict.fromkeys((contract.event, "recorded_at"))]
    cases = " ".join(f"when {condition} then {quoted(fault)}" for condition, fault in rules)
    connection.execute(
        f"create or replace temp table judged as select *, case {cases} end as _fault from staged"  # noqa: S608 - only names of the contract or mapping
    )
    faults = connection.sql(
        "select _row as row, split_part(_fault, '|', 1) as column, "
        "split_part(_fault, '|', 2) as value_class, split_part(_fault, '|', 3) as reason "
        "from judged where _fault is not null order by 1, 2"
    )
    return faults.to_arrow_table().cast(SCHEMA)


def keep(faults: pa.Table, contract: Table, rows: int, limit: float, folder: Path) -> int:
    """Write the faults, if any, to `folder/<table>.parquet`; TooManyBadRows above the limit."""
    if not faults.num_rows:
        return 0
    if faults.num_rows > limit * rows:
        raise TooManyBadRows(contract.name, faults.num_rows, rows, limit, _worst(faults))
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(faults, folder / f"{contract.name}.parquet")
    return int(faults.num_rows)


def _rules(column: Column) -> list[tuple[str, str]]:
    text, value = name("_" + column.name), name(column.name)
    rules = []
    if column.required:
        rules.append((f"{text} is null", f"{column.name}|null|a required value is missing"))
    if column.kind in (Kind.MONEY, Kind.NUMBER):
        odd = f"lower({text}) in ('nan', 'inf', '-inf', '+inf', 'infinity', '-infinity')"
        rules.append((odd, f"{column.name}|not finite|NaN and infinity are no numbers here"))
    rules.append((f"{text} is not null and {value} is null", f"{column.name}|text|not a {column.kind}"))
    if column.allowed:
        listed = ", ".join(quoted(code) for code in column.allowed)
        rules.append((f"{value} not in ({listed})", f"{column.name}|unknown code|not in the contract's list"))
    if column.least is not None:
        rules.append((f"{value} < {column.least!r}", f"{column.name}|too small|below {column.least:g}"))
    if column.most is not None:
        rules.append((f"{value} > {column.most!r}", f"{column.name}|too large|above {column.most:g}"))
    return rules


def _known(column: str, table: str) -> tuple[str, str]:
    held = (
        f"{name(column)} is not null and {name(column)} not in (select id from {name('accepted_' + table)})"  # noqa: S608 - only names of the contract or mapping
    )
    return held, f"{column}|unknown reference|not in table {table}"


def _future(column: str, ends: datetime) -> tuple[str, str]:
    late = f"{name(column)} >= timestamptz {quoted(ends.isoformat())}"
    return late, f"{column}|future time|not before {ends:%Y-%m-%d}"


def _worst(faults: pa.Table) -> str:
    counted = faults.group_by(["column", "value_class", "reason"]).aggregate([("row", "count")])
    top = counted.sort_by([("row_count", "descending"), ("column", "ascending")]).slice(0, 1).to_pylist()[0]
    return f"column '{top['column']}' ({top['value_class']}: {top['reason']}), {top['row_count']} rows"
