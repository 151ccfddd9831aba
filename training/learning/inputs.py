"""Rows as learners see them: numbers as float32 with NaN, categories as text with None."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from feature_repo.errors import BankError
from training.learning.trees import F32

Texts = npt.NDArray[np.object_]
Column = F32 | Texts
At = npt.NDArray[np.intp] | npt.NDArray[np.bool_]


class UnreadableColumn(BankError, ValueError):
    """A column is neither numbers nor categories, or a number is infinite."""

    def __init__(self, column: str, found: str) -> None:
        self.column = column
        super().__init__(
            f"Column '{column}' holds {found}. Give numbers, categories or text; NaN is missing."
        )


@dataclass(frozen=True)
class Inputs:
    """n rows of named columns, each an array of n values: float32 (NaN is missing) or text (None is)."""

    names: tuple[str, ...]
    columns: tuple[Column, ...]

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def __getitem__(self, name: str) -> Column:
        return self.columns[self.names.index(name)]

    def take(self, rows: At) -> "Inputs":
        """Some of the rows, by position or mask."""
        return Inputs(self.names, tuple(column[rows] for column in self.columns))

    def only(self, names: Sequence[str]) -> "Inputs":
        """Some of the columns, in that order."""
        return Inputs(tuple(names), tuple(self[name] for name in names))

    @staticmethod
    def of(table: object, names: Sequence[str] = ()) -> "Inputs":
        """From a DataFrame, or from an array (n, F) whose columns are called `names` (else x0, x1, ..).

        >>> found = Inputs.of(pd.DataFrame({"a": [1.0, None], "b": ["x", None]}))
        >>> found.names, found["a"], found["b"]
        (('a', 'b'), array([ 1., nan], dtype=float32), array(['x', None], dtype=object))
        """
        if isinstance(table, Inputs):
            return table
        if isinstance(table, pd.DataFrame):
            called = tuple(str(name) for name in table.columns)
            return Inputs(called, tuple(_column(n, table.iloc[:, j]) for j, n in enumerate(called)))
        matrix = np.asarray(table)
        called = tuple(names) or tuple(f"x{j}" for j in range(matrix.shape[1]))
        return Inputs(called, tuple(_numbers(n, matrix[:, j]) for j, n in enumerate(called)))


def is_text(column: Column) -> bool:
    """Whether a column holds categories."""
    return column.dtype == object


def missing(column: Column) -> npt.NDArray[np.bool_]:
    """Which values are not there."""
    return np.asarray(pd.isna(column), bool)


def _column(name: str, values: "pd.Series[float]") -> Column:
    if values.dtype == object:
        return _mixed(name, values)
    if isinstance(values.dtype, pd.CategoricalDtype) or pd.api.types.is_string_dtype(values.dtype):
        return _texts(values.astype(object))
    if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
        return _numbers(name, values.to_numpy(np.float64, na_value=np.nan))
    raise UnreadableColumn(name, str(values.dtype))


def _mixed(name: str, values: "pd.Series[float]") -> Column:
    known = values.dropna()
    if known.map(lambda v: isinstance(v, int | float | np.number)).all():
        return _numbers(name, values.to_numpy(np.float64, na_value=np.nan))
    if known.map(lambda v: isinstance(v, str | int | float | bool | np.generic)).all():
        return _texts(values)
    raise UnreadableColumn(name, f"objects such as {type(known.iloc[0]).__name__}")


def _texts(values: "pd.Series[float]") -> Texts:
    return np.array(
        [None if gone else str(v) for v, gone in zip(values, pd.isna(values), strict=True)], object
    )


def _numbers(name: str, values: npt.NDArray[np.generic]) -> F32:
    try:
        as_floats = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise UnreadableColumn(name, f"values that are no numbers ({error})") from error
    limit = np.finfo(np.float32).max
    if (np.abs(as_floats[~np.isnan(as_floats)]) > limit).any():
        raise UnreadableColumn(name, "infinite numbers")
    return as_floats.astype(np.float32)
