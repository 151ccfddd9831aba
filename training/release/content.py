"""What a product is, as numbers: how one that nobody holds yet is scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.release.errors import BrokenRelease
from training.release.fields import F64Array, Fields

NUMBERS = ("rate", "minimum_amount")
FURTHEST = 3.0  # deviations from what is usual beyond which a new product counts as this far


@dataclass(frozen=True)
class ProductFacts:
    """The attributes of one product. `risk_level` is 1 to 5; None is unknown."""

    product_id: str
    family: str
    risk_level: float | None = None
    rate: float | None = None
    minimum_amount: float | None = None
    tier_required: str | None = None

    @staticmethod
    def of(entry: Mapping[str, object]) -> "ProductFacts":
        """From an entry of a catalogue; what is no number there is unknown."""
        known = {name: _number(entry.get(name)) for name in ("risk_level", *NUMBERS)}
        tier = entry.get("tier_required")
        return ProductFacts(
            str(entry["product_id"]), str(entry["family"]), **known, tier_required=str(tier) if tier else None
        )


@dataclass(frozen=True)
class Encoding:
    """Products as attribute vectors: one place a family, then what sets it apart within its family.

    Risk level, rate and the logarithm of the minimum amount are centred by their family's mean and
    divided by `scale`, so that a family says what is usual in it; the last place is a tier that is
    required.
    """

    families: tuple[str, ...]
    center: F64Array  # (families, 3): risk level, rate, log(1 + minimum amount)
    scale: F64Array  # (3,)

    @staticmethod
    def of(products: Sequence[ProductFacts]) -> "Encoding":
        """What is usual in each family of these products."""
        families = tuple(sorted({each.family for each in products}))
        raw = np.array([_raw(each) for each in products]).reshape(len(products), 3)
        center = np.zeros((len(families), 3))
        for place, family in enumerate(families):
            mine = raw[[each.family == family for each in products]]
            known = ~np.isnan(mine)
            center[place] = np.where(known, mine, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        apart = raw - center[[families.index(each.family) for each in products]]
        spread = np.sqrt(np.nan_to_num(apart**2).mean(axis=0)) if len(products) else np.ones(3)
        return Encoding(families, center, np.asarray(np.where(spread > 1e-9, spread, 1.0), np.float64))

    @staticmethod
    def read(fields: Fields) -> "Encoding":
        """From {"families": [..], "center": [[..]..], "scale": [..]}."""
        families = fields.columns("families")
        center, scale = fields.rows("center", 3), fields.numbers("scale", 3)
        if len(center) != len(families) or (scale <= 0).any():
            raise BrokenRelease(fields.path, "each family needs its center, each scale be above 0")
        return Encoding(families, center, scale)

    @property
    def width(self) -> int:
        """The length of an attribute vector."""
        return len(self.families) + 4

    def vector(self, product: ProductFacts) -> F64Array:
        """One product, (width,). What is unknown, and a family never seen, says nothing.

        >>> usual = Encoding.of([ProductFacts("a", "fund", 1.0), ProductFacts("b", "fund", 3.0)])
        >>> usual.vector(ProductFacts("new", "fund", 3.0)).tolist()
        [1.0, 1.0, 0.0, 0.0, 0.0]
        """
        found = np.zeros(self.width)
        if product.family in self.families:
            place = self.families.index(product.family)
            found[place] = 1.0
            apart = np.nan_to_num((_raw(product) - self.center[place]) / self.scale)
            found[-4:-1] = np.clip(apart, -FURTHEST, FURTHEST)
        found[-1] = float(product.tier_required is not None)
        return found

    def matrix(self, products: Sequence[ProductFacts]) -> F64Array:
        """Several products, (width, P)."""
        return np.stack([self.vector(each) for each in products], axis=1)

    def as_json(self) -> dict[str, object]:
        """As the release keeps it."""
        return {"families": list(self.families), "center": self.center.tolist(), "scale": self.scale.tolist()}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _raw(product: ProductFacts) -> F64Array:
    least = product.minimum_amount
    found = [product.risk_level, product.rate, None if least is None else np.log1p(max(least, 0.0))]
    return np.array([np.nan if value is None else value for value in found], np.float64)
