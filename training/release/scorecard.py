"""A scorecard: each characteristic falls into a bin, each bin has points, points add up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from training.release.calibration import Calibration
from training.release.errors import BrokenRelease
from training.release.fields import F64Array, Fields
from training.release.segmentation import F32Array

Texts = npt.NDArray[np.object_]
Values = F32Array | Texts


@dataclass(frozen=True)
class Characteristic:
    """The bins of one column of numbers: [.., edge), [edge, edge), ..; what is missing has its own points.

    `specials` are codes that are no numbers, each with its own points. A column of categories has
    `categories`, the bin of each text, instead of edges; one that is not among them, rare in training
    or never seen, is given `neutral_points`.
    """

    column: str
    edges: F64Array
    points: F64Array
    missing_points: float
    reference_points: float
    specials: Mapping[float, float] = field(default_factory=dict)
    categories: Mapping[str, int] = field(default_factory=dict)
    neutral_points: float = 0.0

    def of(self, values: Values) -> F64Array:
        """Points of each value, (n,).

        >>> age = Characteristic("age", np.array([30.0]), np.array([10.0, 25.0]), 15.0, 25.0, {-9.0: 12.0})
        >>> age.of(np.array([29.9, 30.0, -9.0, np.nan], np.float32))
        array([10., 25., 12., 15.])
        >>> job = Characteristic("job", np.empty(0), np.array([10.0, 25.0]), 15.0, 25.0, {}, {"a": 1}, 12.0)
        >>> job.of(np.array(["a", "new", None], object))
        array([25., 12., 15.])
        """
        if self.categories:
            return self._of_texts(values)
        numbers = values.astype(np.float64)
        place = np.searchsorted(self.edges, numbers, side="right").clip(max=len(self.edges))
        points = self.points[place]
        for special, given in self.specials.items():
            points = np.where(numbers == np.float64(np.float32(special)), given, points)
        return np.where(np.isnan(numbers), self.missing_points, points)

    def _of_texts(self, values: Values) -> F64Array:
        points = np.empty(len(values))
        for row, value in enumerate(values.tolist()):
            place = self.categories.get(value) if isinstance(value, str) else None
            neutral = self.neutral_points if isinstance(value, str) else self.missing_points
            points[row] = neutral if place is None else self.points[place]
        return points


@dataclass(frozen=True)
class Scorecard:
    """Characteristics and the scale they are on: factor = PDO / ln 2, higher scores are better."""

    characteristics: tuple[Characteristic, ...]
    factor: float
    offset: float
    calibration: Calibration

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns the scorecard reads, in its order."""
        return tuple(characteristic.column for characteristic in self.characteristics)

    @staticmethod
    def read(fields: Fields) -> "Scorecard":
        """From the member's `scorecard` object."""
        factor = fields.number("factor")
        if factor <= 0:
            raise BrokenRelease(fields.path, f"the scorecard's factor {factor} should be above 0")
        characteristics = tuple(_characteristic(each) for each in fields.objects("characteristics"))
        return Scorecard(
            characteristics,
            factor,
            fields.number("offset"),
            Calibration.read(fields.nested("calibration")),
        )

    def points(self, features: F32Array | Sequence[Values]) -> F64Array:
        """Points by customer and characteristic, (n, characteristics).

        `features` is a matrix of that shape, or a list of columns where some hold categories.
        """
        columns = features.T if isinstance(features, np.ndarray) else features
        points = np.empty((len(columns[0]) if len(columns) else 0, len(self.characteristics)))
        for index, characteristic in enumerate(self.characteristics):
            points[:, index] = characteristic.of(columns[index])
        return points

    def score(self, points: F64Array) -> F64Array:
        """The total of each customer's points, (n,), added one characteristic after the other."""
        total = np.zeros(len(points))
        for column in points.T:
            total += column
        return total

    def margin(self, score: F64Array) -> F64Array:
        """The log odds of default at each score, (n,), before calibration."""
        return -(score - self.offset) / self.factor

    def probability(self, score: F64Array) -> F64Array:
        """The calibrated probability of default at each score, (n,)."""
        return self.calibration.probability(self.margin(score))

    def contributions(self, points: F64Array) -> F64Array:
        """Points lost against the reference bin, (n, characteristics); larger is worse."""
        reference = np.array([each.reference_points for each in self.characteristics])
        lost: F64Array = reference - points
        return lost


def _characteristic(fields: Fields) -> Characteristic:
    column, edges = fields.text("column"), fields.numbers("edges")
    if (np.diff(edges) <= 0).any():
        raise BrokenRelease(fields.path, f"the edges of '{column}' should rise")
    categories = _categories(column, fields) if fields.has("categories") else {}
    specials = fields.objects("specials") if fields.has("specials") else ()
    return Characteristic(
        column, edges, fields.numbers("points", len(set(categories.values())) or len(edges) + 1),
        fields.number("missing_points"), fields.number("reference_points"),
        {each.number("value"): each.number("points") for each in specials}, categories,
        fields.number("neutral_points") if categories else 0.0,
    )  # fmt: skip


def _categories(column: str, fields: Fields) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, texts in enumerate(fields.text_lists("categories")):
        if not texts or found.keys() & set(texts):
            raise BrokenRelease(fields.path, f"a category of '{column}' should be in one bin only")
        found |= dict.fromkeys(texts, place)
    return found
