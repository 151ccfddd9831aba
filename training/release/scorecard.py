"""A scorecard: each characteristic falls into a bin, each bin has points, points add up."""

from dataclasses import dataclass

import numpy as np

from training.release.calibration import Calibration
from training.release.errors import BrokenRelease
from training.release.fields import F64Array, Fields
from training.release.segmentation import F32Array


@dataclass(frozen=True)
class Characteristic:
    """The bins of one column: [.., edge), [edge, edge), ..; missing values have their own points."""

    column: str
    edges: F64Array
    points: F64Array
    missing_points: float
    reference_points: float

    def of(self, values: F32Array) -> F64Array:
        """Points of each value, (n,).

        >>> age = Characteristic("age", np.array([30.0]), np.array([10.0, 25.0]), 15.0, 25.0)
        >>> age.of(np.array([29.9, 30.0, np.nan], np.float32))
        array([10., 25., 15.])
        """
        binned = self.points[
            np.searchsorted(self.edges, values.astype(np.float64), side="right").clip(max=len(self.edges))
        ]
        return np.where(np.isnan(values), self.missing_points, binned)


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

    def points(self, features: F32Array) -> F64Array:
        """Points by customer and characteristic, (n, characteristics), from features of that shape."""
        points = np.empty(features.shape)
        for index, characteristic in enumerate(self.characteristics):
            points[:, index] = characteristic.of(features[:, index])
        return points

    def score(self, points: F64Array) -> F64Array:
        """The total of each customer's points, (n,), added one characteristic after the other."""
        total = np.zeros(len(points))
        for column in points.T:
            total += column
        return total

    def probability(self, score: F64Array) -> F64Array:
        """The calibrated probability of default at each score, (n,)."""
        return self.calibration.probability(self.margin(score))

    def margin(self, score: F64Array) -> F64Array:
        """The log odds of default at each score, (n,), before they are calibrated."""
        return -(score - self.offset) / self.factor

    def contributions(self, points: F64Array) -> F64Array:
        """Points lost against the reference bin, (n, characteristics); larger is worse."""
        reference = np.array([each.reference_points for each in self.characteristics])
        lost: F64Array = reference - points
        return lost


def _characteristic(fields: Fields) -> Characteristic:
    edges = fields.numbers("edges")
    if (np.diff(edges) <= 0).any():
        raise BrokenRelease(fields.path, f"the edges of '{fields.text('column')}' should rise")
    return Characteristic(
        fields.text("column"),
        edges,
        fields.numbers("points", len(edges) + 1),
        fields.number("missing_points"),
        fields.number("reference_points"),
    )
