"""Which segment a customer belongs to: the nearest of a few centres, each column by its weight."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.release.errors import BrokenRelease
from training.release.fields import F64Array, Fields
from training.release.value import Value

F32Array = npt.NDArray[np.float32]
FILE, KIND = "model.json", "sparse_kmeans"
AT_ONCE = 1 << 20  # distances worked out at once (8 MB): bounded memory, whatever is asked
SEGMENT_ID = re.compile(r"S([1-9][0-9]{0,5})")


@dataclass(frozen=True)
class Segment:
    """One segment: its id, names in two languages, the rule that describes it, its share.

    `stability` is its mean Jaccard index with the segments of resampled customers (Hennig 2007).
    """

    id: str
    name_en: str
    name_zh: str
    rule: str
    share: float
    stability: float

    @property
    def number(self) -> int:
        """The number in the id."""
        return int(self.id[1:])


@dataclass(frozen=True)
class Segmentation:
    """Weighted centres in a space of filled, partly logged, standardised features.

    `limit` is how many standard deviations a value counts at most; `last_number` the highest number
    a segment ever had, so that the id of one that is gone is never given to another.
    """

    columns: tuple[str, ...]
    logged: npt.NDArray[np.bool_]
    fill: F64Array
    mean: F64Array
    scale: F64Array
    limit: float
    weights: F64Array
    centers: F64Array
    segments: tuple[Segment, ...]
    last_number: int
    value: Value | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """Every column read: those of the segments, then those of the value."""
        return tuple(dict.fromkeys((*self.columns, *(self.value.columns if self.value else ()))))

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids, in the order of the centres."""
        return tuple(segment.id for segment in self.segments)

    @staticmethod
    def read(files: Mapping[str, bytes]) -> "Segmentation":
        """From the files of the part `segmentation`."""
        fields = Fields.parse(f"parts/segmentation/{FILE}", files[FILE])
        if fields.text("kind") != KIND:
            raise BrokenRelease(fields.path, f"kind {fields.text('kind')!r} is unknown")
        columns = fields.columns()
        found = Segmentation(
            columns,
            np.isin(columns, fields.columns("log_columns")),
            fields.numbers("fill", len(columns)),
            fields.numbers("mean", len(columns)),
            fields.numbers("scale", len(columns)),
            fields.number("limit"),
            fields.numbers("weights", len(columns)),
            fields.rows("centers", len(columns)),
            tuple(_segment(segment) for segment in fields.objects("segments")),
            int(fields.number("last_number")),
            Value.read(fields.nested("value")) if fields.has("value") else None,
        )
        _check(fields.path, found)
        return found

    def assign(self, features: F32Array) -> npt.NDArray[np.intp]:
        """The index of each customer's segment, (n,), from features (n, columns).

        Squared distances are summed column by column: each step is an exactly rounded
        elementwise operation, so the number of customers asked about cannot change a bit.
        """
        nearest = np.empty(len(features), np.intp)
        step = max(1, AT_ONCE // self.centers.size)
        weights, centers = self.weights[:, None, None], self.centers.T[:, None, :]
        for start in range(0, len(features), step):
            some = slice(start, start + step)
            apart = self._standardised(features[some])[:, :, None] - centers
            nearest[some] = np.add.reduce(weights * apart**2, axis=0).argmin(axis=1)
        return nearest

    def _standardised(self, features: F32Array) -> F64Array:
        """(columns, n): filled, logged with the sign kept, centred, scaled and held within the limit."""
        values = np.ascontiguousarray(features.T, np.float64)
        values = np.where(np.isfinite(values), values, self.fill[:, None])
        logged = values[self.logged]
        values[self.logged] = np.sign(logged) * np.log1p(np.abs(logged))
        standardised = (values - self.mean[:, None]) / self.scale[:, None]
        held: F64Array = np.clip(standardised, -self.limit, self.limit)
        return held


def _check(path: str, found: Segmentation) -> None:
    ids = found.ids
    if len(ids) != len(found.centers) or not ids or (found.scale <= 0).any():
        raise BrokenRelease(path, "each centre needs its segment, each scale be above 0")
    if found.limit <= 0 or (found.weights < 0).any():
        raise BrokenRelease(path, "limit should be above 0, weights not below")
    wrong = not all(SEGMENT_ID.fullmatch(name) for name in ids) or len(set(ids)) != len(ids)
    if wrong or max(segment.number for segment in found.segments) > found.last_number:
        raise BrokenRelease(path, "ids should be S1, S2, ..., each once, up to last_number")


def _segment(fields: Fields) -> Segment:
    return Segment(
        fields.text("id"),
        fields.text("name_en"),
        fields.text("name_zh"),
        fields.text("rule"),
        fields.number("share"),
        fields.number("stability"),
    )
