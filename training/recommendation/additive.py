"""The hybrid: additive log odds of adding each product, drawn to what its attributes say.

Effects of the rows that hold for a customer (bands, segment, products held) on P products are
T = A X + D, plus w K on the rows of products held: A says how each row moves each *attribute* X of
a product (the content model: all that a new product has), D what is a product's own, K a
collaborative filter's similarity of products, w how far each family follows it. All are found
together by maximum likelihood with ridges: where a product has little data D stays near 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from training.learning.trees import F32
from training.recommendation.moments import Flags, Segments
from training.release.bands import Bands
from training.release.recommendation import Layout
from training.validation import F64

STEPS = 80
FREE = 0.01  # ridge of what a family's intercept may be: next to none
LEAST = 1e-5  # the least base rate a product starts from


@dataclass(frozen=True)
class Ridges:
    """How much evidence an effect needs: on attributes, on a product's own, on the collaborative weight."""

    shared: float = 10.0
    own: float = 30.0
    follow: float = 1.0


@dataclass(frozen=True)
class Evidence:
    """What is learned from: n customers, what they held, what they added, what was known of them."""

    held: Flags
    added: Flags
    features: F32
    segments: Segments | None = None

    def __len__(self) -> int:
        return len(self.held)


@dataclass(frozen=True)
class Effects:
    """The tables found: of the products known (rows, P), and by attribute (rows, K)."""

    known: F64
    by_attribute: F64


@dataclass(frozen=True)
class Problem:
    """One likelihood: `design` (n, rows) of zeros and ones, `open` (n, P) who could add what."""

    design: F32
    added: F32
    open: F32
    attributes: F32  # (K, P)
    kernel: F32  # (rows, P), zero but on rows of products held
    ridges: Ridges
    shapes: tuple[int, int, int, int] = field(init=False)  # rows, P, K, families

    def __post_init__(self) -> None:
        rows, products = self.design.shape[1], self.added.shape[1]
        object.__setattr__(self, "shapes", (rows, products, len(self.attributes), len(self._families)))

    @property
    def _families(self) -> F32:
        return self.attributes[:-4]  # one place a family: see training.release.content.Encoding

    def split(self, x: F64) -> tuple[F64, F64, F64]:
        """A, D and w out of one vector."""
        rows, products, width, _ = self.shapes
        own = rows * width
        return (x[:own].reshape(rows, width), x[own : own + rows * products].reshape(rows, products),
                x[own + rows * products :])  # fmt: skip

    def table(self, x: F64) -> F64:
        """T."""
        shared, own, follow = self.split(x)
        out: F64 = shared @ self.attributes + own + self.kernel * (follow @ self._families)
        return out

    def loss(self, x: F64) -> tuple[float, F64]:
        """The penalised log loss a row, and its slope."""
        shared, own, follow = self.split(x)
        odds = self.design @ self.table(x).astype(np.float32)
        decay = np.exp(-np.abs(odds))
        lost = (np.maximum(odds, 0) - odds * self.added + np.log1p(decay)) * self.open
        chance = np.where(odds >= 0, 1 / (1 + decay), decay / (1 + decay))
        slope = (self.design.T @ ((chance - self.added) * self.open)).astype(np.float64)
        a, d, w = self._penalties()
        value = lost.sum(dtype=np.float64)
        value += ((a * shared**2).sum() + (d * own**2).sum() + w * (follow**2).sum()) / 2
        along = self._families @ (self.kernel * slope).sum(axis=0)
        parts = [slope @ self.attributes.T + a * shared, slope + d * own, along + w * follow]
        return float(value) / len(self.design), np.concatenate([p.ravel() for p in parts]) / len(self.design)

    def _penalties(self) -> tuple[F64, F64, float]:
        rows, products, width, families = self.shapes
        shared, own = np.full((rows, width), self.ridges.shared), np.full((rows, products), self.ridges.own)
        shared[0, :families], own[0] = FREE, 1.0
        return shared, own, self.ridges.follow

    def start(self) -> F64:
        """Nothing known but each product's base rate."""
        rows, products, width, families = self.shapes
        rate = (self.added * self.open).sum(axis=0) / np.maximum(self.open.sum(axis=0), 1)
        odds = np.log(np.clip(rate, LEAST, 0.5) / (1 - np.clip(rate, LEAST, 0.5)))
        shared, own = np.zeros((rows, width)), np.zeros((rows, products))
        shared[0, :families] = (self._families @ odds) / np.maximum(self._families.sum(axis=1), 1)
        own[0] = odds - shared[0] @ self.attributes
        return np.concatenate([shared.ravel(), own.ravel(), np.zeros(families)])


def fit(
    layout: Layout, evidence: Evidence, attributes: F64, learnable: Flags, ridges: Ridges,
    kernel: F64 | None = None,
) -> Effects:  # fmt: skip
    """Effects of `layout`'s rows; `learnable` (P) marks the products whose family anybody adds from.

    `kernel` (P, P) says how much one product held speaks for another.
    """
    full = np.zeros((layout.rows, layout.products))
    if kernel is not None:
        full[layout.first_held :] = kernel
    problem = Problem(
        design(layout, evidence), evidence.added.astype(np.float32),
        (~evidence.held & learnable).astype(np.float32), attributes.astype(np.float32),
        full.astype(np.float32), ridges,
    )  # fmt: skip
    with threadpool_limits(limits=1):  # two threads would add in another order
        found = minimize(problem.loss, problem.start(), jac=True, method="L-BFGS-B",
                         options={"maxiter": STEPS, "maxcor": 8})  # fmt: skip
    known = np.where(learnable, problem.table(found.x), 0.0)
    shared = problem.split(found.x)[0]
    return Effects(np.asarray(known, np.float64), np.asarray(shared, np.float64))


def design(layout: Layout, evidence: Evidence) -> F32:
    """The rows that hold for each customer as zeros and ones, (n, rows)."""
    places = layout.places(evidence.held, evidence.features, evidence.segments)
    found = np.zeros((len(evidence), layout.rows + 1), np.float32)
    found[np.arange(len(evidence)), places] = 1.0
    return np.ascontiguousarray(found[:, :-1])


def cut(features: F32, columns: Sequence[str], bands: int) -> Bands:
    """Bands of about equal size; a column of few values gets a band a value, one of one value none."""
    return Bands(tuple(columns), tuple(_edges(column, bands) for column in features.T))


def _edges(values: F32, bands: int) -> F64:
    known = values[np.isfinite(values)].astype(np.float64)
    distinct = np.unique(known)
    if len(distinct) <= bands:
        return np.asarray((distinct[1:] + distinct[:-1]) / 2, np.float64)
    edges = np.unique(np.quantile(known, np.arange(1, bands) / bands, method="higher"))
    return np.asarray(edges[edges > distinct[0]], np.float64)
