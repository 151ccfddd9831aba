"""Which products go with the ones a customer has: folded in, so that no customer is stored.

Every number is made by exactly rounded elementwise steps in a fixed order, without BLAS: the same
customer gets the same bits alone and among a thousand.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from training.release.content import Content
from training.release.errors import BrokenRelease
from training.release.fields import F64Array, Fields
from training.release.segmentation import F32Array

FILE, FACTORS = "model.json", "factors.npz"
MOST_PRODUCTS, MOST_FACTORS = 2_000, 512
Kind = Literal["als", "item_item", "popularity"]
KINDS: Mapping[str, Kind] = {"als": "als", "item_item": "item_item", "popularity": "popularity"}
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Recommender:
    """Scores of products; `kernel` (P, P) says how much one held product speaks for another.

    For ALS the kernel is G = Y (Y'Y + reg I)^-1 Y' of the item factors Y. With confidence c on
    each held product H, Hu, Koren & Volinsky's fold-in x = (Y'Y + reg I + (c-1) Yh'Yh)^-1 c Yh'1
    becomes Y x = G[:,H] (I + (c-1) G[H,H])^-1 c 1: a system as small as the number held.
    """

    kind: Kind
    products: tuple[str, ...]
    popularity: F64Array
    kernel: F64Array
    confidence: float
    content: Content | None = None

    @staticmethod
    def read(files: Mapping[str, bytes]) -> "Recommender":
        """From the files of the part `recommendation`."""
        fields = Fields.parse(f"parts/recommendation/{FILE}", files[FILE])
        kind = KINDS.get(fields.text("kind"))
        products = fields.columns("products")
        popularity = fields.numbers("popularity", len(products))
        if kind is None or not products or len(products) > MOST_PRODUCTS or (popularity < 0).any():
            raise BrokenRelease(fields.path, "its kind, products or popularity are out of bounds")
        content = Content.read(fields.nested("content"), len(products)) if fields.has("content") else None
        if kind == "popularity":
            return Recommender(kind, products, popularity, np.zeros((0, 0)), 1.0, content)
        packed = files.get(FACTORS, b"")
        if kind == "item_item":
            kernel = _array(packed, "similarity", len(products))
            return Recommender(kind, products, popularity, kernel, 1.0, content)
        factors = _array(packed, "item_factors", len(products))
        kernel = als_kernel(factors, fields.number("regularization"))
        return Recommender(kind, products, popularity, kernel, fields.number("alpha"), content)

    @property
    def columns(self) -> tuple[str, ...]:
        """The feature columns a cold start reads."""
        return self.content.columns if self.content else ()

    def scores(self, held: BoolArray, features: F32Array | None = None) -> F64Array:
        """Scores (n, P) for customers who hold `held` (n, P).

        Where nothing is held, popularity among people like them by `features` (n, columns), or
        plain popularity without them.
        """
        scores = np.repeat(self.popularity[None, :], len(held), axis=0)
        holds = held.any(axis=1)
        if self.content is not None and features is not None and not holds.all():
            scores[~holds] = self.content.scores(features[~holds])
        if self.kind != "popularity" and holds.any():
            weights = self._weights(held[holds])
            folded = np.zeros(weights.shape)
            for product in np.flatnonzero(held[holds].any(axis=0)):
                folded += weights[:, product, None] * self.kernel[product]
            scores[holds] = folded
        return scores

    def source(self, holds: bool) -> str:
        """Where a customer's scores come from: the model, or what stands in while nothing is held."""
        if holds:
            return self.kind
        return "content" if self.content else "popularity"

    def _weights(self, held: BoolArray) -> F64Array:
        """What each held product weighs, (n, P): 1 for item-item, the fold-in's solution for ALS."""
        weights = held.astype(np.float64)
        if self.kind == "item_item":
            return weights
        count = held.sum(axis=1)
        for size in np.unique(count):
            rows = np.flatnonzero(count == size)
            items = np.nonzero(held[rows])[1].reshape(len(rows), size)
            block = (self.confidence - 1.0) * self.kernel[items[:, :, None], items[:, None, :]]
            block[:, np.arange(size), np.arange(size)] += 1.0
            weights[rows[:, None], items] = solve(block, np.full((len(rows), size, 1), self.confidence))[
                ..., 0
            ]
        return weights


def als_kernel(factors: F64Array, regularization: float) -> F64Array:
    """G = Y (Y'Y + reg I)^-1 Y' of item factors Y (P, k), summed factor by factor."""
    gram = np.zeros((factors.shape[1], factors.shape[1]))
    for row in factors:
        gram += row[:, None] * row[None, :]
    gram[np.arange(len(gram)), np.arange(len(gram))] += regularization
    inner = solve(gram[None], np.ascontiguousarray(factors.T)[None])[0]
    kernel = np.zeros((len(factors), len(factors)))
    for index in range(factors.shape[1]):
        kernel += factors[:, index, None] * inner[index][None, :]
    return kernel


def solve(matrix: F64Array, right: F64Array) -> F64Array:
    """X of matrix (n, k, k) X = right (n, k, m), for positive definite or near-identity matrices.

    Gaussian elimination without pivoting, all systems at once, one elementwise step after the
    other: the answer for one system does not depend on its neighbours.

    >>> solve(np.array([[[2.0, 0.0], [1.0, 4.0]]]), np.array([[[2.0], [5.0]]]))[0, :, 0]
    array([1., 1.])
    """
    left, x = matrix.copy(), right.copy()
    size = matrix.shape[1]
    for step in range(size):
        below = left[:, step + 1 :, step] / left[:, step, step, None]
        left[:, step + 1 :] -= below[:, :, None] * left[:, step, None, :]
        x[:, step + 1 :] -= below[:, :, None] * x[:, step, None, :]
    for step in reversed(range(size)):
        x[:, step] /= left[:, step, step, None]
        x[:, :step] -= left[:, :step, step, None] * x[:, step, None, :]
    return x


def _array(content: bytes, name: str, products: int) -> F64Array:
    """The one array of factors.npz, checked: its name, float64, shape (products, width), finite."""
    path = f"parts/recommendation/{FACTORS}"
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            found = tuple(archive.files)
            array = archive[name] if found == (name,) else np.empty(0)
    except Exception as error:  # zip, header and pickle refusals share no other base
        raise BrokenRelease(path, f"it is no plain array file ({type(error).__name__})") from error
    if found != (name,):
        raise BrokenRelease(path, f"it should hold '{name}' alone, found {list(found)[:5]}")
    width = products if name == "similarity" else min(array.shape[-1], MOST_FACTORS)
    if array.dtype != np.float64 or array.shape != (products, width) or not np.isfinite(array).all():
        raise BrokenRelease(path, f"'{name}' should be {products} rows of finite float64, is {array.shape}")
    return np.ascontiguousarray(array)
