"""Rows of the small tables, collected while the bank lives, sorted and typed at the end."""

from collections import defaultdict

import numpy as np
import pyarrow as pa

from feature_repo.raw.contracts import BY_NAME
from feature_repo.raw.generate.arrow import Array, table


class Drafts:
    """Batches of rows for each table; scalars are repeated to the batch's length."""

    def __init__(self, partition: int = 0) -> None:
        self._partition = partition
        self._batches: dict[str, list[dict[str, Array]]] = defaultdict(list)

    def add(self, name: str, **columns: Array | int | float | str | None) -> None:
        """Add a batch; at least one column is an array, and an empty batch is no batch.

        Arrays are copied: what the bank learns later must not reach into rows it has recorded.
        """
        rows = next(len(values) for values in columns.values() if isinstance(values, np.ndarray))
        if rows:
            self._batches[name].append(
                {
                    column: values.copy() if isinstance(values, np.ndarray) else _repeat(values, rows)
                    for column, values in columns.items()
                }
            )

    def tables(self) -> dict[str, pa.Table]:
        """Every collected table, in the order the bank came to know the rows."""
        return {name: self._table(name) for name in self._batches}

    def _table(self, name: str) -> pa.Table:
        contract, batches = BY_NAME[name], self._batches[name]
        whole = pa.concat_tables(table(contract, batch, self._partition) for batch in batches)
        order = [("recorded_at", "ascending"), *((column, "ascending") for column in contract.key)]
        return whole.sort_by(order).combine_chunks()


def _repeat(value: float | str | None, rows: int) -> Array:
    return np.full(rows, value, dtype=object if value is None or isinstance(value, str) else None)
