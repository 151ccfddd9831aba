"""Cold start: popularity among people like this one, while a customer holds nothing yet."""

from dataclasses import dataclass

import numpy as np

from training.release.errors import BrokenRelease
from training.release.fields import F64Array, Fields
from training.release.segmentation import F32Array

MOST_CELLS = 10_000


@dataclass(frozen=True)
class Content:
    """Popularity (cells, P). A cell is a mixed-radix number of bands, a missing value is a band of its own.

    band = searchsorted(edges, value, "right"), or len(edges) + 1 where the value is missing;
    cell = (band_1 * size_2 + band_2) * size_3 + band_3, with size = len(edges) + 2.
    """

    columns: tuple[str, ...]
    edges: tuple[F64Array, ...]
    popularity: F64Array

    @staticmethod
    def read(fields: Fields, products: int) -> "Content":
        """From the `content` object of the part `recommendation`."""
        columns = fields.columns()
        edges = tuple(np.asarray(row, np.float64) for row in fields.ragged("edges"))
        popularity = fields.rows("popularity", products)
        cells = int(np.prod([len(each) + 2 for each in edges]))
        if len(edges) != len(columns) or cells > MOST_CELLS or len(popularity) != cells:
            raise BrokenRelease(fields.path, f"content needs {cells} cells, found {len(popularity)}")
        if any((np.diff(each) <= 0).any() for each in edges) or (popularity < 0).any():
            raise BrokenRelease(fields.path, "content edges should rise, and popularity not be negative")
        return Content(columns, edges, popularity)

    def scores(self, features: F32Array) -> F64Array:
        """Popularity in each customer's cell, (n, P), from features (n, columns).

        >>> content = Content(("income",), (np.array([1000.0]),), np.array([[1.0], [2.0], [3.0]]))
        >>> content.scores(np.array([[500.0], [1000.0], [np.nan]], np.float32))[:, 0]
        array([1., 2., 3.])
        """
        cell = np.zeros(len(features), np.intp)
        for edges, values in zip(self.edges, features.T, strict=True):
            band = np.searchsorted(edges, values.astype(np.float64), side="right")
            cell = cell * (len(edges) + 2) + np.where(np.isnan(values), len(edges) + 1, band)
        found: F64Array = self.popularity[cell]
        return found
