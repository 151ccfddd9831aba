"""From numpy arrays to Arrow columns of a contract's kinds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_repo.raw.contracts import Column, Kind, Table, arrow

Array = npt.NDArray[Any]
NULL = int(np.iinfo(np.int64).min)
"""Stands for a missing value in integer arrays (numbers of things, cents, microseconds)."""

SPAN = 1_000_000
"""How far apart the numbers of two partitions begin: customers, accounts, loans and the like."""
BOOKING_SPAN = 100 * SPAN
BOOKING_WIDTH = 12
PREFIX = {
    "customer_id": "C", "account_id": "A", "booking_id": "B", "counterparty_id": "P",
    "loan_id": "L", "application_id": "R", "interaction_id": "I", "offer_id": "O",
    "campaign_id": "K", "relationship_manager": "M",
}  # fmt: skip


THREE_DIGITS = np.array([[ord(digit) for digit in f"{number:03d}"] for number in range(1000)], np.uint8)


def identifiers(prefix: str, numbers: npt.NDArray[np.int64], width: int = 9) -> pa.Array:
    """Numbers as fixed-width identifiers, the width a multiple of three; NULL stays null.

    >>> identifiers("C", np.array([7, NULL]), width=6).to_pylist()
    ['C000007', None]
    """
    text = np.empty((len(numbers), width + 1), np.uint8)
    text[:, 0] = ord(prefix)
    left = np.where(numbers == NULL, 0, numbers)
    for place in range(width - 2, 0, -3):
        text[:, place : place + 3] = THREE_DIGITS[left % 1000]
        left = left // 1000
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
    return pa.Array.from_buffers(arrow(Kind.MONEY), len(cents), [bits, pa.py_buffer(words)], nulls)


def times(microseconds: npt.NDArray[np.int64]) -> pa.Array:
    """Microseconds since 1970 as UTC timestamps; NULL stays null."""
    return pa.array(microseconds, mask=microseconds == NULL).cast(arrow(Kind.TIME))


def table(contract: Table, columns: Mapping[str, Array], partition: int = 0) -> pa.Table:
    """One Arrow table with exactly the contract's schema; a column that is not given is null.

    Whole numbers become the identifiers of that partition.
    """
    rows = len(next(iter(columns.values())))
    return pa.Table.from_arrays(
        [_column(column, columns.get(column.name), rows, partition) for column in contract.columns],
        schema=contract.schema,
    )


def own_identifiers(column: str, numbers: npt.NDArray[np.int64], partition: int) -> pa.Array:
    """The identifiers a partition gives to its own things; counterparties belong to no partition.

    >>> own_identifiers("loan_id", np.array([5]), 2).to_pylist()
    ['L002000005']
    """
    if column == "booking_id":
        return identifiers("B", numbers + partition * BOOKING_SPAN, BOOKING_WIDTH)
    shift = 0 if column == "counterparty_id" else partition * SPAN
    return identifiers(PREFIX[column], np.where(numbers == NULL, NULL, numbers + shift))


def _column(column: Column, values: Array | None, rows: int, partition: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, arrow(column.kind))
    if column.kind is Kind.MONEY:
        return money(values.astype(np.int64, copy=False))
    if column.kind is Kind.NUMBER:
        return pa.array(values, mask=np.isnan(values.astype(np.float64)))
    if column.kind is Kind.FLAG:
        return pa.array(values.astype(np.bool_))
    if values.dtype.kind in "OU":
        return pa.array(values, pa.string())
    if column.kind is Kind.ID:
        return own_identifiers(column.name, values.astype(np.int64, copy=False), partition)
    if column.kind is Kind.CODE:  # an index into the contract's list; below zero is null
        return pa.array(column.allowed).take(pa.array(values, mask=values < 0))
    return pa.array(values.astype(np.int64), mask=values == NULL).cast(arrow(column.kind))


def _validity(valid: npt.NDArray[np.bool_]) -> tuple[pa.Buffer | None, int]:
    nulls = int((~valid).sum())
    return (pa.py_buffer(np.packbits(valid, bitorder="little")) if nulls else None), nulls
