"""Which segment a customer belongs to: the nearest of a few centres."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.release.errors import BrokenRelease
from training.release.fields import F64Array, Fields

F32Array = npt.NDArray[np.float32]
FILE = "model.json"


@dataclass(frozen=True)
class Segment:
    """One segment: its id, names in two languages, the rule that describes it, its share."""

    id: str
    name_en: str
    name_zh: str
    rule: str
    share: float


@dataclass(frozen=True)
class Segmentation:
    """k-means centres in a space of filled, partly logged, standardised features."""

    columns: tuple[str, ...]
    logged: npt.NDArray[np.bool_]
    fill: F64Array
    mean: F64Array
    scale: F64Array
    centers: F64Array
    segments: tuple[Segment, ...]

    @staticmethod
    def read(files: Mapping[str, bytes]) -> "Segmentation":
        """From the files of the part `segmentation`."""
        fields = Fields.parse(f"parts/segmentation/{FILE}", files[FILE])
        if fields.text("kind") != "kmeans":
            raise BrokenRelease(fields.path, f"kind {fields.text('kind')!r} is unknown")
        columns = fields.columns()
        scale = fields.numbers("scale", len(columns))
        centers = fields.rows("centers", len(columns))
        segments = tuple(_segment(segment) for segment in fields.objects("segments"))
        if len(segments) != len(centers) or not len(centers) or (scale <= 0).any():
            raise BrokenRelease(fields.path, "each centre needs its segment, each scale be above 0")
        return Segmentation(
            columns,
            np.isin(columns, fields.columns("log_columns")),
            fields.numbers("fill", len(columns)),
            fields.numbers("mean", len(columns)),
            scale,
            centers,
            segments,
        )

    def assign(self, features: F32Array) -> npt.NDArray[np.intp]:
        """The index of each customer's segment, (n,), from features (n, columns).

        Squared distances are summed column by column: each step is an exactly rounded
        elementwise operation, so the number of customers asked about cannot change a bit.
        """
        distance = np.zeros((len(features), len(self.centers)))
        for index, column in enumerate(self._standardised(features)):
            distance += (column[:, None] - self.centers[None, :, index]) ** 2
        nearest: npt.NDArray[np.intp] = distance.argmin(axis=1)
        return nearest

    def _standardised(self, features: F32Array) -> F64Array:
        """(columns, n): filled, logged with the sign kept, centred and scaled."""
        values = np.ascontiguousarray(features.T, np.float64)
        values = np.where(np.isfinite(values), values, self.fill[:, None])
        values[self.logged] = np.sign(values[self.logged]) * np.log1p(np.abs(values[self.logged]))
        standardised: F64Array = (values - self.mean[:, None]) / self.scale[:, None]
        return standardised


def _segment(fields: Fields) -> Segment:
    return Segment(
        fields.text("id"),
        fields.text("name_en"),
        fields.text("name_zh"),
        fields.text("rule"),
        fields.number("share"),
    )
