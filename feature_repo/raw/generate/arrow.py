"""From numpy arrays to Arrow columns of a contract's kinds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_repo.raw.contracts import ARROW, Column, Kind, Table

Array = npt.NDArray[Any]
NULL = int(np.iinfo(np.int64).min)
"""Stands for a missing value in integer arrays (numbers of things, cents, microseconds)."""

PREFIX = {
    "customer_id": "C", "account_id": "A", "booking_id": "B", "counterparty_id": "P",
    "loan_id": "L", "application_id": "R", "interaction_id": "I", "offer_id": "O",
    "campaign_id": "K", "relationship_manager": "M",
}  # fmt: skip


def identifiers(prefix: str, numbers: npt.NDArray[np.int64], width: int = 9) -> pa.Array:
    """Numbers as fixed-width identifiers; NULL stays null.

    >>> identifiers("C", np.array([7, NULL]), width=4).to_pylist()
    ['C0007', None]
    """
    text = np.empty((len(numbers), width + 1), np.uint8)
    text[:, 0] = ord(prefix)
    left = np.where(numbers == NULL, 0, numbers)
    for place in range(width, 0, -1):
        text[:, place] = left % 10 + ord("0")
        left = left // 10
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * (width + 1)
    return pa.StringArray.from_buffers(
        len(numbers), pa.py_buffer(offsets), pa.py_buffer(text), *_validity(numbers != NULL)
    )


def money(cents: npt.NDArray[np.int64]) -> pa.Array:
    """Cents as exact decimals; NULL stays null.

    >>> money(np.array([-1250, NULL])).to_pylist()
    [Decimal('-12.50'), None]
    """
    words = np.empty((len(cents), 2), np.int64)  # little-endian 128 bit: low word, sign word
    words[:, 0], words[:, 1] = cents, cents >> 63
    bits, nulls = _validity(cents != NULL)
    return pa.Array.from_buffers(ARROW[Kind.MONEY], len(cents), [bits, pa.py_buffer(words)], nulls)


def times(microseconds: npt.NDArray[np.int64]) -> pa.Array:
    """Microseconds since 1970 as UTC timestamps; NULL stays null."""
    return pa.array(microseconds, mask=microseconds == NULL).cast(ARROW[Kind.TIME])


def table(contract: Table, columns: Mapping[str, Array]) -> pa.Table:
    """One Arrow table with exactly the contract's schema; a column that is not given is null."""
    rows = len(next(iter(columns.values())))
    return pa.Table.from_arrays(
        [_column(column, columns.get(column.name), rows) for column in contract.columns],
        schema=contract.schema,
    )


def _column(column: Column, values: Array | None, rows: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, ARROW[column.kind])
    if column.kind is Kind.MONEY:
        return money(values.astype(np.int64, copy=False))
    if column.kind is Kind.NUMBER:
        return pa.array(values, mask=np.isnan(values.astype(np.float64)))
    if column.kind is Kind.FLAG:
        return pa.array(values.astype(np.bool_))
    if values.dtype.kind in "OU":
        return pa.array(values, pa.string())
    if column.kind is Kind.ID:
        return identifiers(PREFIX[column.name], values.astype(np.int64, copy=False))
    if column.kind is Kind.CODE:  # an index into the contract's list; below zero is null
        return pa.array(column.allowed).take(pa.array(values, mask=values < 0))
    return pa.array(values.astype(np.int64), mask=values == NULL).cast(ARROW[column.kind])


def _validity(valid: npt.NDArray[np.bool_]) -> tuple[pa.Buffer | None, int]:
    nulls = int((~valid).sum())
    return (pa.py_buffer(np.packbits(valid, bitorder="little")) if nulls else None), nulls
