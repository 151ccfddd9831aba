"""Where Ibis expressions run: DuckDB on this machine.

Everything above asks for tables by name, keeps intermediate results, and takes Arrow back; an
engine for a cluster offers the same five methods.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.errors import MissingTable
from feature_repo.raw.contracts import BY_NAME

MEMORY = "1500MB"  # more goes to disk: a run shares its machine with the service


class Engine:
    """Ibis on DuckDB over one folder of raw tables; `scratch` holds what it is given as Arrow."""

    def __init__(self, raw: Path, threads: int, scratch: Path) -> None:
        self._raw, self._scratch, self._numbers = raw, scratch, count()
        self._backend = ibis.duckdb.connect(
            threads=threads, temp_directory=str(scratch), memory_limit=MEMORY, preserve_insertion_order=False
        )
        self._backend.raw_sql("SET TimeZone = 'UTC'")

    def has(self, table: str) -> bool:
        """Whether that raw table was delivered; an empty one was."""
        return any(self._files(table))

    def read(self, table: str) -> ir.Table:
        """A raw table with the columns of its contract; MissingTable when it was not delivered."""
        files = list(self._files(table))
        if not files:
            raise MissingTable(table, self._raw)
        return self._backend.read_parquet(files)[BY_NAME[table].schema.names]

    def given(self, table: pa.Table, name: str) -> ir.Table:
        """An Arrow table as a table of this engine."""
        path = self._scratch / f"{name}.parquet"
        pq.write_table(table, path)
        return self._backend.read_parquet(path)

    def keep(self, expression: ir.Table) -> ir.Table:
        """The same rows, computed once and held until the engine closes."""
        # Not Expr.cache(): what that holds is dropped by the garbage collector, at any time.
        return self._backend.create_table(f"kept_{next(self._numbers)}", expression, temp=True)

    def arrow(self, expression: ir.Table) -> pa.Table:
        """The rows, computed."""
        return self._backend.to_pyarrow(expression)

    def close(self) -> None:
        """Let go of everything kept."""
        self._backend.disconnect()

    def _files(self, table: str) -> Iterator[Path]:
        return iter(sorted((self._raw / table).glob("*.parquet")))


@contextmanager
def quiet() -> Iterator[None]:
    """Ibis 12 calls a method that DuckDB 2 has renamed; nobody who runs this could do anything about it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "fetch_arrow_table", DeprecationWarning)
        yield


@contextmanager
def engine(raw: Path, threads: int) -> Iterator[Engine]:
    """An engine over these raw tables, for as long as the block lasts."""
    with quiet(), TemporaryDirectory(prefix="bank-features-") as scratch:
        opened = Engine(raw, threads, Path(scratch))
        try:
            yield opened
        finally:
            opened.close()
