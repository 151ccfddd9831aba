"""Who is asked in a run: read from the online rows, a partition at a time, never all features at once."""

import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.errors import MissingColumns
from feature_repo.packed_rows import CHUNK, PackedRows
from serving.batch.run import CUSTOMERS, FILE, BatchRun

PARTITION = 20_000  # customers
EVERYBODY = "profile"  # the view with a row for each customer
SCHEMA = pa.schema([("customer_id", pa.string())])


def asked(rows: PackedRows, column: str) -> Iterator[str]:
    """The customers whose count in that column is above zero, sorted; MissingColumns when it is not there."""
    views = rows.columns()
    view = next((name for name, columns in views.items() if column in columns), None)
    if view is None or EVERYBODY not in views:
        raise MissingColumns("online rows", [column, EVERYBODY], views)
    ids = rows.customer_ids(EVERYBODY)
    while chunk := list(islice(ids, CHUNK)):
        found = rows.read(chunk, [view])
        above = found.values[:, found.columns.index(column)] > 0
        yield from (chunk[at] for at in np.flatnonzero(above))


def write_customers(folder: Path, names: Iterable[str], size: int = PARTITION) -> tuple[int, int]:
    """Write who is asked, `size` a row group; how many customers in how many partitions."""
    ids, customers, partitions = iter(names), 0, 0
    with pq.ParquetWriter(folder / CUSTOMERS, SCHEMA, compression="zstd") as writer:
        while part := list(islice(ids, size)):
            writer.write_table(pa.table({"customer_id": part}, schema=SCHEMA), row_group_size=size)
            customers, partitions = customers + len(part), partitions + 1
    return customers, partitions


def keep(runs: Path, run: BatchRun) -> Path:
    """Put a planned run in its folder; what a killed planner left beside it goes."""
    run.write(runs / run.name)
    for folder in runs.iterdir():
        if folder.is_dir() and not (folder / FILE).exists():
            shutil.rmtree(folder, ignore_errors=True)
    return runs / run.name
