"""What a customer is worth beside who they are: recency, frequency, money, and a value tier.

RFM after Hughes (1994), Strategic Database Marketing: quintiles, 5 the best. Edges are frozen in
the model, so that a customer's score changes when the customer does, not when the others do.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from training.release.errors import BrokenRelease
from training.release.fields import F64Array, Fields

QUINTILES = 4  # inner edges
TIERS: tuple[tuple[str, str, str], ...] = (
    ("V1", "Basic", "基础"), ("V2", "Growing", "成长"), ("V3", "High", "高价值"), ("V4", "Top", "尊享"),
)  # fmt: skip
WORST, BETTER = np.array([QUINTILES + 1, 1, 1]), np.array([-1, 1, 1])
"""The score of what lies below every edge, and where it goes from edge to edge: recency falls."""
F32Array = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Value:
    """Edges of the three quintiles and of the tiers; `volume` are the columns whose sum makes a tier.

    `recency`, `frequency` and `monetary` name a column each; edges never fall.
    """

    recency: str
    frequency: str
    monetary: str
    edges: F64Array  # (3, 4): recency, frequency, monetary
    volume: tuple[str, ...]
    tier_edges: F64Array  # (3,)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Every column read, once."""
        return tuple(dict.fromkeys((self.recency, self.frequency, self.monetary, *self.volume)))

    @staticmethod
    def read(fields: Fields) -> "Value":
        """From the object `value` of model.json."""
        edges = fields.rows("edges", QUINTILES)
        tier_edges = fields.numbers("tier_edges", len(TIERS) - 1)
        if (
            edges.shape != (3, QUINTILES)
            or (np.diff(edges, axis=1) < 0).any()
            or (np.diff(tier_edges) < 0).any()
        ):
            raise BrokenRelease(fields.path, "each of three quintiles needs 4 edges that never fall")
        return Value(fields.text("recency"), fields.text("frequency"), fields.text("monetary"), edges,
                     fields.columns("volume"), tier_edges)  # fmt: skip

    def as_json(self) -> dict[str, object]:
        """As model.json keeps it."""
        return {"recency": self.recency, "frequency": self.frequency, "monetary": self.monetary,
                "edges": self.edges.tolist(), "volume": list(self.volume),
                "tier_edges": self.tier_edges.tolist()}  # fmt: skip

    def rfm(self, features: F32Array) -> Whole:
        """(n, 3) scores from 1 to 5, 5 the best, from features (n, columns); what is unknown scores 1."""
        value = features.take(self._places[0], axis=1).astype(np.float64)
        above = (value[:, :, None] >= self.edges).sum(axis=2)
        return np.where(np.isnan(value), 1, WORST + BETTER * above).astype(np.int64)

    @np.errstate(over="ignore")  # beyond a double is infinite, and rich
    def volumes(self, features: F32Array) -> F64Array:
        """(n,) money with the bank: the positive parts of the volume columns, added one by one."""
        values = features.T.take(self._places[1], axis=0).astype(np.float64)
        total = np.zeros(len(features))
        for each in np.where(values > 0, values, 0.0):
            total += each
        return total

    @cached_property
    def _places(self) -> tuple[Whole, Whole]:
        """Where recency, frequency and monetary lie among the columns, and where the volumes do."""
        place = {name: at for at, name in enumerate(self.columns)}
        scored = (self.recency, self.frequency, self.monetary)
        return np.array([place[n] for n in scored]), np.array([place[n] for n in self.volume], np.int64)

    def tier(self, features: F32Array) -> Whole:
        """(n,) position in TIERS."""
        return np.asarray((self.volumes(features)[:, None] >= self.tier_edges).sum(axis=1), np.int64)
