"""Cold start: what people like this one took, where the customer holds nothing yet."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.learning.trees import F32
from training.validation import F64

BANDS: tuple[tuple[str, int], ...] = (("is_company", 2), ("income_monthly", 4), ("risk_level", 5))
BAND_COLUMNS: tuple[str, ...] = tuple(name for name, _ in BANDS)
PRIOR = 60.0  # customers that the whole bank's popularity weighs in each cell


@dataclass(frozen=True)
class Content:
    """Popularity by cell. A cell is a mixed-radix number of bands; a missing value is a band of its own.

    band = searchsorted(edges, value, "right"), or len(edges) + 1 when missing;
    cell = (band_1 * size_2 + band_2) * size_3 + band_3, with size = len(edges) + 2.
    """

    columns: tuple[str, ...]
    edges: tuple[tuple[float, ...], ...]
    popularity: F64  # (cells, P), rows sum to 1

    @staticmethod
    def fit(matrix: F32, columns: Sequence[str], added: npt.NDArray[np.bool_]) -> "Content":
        """Count additions (n, P) by cell and draw each cell to the whole bank's popularity."""
        used = [(name, bands) for name, bands in BANDS if name in columns]
        edges = tuple(_edges(matrix[:, list(columns).index(name)], bands) for name, bands in used)
        empty = Content(tuple(name for name, _ in used), edges, np.zeros((0, 0)))
        cells = int(np.prod([len(each) + 2 for each in edges]))
        cell = empty.cells(matrix, columns)
        counts = np.zeros((cells, added.shape[1]))
        np.add.at(counts, cell, added.astype(np.float64))
        whole = (added.sum(axis=0) + 1e-3) / (added.sum() + 1e-3 * added.shape[1])
        smoothed = (counts + PRIOR * whole) / (counts.sum(axis=1, keepdims=True) + PRIOR)
        return Content(empty.columns, edges, np.round(smoothed, 9))

    def cells(self, matrix: F32, columns: Sequence[str]) -> npt.NDArray[np.intp]:
        """The cell of each of n customers."""
        cell = np.zeros(len(matrix), np.intp)
        for name, edges in zip(self.columns, self.edges, strict=True):
            values = matrix[:, list(columns).index(name)]
            band = np.searchsorted(np.array(edges, np.float64), values.astype(np.float64), side="right")
            cell = cell * (len(edges) + 2) + np.where(np.isnan(values), len(edges) + 1, band)
        return cell

    def scores(self, matrix: F32, columns: Sequence[str]) -> F64:
        """Popularity in each customer's cell, (n, P)."""
        out: F64 = self.popularity[self.cells(matrix, columns)]
        return out

    def as_json(self) -> dict[str, object]:
        """As the release keeps it."""
        return {"columns": list(self.columns), "edges": [list(each) for each in self.edges],
                "popularity": self.popularity.tolist()}  # fmt: skip


def _edges(values: F32, bands: int) -> tuple[float, ...]:
    known = values[~np.isnan(values)].astype(np.float64)
    distinct = np.unique(known)
    if len(distinct) <= bands:
        return tuple(((distinct[1:] + distinct[:-1]) / 2).tolist())
    return tuple(np.unique(np.quantile(known, np.arange(1, bands) / bands, method="higher")).tolist())
