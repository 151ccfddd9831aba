"""The features' expressions compiled once, then run again and again for a few customers at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from feature_repo.duckdb_engine import compiled, epoch_microseconds, hash_of
from feature_repo.engine import quiet
from feature_repo.errors import MissingTable
from feature_repo.history import History, Span
from feature_repo.live.tables import LiveTables, owner
from feature_repo.raw.contracts import BY_NAME, TABLES
from feature_repo.raw.formula import name, quoted
from feature_repo.snapshot import spine_table
from feature_repo.sources import Snapshot
from feature_repo.wide import online, online_views

# Dates come with the spine; the expressions are compiled for any of them.
ANY_DATE = Span(datetime(1972, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
SPINE = spine_table(
    pa.table({"customer_id": pa.array([], pa.string()), "as_of": pa.array([], pa.timestamp("us", "UTC"))})
)


@dataclass(frozen=True)
class Step:
    """A prepared statement: it fills the table `fills`, or gives rows when that is empty."""

    statement: str
    fills: str = ""


class Recording:
    """An engine over slices of the live tables that prepares what it is asked, to be run later."""

    def __init__(self, tables: LiveTables) -> None:
        self._connection, self._numbers = tables.connection, count()
        self._backend = ibis.duckdb.from_connection(tables.connection)
        self.filled = {
            table.name
            for table in TABLES
            if tables.connection.execute(f"select 1 from {name(table.name)} limit 1").fetchall()  # noqa: S608 - only names of the contract
        }
        self.steps: list[Step] = []

    def has(self, table: str) -> bool:
        """Whether that raw table has rows."""
        return table in self.filled

    def read(self, table: str) -> ir.Table:
        """The slice of a raw table."""
        if not self.has(table):
            raise MissingTable(table, "the live tables")
        return self._backend.table(_slice(table))[BY_NAME[table].schema.names]

    def given(self, table: pa.Table, name: str) -> ir.Table:
        """An Arrow table as a table that is filled anew before every run."""
        self._connection.register("given_once", table)
        self._connection.execute(f"create or replace temp table {name} as from given_once")
        self._connection.unregister("given_once")
        return self._backend.table(name)

    def keep(self, expression: ir.Table, lasting: bool = False) -> ir.Table:
        """A table that every run fills anew."""
        kept, query = f"live_{next(self._numbers)}", compiled(expression)
        self._connection.execute(f"create or replace temp table {kept} as {query}")
        self._prepare(f"insert into {kept} {query}", kept)
        return self._backend.table(kept)

    def remember(self, table: str, expression: ir.Table) -> ir.Table:
        """A table that every run fills anew: slices change."""
        return self.keep(expression)

    def forget(self) -> None:
        """Nothing: every run fills the tables anew."""

    def arrow(self, expression: ir.Table) -> pa.Table:
        """The rows of this first run; later runs give them too."""
        query = compiled(expression)
        self._prepare(query, "")
        return self._connection.sql(query).to_arrow_table()

    def microseconds(self, time: ir.TimestampValue) -> ir.IntegerValue:
        """Microseconds from 1970 to that time (UTC)."""
        return epoch_microseconds(time)

    def hash(self, value: ir.Value) -> ir.IntegerValue:
        """A hash of 64 bits: equal values have equal hashes."""
        return hash_of(value)

    def close(self) -> None:
        """Nothing: the connection is the live tables'."""

    def _prepare(self, query: str, fills: str) -> None:
        statement = f"step_{len(self.steps)}"
        self._connection.execute(f"prepare {statement} as {query}")
        self.steps.append(Step(statement, fills))


class Plan:
    """Online rows of a few customers as of now, from the live tables."""

    def __init__(self, tables: LiveTables, base_currency: str) -> None:
        self._tables, self._connection, self._base = tables, tables.connection, base_currency
        self._compile()

    def _compile(self) -> None:
        for table in TABLES:
            columns = f"select * from {name(table.name)} limit 0"  # noqa: S608 - only names of the contract
            self._connection.execute(f"create or replace temp table {_slice(table.name)} as {columns}")
        with quiet():
            engine = Recording(self._tables)
            self._slice([], [])
            spine = engine.given(SPINE, "live_spine")
            for asked in online(Snapshot(History(engine), spine, ANY_DATE, self._base)):
                engine.arrow(asked)
        self._steps, self._known = tuple(engine.steps), engine.filled

    def know(self, tables: Iterable[str]) -> None:
        """Be compiled anew when one of these tables had no rows so far: its features were left out."""
        if not self._known.issuperset(tables):
            self._compile()

    def run(self, customers: Sequence[str], as_of: datetime) -> dict[str, pa.Table]:
        """The views of these customers as of that moment, and `owned`."""
        accounts = self._owned_accounts(customers)
        self._slice(customers, accounts)
        at = pa.array([as_of] * len(customers), pa.timestamp("us", "UTC"))
        self._connection.register(
            "spine_now", spine_table(pa.table({"customer_id": list(customers), "as_of": at}))
        )
        self._connection.execute("delete from live_spine")
        self._connection.execute("insert into live_spine from spine_now")
        self._connection.unregister("spine_now")
        return online_views(list(self._run()))

    def _run(self) -> list[pa.Table]:
        given = []
        for step in self._steps:
            if step.fills:
                self._connection.execute(f"delete from {step.fills}")  # noqa: S608 - a name of this module
                self._connection.execute(f"execute {step.statement}")
            else:
                given.append(self._connection.sql(f"execute {step.statement}").to_arrow_table())
        return given

    def _owned_accounts(self, customers: Sequence[str]) -> list[str]:
        rows = self._tables.rows_of("account_owners", "customer_id", customers)
        return sorted({str(row["account_id"]) for row in rows})

    def _slice(self, customers: Sequence[str], accounts: Sequence[str]) -> None:
        """Fill the slices with the rows that belong to these customers and accounts."""
        for table in TABLES:
            column, into = owner(table), _slice(table.name)
            if column == "loan_id":
                which = f"loan_id in (select loan_id from {_slice('loans')})"  # noqa: S608 - only names of the contract
            elif column in ("account_id", "customer_id"):
                wanted = accounts if column == "account_id" else customers
                which = f"{column} in ({', '.join(map(quoted, wanted))})" if wanted else "false"
            else:
                which = "true"
            self._connection.execute(f"delete from {into}")  # noqa: S608 - only names of the contract
            self._connection.execute(f"insert into {into} select * from {name(table.name)} where {which}")  # noqa: S608 - quoted values


def _slice(table: str) -> str:
    return f"slice_{table}"
