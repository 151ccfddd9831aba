"""What a customer is worth beside who they are: recency, frequency, money, and a value tier.

RFM after Hughes (1994), Strategic Database Marketing: quintiles, 5 the best. Edges are frozen in
the model, so that a customer's score changes when the customer does, not when the others do.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.release.errors import BrokenRelease
from training.release.fields import F64Array, Fields

QUINTILES = 4  # inner edges
TIERS: tuple[tuple[str, str, str], ...] = (
    ("V1", "Basic", "基础"), ("V2", "Growing", "成长"), ("V3", "High", "高价值"), ("V4", "Top", "尊享"),
)  # fmt: skip
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

    @property
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
        position = {name: at for at, name in enumerate(self.columns)}
        scores = []
        for name, edges, sooner in zip(
            (self.recency, self.frequency, self.monetary), self.edges, (True, False, False), strict=True
        ):
            value = features[:, position[name]].astype(np.float64)
            above = (value[:, None] >= edges).sum(axis=1)
            scores.append(np.where(np.isnan(value), 1, QUINTILES + 1 - above if sooner else 1 + above))
        return np.stack(scores, axis=1).astype(np.int64)

    def volumes(self, features: F32Array) -> F64Array:
        """(n,) money with the bank: the positive parts of the volume columns, added one by one."""
        position = {name: at for at, name in enumerate(self.columns)}
        total = np.zeros(len(features))
        for name in self.volume:
            total += np.nan_to_num(np.maximum(features[:, position[name]].astype(np.float64), 0.0))
        return total

    def tier(self, features: F32Array) -> Whole:
        """(n,) position in TIERS."""
        return np.asarray((self.volumes(features)[:, None] >= self.tier_edges).sum(axis=1), np.int64)
