"""The latest row of each customer in a feature table: one sort of its keys, one read of its columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

BEFORE_ALL = -(2**63)


@dataclass(frozen=True)
class Columns:
    """What a feature table calls its customer, its times and its features."""

    customer: str
    event: str
    created: str | None
    features: Sequence[str]

    @property
    def wanted(self) -> list[str]:
        """Those that come online: customer, event time, features."""
        return [self.customer, self.event, *self.features]


def latest(path: str, columns: Columns, start: datetime, end: datetime) -> pa.Table:
    """Of each customer's rows from `start` to `end`, both included, the last; sorted by customer.

    Of several rows of the same time it is the one created last, as Feast's own query has it; one
    whose creation is unknown comes before all others.
    """
    times = [name for name in (columns.event, columns.created) if name]
    at, kind = pc.field(columns.event), pq.read_schema(path).field(columns.event).type
    table = pq.read_table(
        path,
        columns=list(dict.fromkeys([columns.customer, *times, *columns.features])),
        filters=(at >= _as(start, kind)) & (at <= _as(end, kind)),
    )
    keys = {"customer": table[columns.customer]}
    for name in times:
        keys[f"time {name}"] = table[name].cast(pa.int64()).fill_null(BEFORE_ALL)
    order = pc.sort_indices(pa.table(keys), sort_keys=[(name, "ascending") for name in keys])
    customer = table[columns.customer].take(order)
    last = np.ones(len(order), np.bool_)
    if len(order):
        another = pc.not_equal(customer.slice(0, len(order) - 1), customer.slice(1))
        last[:-1] = another.to_numpy()
    return table.select(columns.wanted).take(order.filter(pa.array(last)))


def _as(at: datetime, kind: pa.DataType) -> pa.Scalar:
    """The time as the column holds it; one without a zone is UTC."""
    return pa.scalar(at, pa.timestamp("us", "UTC")).cast(kind)
