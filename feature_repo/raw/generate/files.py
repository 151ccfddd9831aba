"""How the generated bank's Parquet files are written: small, quick to make, read by DuckDB and Spark."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.raw.contracts import Kind, Table
from feature_repo.raw.generate.arrow import Array


def part(partition: int) -> str:
    """The name of that partition's file in each table's folder.

    >>> part(7)
    'part-00007.parquet'
    """
    return f"part-{partition:05d}.parquet"


def settings(contract: Table) -> Mapping[str, Any]:
    """Writer settings of a raw table: differences for keys, times and money, a dictionary for the rest.

    Money is stored as whole cents. The Arrow schema is not stored beside Parquet's own, which says
    the same, so that bookings may be handed over as dictionaries.
    """
    differs = {Kind.TIME: "DELTA_BINARY_PACKED", Kind.MONEY: "DELTA_BINARY_PACKED"}
    encoding = {column.name: differs[column.kind] for column in contract.columns if column.kind in differs}
    if contract.column(contract.key[0]).kind is Kind.ID:
        encoding[contract.key[0]] = "DELTA_BYTE_ARRAY"
    looked_up = [c.name for c in contract.columns if c.name not in encoding and c.kind is not Kind.FLAG]
    return {
        "compression": "zstd", "compression_level": 3, "column_encoding": encoding,
        "use_dictionary": looked_up, "store_schema": False, "store_decimal_as_integer": True,
    }  # fmt: skip


def write(contract: Table, rows: pa.Table, raw: Path, partition: int) -> None:
    """Write one partition of a small raw table."""
    folder = raw / contract.name
    folder.mkdir(exist_ok=True)
    pq.write_table(rows, folder / part(partition), **settings(contract))


class Growing:
    """A Parquet file that grows by one row group at a time; a context."""

    def __init__(self, path: Path, schema: pa.Schema, **how: Any) -> None:
        path.parent.mkdir(exist_ok=True)
        self._writer, self.rows = pq.ParquetWriter(path, schema, **how), 0

    def __enter__(self) -> "Growing":
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def add(self, rows: pa.Table) -> None:
        """Append a row group; no rows are no group."""
        if rows.num_rows:
            self._writer.write_table(rows, row_group_size=rows.num_rows)
            self.rows += rows.num_rows


def looked_up(numbers: Array, size: int, names: Any) -> pa.DictionaryArray:
    """Numbers below `size` as a dictionary of those in use; `names` makes Arrow text of numbers.

    >>> looked_up(np.array([3, 1, 3]), 5, lambda used: pa.array([f"A{n}" for n in used])).to_pylist()
    ['A3', 'A1', 'A3']
    """
    used = np.zeros(size, np.bool_)
    used[numbers] = True
    place = np.cumsum(used, dtype=np.int32) - np.int32(1)
    return pa.DictionaryArray.from_arrays(pa.array(place[numbers]), names(np.flatnonzero(used)))
