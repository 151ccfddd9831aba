"""Where Ibis expressions run: DuckDB on this machine, Spark on a cluster; the same expressions on both.

Everything above asks for tables by name, keeps intermediate results, and takes Arrow back.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import ibis.expr.types as ir
import pyarrow as pa

from feature_repo.settings import Machine


class Engine(Protocol):
    """Ibis expressions over one folder of raw tables."""

    def has(self, table: str) -> bool:
        """Whether that raw table was delivered; an empty one was."""
        ...

    def read(self, table: str) -> ir.Table:
        """A raw table with the columns of its contract; MissingTable when it was not delivered."""
        ...

    def given(self, table: pa.Table, name: str) -> ir.Table:
        """An Arrow table as a table of this engine."""
        ...

    def keep(self, expression: ir.Table, lasting: bool = False) -> ir.Table:
        """The same rows, computed once and held: until `forget`, or if `lasting` until the engine closes."""
        ...

    def remember(self, table: str, expression: ir.Table) -> ir.Table:
        """Rows that follow from the files of a raw table alone, held until those change where that pays."""
        ...

    def forget(self) -> None:
        """Let go of what was kept, save what is lasting."""
        ...

    def arrow(self, expression: ir.Table) -> pa.Table:
        """The rows, computed."""
        ...

    def microseconds(self, time: ir.TimestampValue) -> ir.IntegerValue:
        """Microseconds from 1970 to that time (UTC)."""
        ...

    def hash(self, value: ir.Value) -> ir.IntegerValue:
        """A hash of 64 bits: equal values have equal hashes."""
        ...

    def close(self) -> None:
        """Let go of everything kept."""
        ...


@contextmanager
def quiet() -> Iterator[None]:
    """Ibis 12 calls a method that DuckDB 2 has renamed; nobody who runs this could do anything about it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "fetch_arrow_table", DeprecationWarning)
        yield


@contextmanager
def engine(raw: Path, machine: Machine) -> Iterator[Engine]:
    """An engine over these raw tables, for as long as the block lasts.

    NoSpark when Spark is asked for and cannot run.
    """
    if machine.engine == "spark":
        from feature_repo.spark_engine import SparkEngine, session

        with session(machine.master or f"local[{machine.threads}]") as spark, quiet():
            opened: Engine = SparkEngine(raw, spark)
            try:
                yield opened
            finally:
                opened.close()
        return
    from feature_repo.duckdb_engine import DuckEngine

    with quiet(), TemporaryDirectory(prefix="bank-features-") as scratch:
        opened = DuckEngine(raw, machine.threads, Path(scratch))
        try:
            yield opened
        finally:
            opened.close()
