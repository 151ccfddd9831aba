"""Control totals: what was read equals what was kept, dropped and set aside, and the source's own sums."""

from collections.abc import Mapping
from decimal import Decimal

import duckdb

from feature_repo.errors import NotReconciled
from feature_repo.raw.contracts import Kind, Table
from feature_repo.raw.formula import name


def totals(connection: duckdb.DuckDBPyConnection, contract: Table, relation: str) -> dict[str, str]:
    """Row count and, for each money column, the exact sum by currency, of that relation."""
    found = {f"{contract.name}.rows": str(_all(connection, f"select count(*) from {name(relation)}")[0][0])}  # noqa: S608 - only names of the contract or mapping
    currency = "currency" if any(column.name == "currency" for column in contract.columns) else "''"
    for column in contract.columns:
        if column.kind is Kind.MONEY:
            sums = _all(
                connection,
                f"select coalesce({currency}, ''), sum({name(column.name)}) from {name(relation)} "  # noqa: S608 - only names of the contract or mapping
                f"where {name(column.name)} is not null group by 1 order by 1",
            )
            for unit, total in sums:
                found[".".join(part for part in (contract.name, column.name, unit) if part)] = str(total)
    return found


def balanced(table: str, read: int, *parts: int) -> None:
    """Every row read is accounted for by one of the parts; NotReconciled otherwise."""
    if read != sum(parts):
        raise NotReconciled(f"{table}.rows", str(read), " + ".join(str(part) for part in parts))


def agree(control: Mapping[str, str], found: Mapping[str, str]) -> None:
    """The source's own totals equal ours; NotReconciled names the first that does not.

    >>> agree({"loans.rows": "682"}, {"loans.rows": "682"})
    """
    for total, wanted in control.items():
        ours = found.get(total, "absent")
        if ours == "absent" or Decimal(ours) != Decimal(wanted):
            raise NotReconciled(total, wanted, ours)


def _all(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, str]]:
    return list(connection.execute(query).fetchall())
