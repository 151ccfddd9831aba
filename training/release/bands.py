"""Features as bands: which row of a table of effects each value falls into."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from training.release.errors import BrokenRelease
from training.release.fields import F64Array, Fields
from training.release.segmentation import F32Array

Places = npt.NDArray[np.intp]
MOST_BANDS = 64


@dataclass(frozen=True)
class Bands:
    """Each of C columns cut at rising edges; a missing value is a band of its own, the last.

    band = the number of edges at or below the value, or len(edges) + 1 where it is missing.
    """

    columns: tuple[str, ...]
    edges: tuple[F64Array, ...]

    @staticmethod
    def read(fields: Fields) -> "Bands":
        """From {"columns": [..], "edges": [[..]..]}; BrokenRelease unless every column's edges rise."""
        columns, edges = fields.columns(), fields.ragged("edges")
        if len(edges) != len(columns) or any(len(each) > MOST_BANDS for each in edges):
            raise BrokenRelease(fields.path, f"each of {len(columns)} columns needs its edges")
        if any((np.diff(each) <= 0).any() for each in edges):
            raise BrokenRelease(fields.path, "the edges of a column should rise")
        return Bands(columns, edges)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many bands each column has, the missing one included."""
        return tuple(len(each) + 2 for each in self.edges)

    @property
    def rows(self) -> int:
        """How many bands all columns have together."""
        return sum(self.sizes)

    def places(self, features: F32Array) -> Places:
        """The row of each column's band, (C, n), counted over all columns, from features (n, C).

        >>> Bands(("income",), (np.array([1000.0]),)).places(np.array([[500], [1000], [np.nan]], np.float32))
        array([[0, 1, 2]])
        """
        if not self.columns:
            return np.zeros((0, len(features)), np.intp)
        values, (first, last) = features.T.astype(np.float64), self._ends
        band = first + (values[:, :, None] >= self._padded).sum(axis=2)
        return np.where(np.isnan(values), last, band)

    @cached_property
    def _padded(self) -> F64Array:
        """(C, 1, widest): every column's edges; nothing is at or above what is no number."""
        padded = np.full((len(self.edges), 1, max(len(each) for each in self.edges)), np.nan)
        for row, each in zip(padded[:, 0], self.edges, strict=True):
            row[: len(each)] = each
        return padded

    @cached_property
    def _ends(self) -> tuple[Places, Places]:
        """The row of each column's first band, and of its last, (C, 1) each."""
        size = np.array(self.sizes, np.intp)[:, None]
        start = np.cumsum(size, axis=0) - size
        return start, start + size - 1
