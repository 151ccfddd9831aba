"""Ibis on DuckDB: one process, spilling to disk what its memory does not hold."""

import os
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.expr.operations.core import Node

from feature_repo.raw.contracts import BY_NAME
from feature_repo.raw.source import delivered, files

MEMORY = "3GB"  # more goes to disk: a run shares its machine with the service


def epoch_us(time: ir.TimestampValue) -> ir.IntegerValue:
    """DuckDB's function of that name."""
    raise NotImplementedError  # DuckDB has the body


def hash(value: ir.StringValue) -> ir.IntegerValue:
    """DuckDB's function of that name."""
    raise NotImplementedError  # DuckDB has the body


_EPOCH_US = ibis.udf.scalar.builtin(epoch_us, signature=((dt.Timestamp(timezone="UTC", scale=6),), dt.int64))
_HASH = ibis.udf.scalar.builtin(hash, signature=((dt.string,), dt.uint64))


def epoch_microseconds(time: ir.TimestampValue) -> ir.IntegerValue:
    """Microseconds from 1970 to that time (UTC), as DuckDB computes them."""
    return _EPOCH_US(time)


def hash_of(value: ir.Value) -> ir.IntegerValue:
    """A hash of 64 bits, as DuckDB computes it."""
    return _HASH(value.cast("string"))


def compiled(expression: ir.Table) -> str:
    """The expression as DuckDB's SQL, conditions of aggregates inside their arguments.

    For each FILTER clause DuckDB makes room for the arguments of all of them: with a hundred of them that
    takes a sixth of the time of ten million rows, and nearly all of the time of a thousand.
    """
    return str(ibis.to_sql(expression.op().replace(_unfiltered).to_expr(), dialect="duckdb", pretty=False))


def _unfiltered(node: Node, changed: dict[str, Any] | None) -> Node:
    found = node.__recreate__(changed) if changed else node
    where = getattr(found, "where", None)
    if where is None or not isinstance(found, ops.Reduction):
        return found
    if isinstance(found, ops.CountStar):
        return ops.Count(_where(where, ops.Literal(1, dt.int8)))
    if isinstance(found, ops.ArgMax | ops.ArgMin):
        return found.copy(arg=_where(where, found.arg), key=_where(where, found.key), where=None)
    return found.copy(arg=_where(where, found.arg), where=None)


def _where(condition: Node, value: Node) -> Node:
    return ops.IfElse(condition, value, ops.Literal(None, value.dtype))


class DuckEngine:
    """DuckDB over one folder of raw tables; `scratch` holds what it is given as Arrow and what spills."""

    def __init__(self, raw: Path, threads: int, scratch: Path) -> None:
        self._raw, self._scratch, self._numbers = raw, scratch, count()
        self._kept: list[str] = []
        self._backend = ibis.duckdb.connect(
            threads=threads, temp_directory=str(scratch), memory_limit=MEMORY, preserve_insertion_order=False
        )
        self._backend.raw_sql("SET TimeZone = 'UTC'")

    def has(self, table: str) -> bool:
        """Whether that raw table was delivered; an empty one was."""
        return any(files(self._raw, table))

    def read(self, table: str) -> ir.Table:
        """A raw table with the columns of its contract; MissingTable when it was not delivered."""
        return self._backend.read_parquet(delivered(self._raw, table))[BY_NAME[table].schema.names]

    def given(self, table: pa.Table, name: str) -> ir.Table:
        """An Arrow table as a table of this engine."""
        path = self._scratch / f"{name}_{next(self._numbers)}.parquet"
        pq.write_table(table, path)
        return self._backend.read_parquet(path)

    def keep(self, expression: ir.Table, lasting: bool = False) -> ir.Table:
        """The same rows, computed once and held: until `forget`, or if `lasting` until the engine closes."""
        # Not Expr.cache(): what that holds is dropped by the garbage collector, at any time.
        name = f"kept_{next(self._numbers)}"
        if not lasting:
            self._kept.append(name)
        # Not create_table(): that makes an empty table first and fills it by an INSERT, planned twice.
        self._backend.raw_sql(f'CREATE TEMP TABLE "{name}" AS {compiled(expression)}')
        return self._backend.table(name, database="temp.main")

    def remember(self, table: str, expression: ir.Table) -> ir.Table:
        """Rows that follow from the files of a raw table alone: in a file beside the raw tables.

        It is named after the names, sizes and times of the table's files, and one of other files goes.
        """
        folder = self._raw.with_name(f".{self._raw.name}.remembered")
        stated = [
            (path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files(self._raw, table)
        ]
        path = folder / f"{table}-{sha256(repr(stated).encode()).hexdigest()[:32]}.parquet"
        if not path.exists():
            folder.mkdir(exist_ok=True)
            draft = path.with_suffix(f".{os.getpid()}")
            self._backend.raw_sql(f"COPY ({compiled(expression)}) TO '{draft}' (FORMAT parquet)")
            draft.replace(path)
            for old in set(folder.glob(f"{table}-*.parquet")) - {path}:
                old.unlink(missing_ok=True)
        return self._backend.read_parquet(path)

    def forget(self) -> None:
        """Let go of what was kept, save what is lasting."""
        while self._kept:
            self._backend.raw_sql(f'DROP TABLE "{self._kept.pop()}"')

    def arrow(self, expression: ir.Table) -> pa.Table:
        """The rows, computed."""
        return self._backend.to_pyarrow(expression)

    def microseconds(self, time: ir.TimestampValue) -> ir.IntegerValue:
        """Microseconds from 1970 to that time (UTC)."""
        return epoch_microseconds(time)

    def hash(self, value: ir.Value) -> ir.IntegerValue:
        """A hash of 64 bits: equal values have equal hashes."""
        return hash_of(value)

    def close(self) -> None:
        """Let go of everything kept."""
        self._backend.disconnect()
