"""Ibis on Spark: as many machines as the bank has, the same numbers."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa

from feature_repo.errors import BankError
from feature_repo.raw.contracts import BY_NAME
from feature_repo.raw.source import delivered, files

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LOCAL = "127.0.0.1"


class NoSpark(BankError, RuntimeError):
    """The engine is Spark, and Spark cannot run here."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"Features cannot be computed on Spark here: {why}. Install the extra 'spark' and a Java runtime "
            f"of version 17 or later, or set BANK_ENGINE=duckdb."
        )


def unix_micros(time: ir.TimestampValue) -> ir.IntegerValue:
    """Spark's function of that name."""
    raise NotImplementedError  # Spark has the body


def xxhash64(value: ir.StringValue) -> ir.IntegerValue:
    """Spark's function of that name."""
    raise NotImplementedError  # Spark has the body


_UNIX_MICROS = ibis.udf.scalar.builtin(
    unix_micros, signature=((dt.Timestamp(timezone="UTC", scale=6),), dt.int64)
)
_XXHASH64 = ibis.udf.scalar.builtin(xxhash64, signature=((dt.string,), dt.int64))


class SparkEngine:
    """Spark over one folder of raw tables, which every worker must be able to read."""

    def __init__(self, raw: Path, session: "SparkSession") -> None:
        self._raw, self._session, self._numbers = raw, session, count()
        self._backend = ibis.pyspark.connect(session)
        self._kept: list[DataFrame] = []
        self._lasting: list[DataFrame] = []

    def has(self, table: str) -> bool:
        """Whether that raw table was delivered; an empty one was."""
        return any(files(self._raw, table))

    def read(self, table: str) -> ir.Table:
        """A raw table with the columns of its contract; MissingTable when it was not delivered."""
        paths = [str(path.absolute()) for path in delivered(self._raw, table)]
        frame = self._session.read.parquet(*paths).select(*BY_NAME[table].schema.names)
        return self._view(frame)

    def given(self, table: pa.Table, name: str) -> ir.Table:
        """An Arrow table as a table of this engine."""
        return self._view(self._session.createDataFrame(table))

    def keep(self, expression: ir.Table, lasting: bool = False) -> ir.Table:
        """The same rows, computed once and held: until `forget`, or if `lasting` until the engine closes."""
        frame = self._session.sql(self._backend.compile(expression)).persist()
        (self._lasting if lasting else self._kept).append(frame)
        return self._view(frame)

    def remember(self, table: str, expression: ir.Table) -> ir.Table:
        """Rows that follow from the files of a raw table alone: until the engine closes."""
        return self.keep(expression, lasting=True)

    def forget(self) -> None:
        """Let go of what was kept, save what is lasting."""
        while self._kept:
            self._kept.pop().unpersist()

    def arrow(self, expression: ir.Table) -> pa.Table:
        """The rows, computed."""
        rows: pa.Table = self._session.sql(self._backend.compile(expression)).toArrow()
        return rows

    def microseconds(self, time: ir.TimestampValue) -> ir.IntegerValue:
        """Microseconds from 1970 to that time (UTC)."""
        return _UNIX_MICROS(time)

    def hash(self, value: ir.Value) -> ir.IntegerValue:
        """A hash of 64 bits: equal values have equal hashes."""
        return _XXHASH64(value.cast("string"))

    def close(self) -> None:
        """Let go of everything kept; the session goes on, it is its maker's."""
        self.forget()
        while self._lasting:
            self._lasting.pop().unpersist()

    def _view(self, frame: "DataFrame") -> ir.Table:
        name = f"bank_{id(self)}_{next(self._numbers)}"
        frame.createOrReplaceTempView(name)
        return self._backend.table(name)


@contextmanager
def session(master: str) -> Iterator["SparkSession"]:
    """A Spark session in UTC that listens on loopback alone unless the cluster is elsewhere."""
    try:
        from py4j.protocol import Py4JJavaError
        from pyspark.errors import PySparkRuntimeError
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise NoSpark("pyspark is not installed") from error
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master).appName("bank features")
    for key, value in {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "8",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }.items():
        builder = builder.config(key, value)
    if master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", LOCAL)
        builder = builder.config("spark.driver.bindAddress", LOCAL)
        builder = builder.config("spark.driver.host", LOCAL)
    try:
        opened = builder.getOrCreate()
    except (PySparkRuntimeError, Py4JJavaError) as error:
        raise NoSpark(f"no session at {master} ({type(error).__name__})") from error
    try:
        yield opened
    finally:
        opened.stop()
