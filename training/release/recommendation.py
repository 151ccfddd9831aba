"""How likely each product is added next: additive log odds, so that no customer is stored.

log odds = sum over the rows that hold for the customer of a table of effects: one row for
everybody, one for each feature's band, one for the segment, one for each product held. Every
number is gathered and added in a fixed order, without BLAS: the same customer gets the same bits
alone and among a thousand. A product without a column of its own (new on the shelf) gets one from
its attributes, through the same rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.release.arrays import read_arrays
from training.release.bands import Bands, Places
from training.release.calibration import Calibration, sigmoid
from training.release.content import Encoding, ProductFacts
from training.release.errors import BrokenRelease
from training.release.fields import F64Array, Fields
from training.release.segmentation import F32Array

FILE, EFFECTS = "model.json", "effects.npz"
MOST_PRODUCTS, MOST_SEGMENTS = 2_000, 100
AT_ONCE = 1 << 20  # effects gathered at once (8 MB): bounded memory, whatever is asked
BoolArray = npt.NDArray[np.bool_]
Segments = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Layout:
    """Which rows the table of effects has, in this order.

    One for everybody; one for each band; one for each segment and one for an unknown segment, where
    segments are an input; one for each product held.
    """

    bands: Bands
    segments: int
    products: int

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.first_held + self.products

    @property
    def first_held(self) -> int:
        """The row of the first product held."""
        return 1 + self.bands.rows + (self.segments + 1 if self.segments else 0)

    def places(self, held: BoolArray, features: F32Array, segments: Segments | None) -> Places:
        """The rows that hold for each of n customers, (k, n); `rows` itself stands for none.

        `features` are (n, columns); `segments` count from 0, others or None are unknown.
        """
        everybody = np.zeros((1, len(held)), np.intp)
        parts = [everybody, 1 + self.bands.places(features)]
        if self.segments:
            found = np.full(len(held), self.segments) if segments is None else segments
            known = (found >= 0) & (found < self.segments)
            parts.append((1 + self.bands.rows + np.where(known, found, self.segments))[None, :])
        own = self.first_held + np.arange(self.products)[:, None]
        parts.append(np.where(held.T, own, self.rows))
        return np.ascontiguousarray(np.concatenate(parts))  # what is gathered is laid out as this is


@dataclass(frozen=True)
class Shelf:
    """P products to score.

    `effects` are (rows + 1, P or 2 where P is less), the last row all zero. `known` is False for a
    product that is scored by its attributes alone, `estimated` False where nothing is said.
    """

    effects: F64Array
    estimated: BoolArray
    popularity: F64Array
    known: BoolArray


@dataclass(frozen=True)
class Recommender:
    """The chance that a product not held is added within `horizon_days`.

    `effects` (rows, P) are those of the products known, `by_attribute` (rows, width) make those of
    a new one; `calibration` (by family) turns their sum into log odds. A family without it was
    hardly ever added from: nothing is said of it. `popularity` (P) is what is said of everybody
    alike. `segmentation` is the digest of the part whose segments the rows mean.
    """

    products: tuple[ProductFacts, ...]
    layout: Layout
    effects: F64Array
    by_attribute: F64Array
    encoding: Encoding
    calibration: Mapping[str, Calibration]
    popularity: F64Array
    horizon_days: int
    segmentation: str | None = None

    @staticmethod
    def read(files: Mapping[str, bytes]) -> "Recommender":
        """From the files of the part `recommendation`."""
        fields = Fields.parse(f"parts/recommendation/{FILE}", files[FILE])
        products = tuple(_facts(each) for each in fields.objects("products"))
        segments, horizon = int(fields.number("segments")), int(fields.number("horizon_days"))
        if len({each.product_id for each in products}) != len(products) or len(products) < 2:
            raise BrokenRelease(fields.path, "it needs two products or more, each once")
        if len(products) > MOST_PRODUCTS or not 0 <= segments <= MOST_SEGMENTS or horizon < 1:
            raise BrokenRelease(fields.path, "its products, segments or horizon are out of bounds")
        layout = Layout(Bands.read(fields.nested("bands")), segments, len(products))
        encoding = Encoding.read(fields.nested("encoding"))
        shapes = {"effects": (layout.rows, len(products)), "by_attribute": (layout.rows, encoding.width)}
        found = read_arrays(f"parts/recommendation/{EFFECTS}", files.get(EFFECTS, b""), shapes)
        calibration = {name: Calibration.read(each) for name, each in fields.members("calibration").items()}
        popularity = fields.numbers("popularity", len(products))
        if (popularity < 0).any() or (popularity > 1).any():
            raise BrokenRelease(fields.path, "popularity is a probability")
        return Recommender(
            products, layout, found["effects"], found["by_attribute"], encoding, calibration, popularity,
            horizon, fields.optional_text("segmentation"),
        )  # fmt: skip

    @property
    def columns(self) -> tuple[str, ...]:
        """The feature columns it reads."""
        return self.layout.bands.columns

    @property
    def shelf(self) -> Shelf:
        """Its own products, in its own order."""
        return self.shelf_of(self.products)

    def shelf_of(self, products: Sequence[ProductFacts]) -> Shelf:
        """Any products: known ones by their own effects, new ones by their attributes."""
        own = {each.product_id: at for at, each in enumerate(self.products)}
        columns = [self._column(each, own.get(each.product_id)) for each in products]
        effects = np.zeros((self.layout.rows + 1, max(2, len(products))))
        for at, column in enumerate(columns):
            effects[:-1, at] = column
        return Shelf(
            effects,
            np.array([each.family in self.calibration for each in products], bool),
            np.array([self._popularity(each, own.get(each.product_id)) for each in products], np.float64),
            np.array([each.product_id in own for each in products], bool),
        )

    def margins(
        self, shelf: Shelf, held: BoolArray, features: F32Array, segments: Segments | None = None
    ) -> F64Array:
        """Log odds (n, products of the shelf) of adding; `held` (n, P) is over the products known."""
        places = self.layout.places(held, features, segments)
        margins = np.empty((len(held), len(shelf.known)))
        step = max(1, AT_ONCE // (len(places) * shelf.effects.shape[1]))
        for start in range(0, len(held), step):
            some = slice(start, start + step)
            # The first axis is the slowest, so each sum runs row after row. One lone product would
            # be summed pairwise: that is why a shelf is two wide.
            margins[some] = np.add.reduce(shelf.effects[places[:, some]], axis=0)[:, : len(shelf.known)]
        return margins

    def probabilities(
        self, shelf: Shelf, held: BoolArray, features: F32Array, segments: Segments | None = None
    ) -> F64Array:
        """The chance of adding each product within the horizon; NaN where nothing is said of it."""
        found = sigmoid(self.margins(shelf, held, features, segments))
        return np.where(shelf.estimated, found, np.nan)

    def _column(self, product: ProductFacts, at: int | None) -> F64Array:
        if at is not None:
            column = self.effects[:, at].copy()
        else:
            column = np.zeros(self.layout.rows)
            for attribute, value in zip(self.by_attribute.T, self.encoding.vector(product), strict=True):
                column += attribute * value
        line = self.calibration.get(product.family, Calibration(1.0, 0.0))
        column *= line.a
        column[0] += line.b
        return column

    def _popularity(self, product: ProductFacts, at: int | None) -> float:
        """A product's own; of a new one, the least of its family, and 0 in a family never seen."""
        if at is not None:
            return float(self.popularity[at])
        family = [p for p, each in zip(self.popularity, self.products, strict=True)
                  if each.family == product.family]  # fmt: skip
        return float(min(family, default=0.0))


def _facts(fields: Fields) -> ProductFacts:
    return ProductFacts.of(
        {**fields.raw, "product_id": fields.text("product_id"), "family": fields.text("family")}
    )
