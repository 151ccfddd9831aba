"""What goes with what: ALS, BPR and item-item from `implicit`, and what was added after what."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from implicit.utils import ParameterWarning
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from training.learning.tuning import Parameters, Real, Space, Whole
from training.recommendation.moments import Flags
from training.validation import F64

PRIOR = 30.0  # customers a product's popularity weighs where few hold another one
MOST_CUSTOMERS = 30_000  # enough for a few dozen products; BPR runs on one thread


@dataclass(frozen=True)
class Kernel:
    """How much one held product speaks for another, (P, P), by rows of the one held."""

    name: str
    table: F64

    def scores(self, held: Flags, popularity: F64) -> F64:
        """Scores (n, P): the mean over what is held; popularity where nothing is."""
        count = held.sum(axis=1, keepdims=True)
        found = held.astype(np.float64) @ self.table / np.maximum(count, 1)
        return np.where(count > 0, found, popularity)

    @property
    def standard(self) -> F64:
        """The table with mean 0 and spread 1 off its diagonal, 0 on it: an input of the hybrid."""
        off = ~np.eye(len(self.table), dtype=bool)
        spread = float(self.table[off].std()) or 1.0
        return np.where(off, (self.table - self.table[off].mean()) / spread, 0.0)


Fit = Callable[[Flags, Parameters, int], F64]


def als(held: Flags, asked: Parameters, seed: int) -> F64:
    """Hu, Koren and Volinsky's factors Y; one held product folded in: Y (Y'Y + ridge I)^-1 Y'."""
    with threadpool_limits(limits=1):  # implicit refuses to share the machine with BLAS threads
        model = AlternatingLeastSquares(
            factors=int(asked["factors"]), regularization=float(asked["ridge"]), iterations=12,
            alpha=float(asked["confidence"]), num_threads=1, random_state=seed, use_gpu=False,
        )  # fmt: skip
        model.fit(_sparse(held), show_progress=False)
    factors = np.asarray(model.item_factors, np.float64)
    inner = factors.T @ factors + float(asked["ridge"]) * np.eye(factors.shape[1])
    return np.asarray(factors @ np.linalg.solve(inner, factors.T), np.float64)


def bpr(held: Flags, asked: Parameters, seed: int) -> F64:
    """Rendle's pairwise factors; a customer is the mean of the items held, plus each item's bias."""
    model = BayesianPersonalizedRanking(
        factors=int(asked["factors"]), learning_rate=float(asked["rate"]),
        regularization=float(asked["ridge"]), iterations=int(asked["iterations"]),
        num_threads=1, random_state=seed, use_gpu=False,  # two threads are not reproducible
    )  # fmt: skip
    model.fit(_sparse(held), show_progress=False)
    factors = np.asarray(model.item_factors, np.float64)
    return np.asarray(factors[:, :-1] @ factors[:, :-1].T + factors[:, -1], np.float64)


def cosine(held: Flags, asked: Parameters, seed: int) -> F64:
    """The cosine of the customers who hold two products, shrunk where few do."""
    similarity = _neighbours(CosineRecommender(K=held.shape[1], num_threads=1), held)
    both = held.astype(np.float64).T @ held.astype(np.float64)
    return similarity * both / (both + float(asked["shrink"]))


def bm25(held: Flags, asked: Parameters, seed: int) -> F64:
    """Item-item over BM25 weights."""
    model = BM25Recommender(
        K=held.shape[1], K1=float(asked["saturation"]), B=float(asked["length"]), num_threads=1
    )
    return _neighbours(model, held)


def added_after(held: Flags, added: Flags) -> F64:
    """P(adds j | held i), drawn to j's rate where few held i."""
    holders = held.astype(np.float64)
    rate = added.mean(axis=0)
    together = holders.T @ added.astype(np.float64)
    out: F64 = (together + PRIOR * rate) / (holders.sum(axis=0)[:, None] + PRIOR)
    return out


@dataclass(frozen=True)
class Filter:
    """One kind of filter: how it is fitted, what is searched, and where the search starts."""

    fit: Fit
    space: Space
    start: Parameters


FILTERS: Mapping[str, Filter] = {
    "als": Filter(
        als,
        {"factors": Whole(2, 16), "ridge": Real(0.1, 300, log=True), "confidence": Real(1, 40, log=True)},
        {"factors": 12, "ridge": 1.0, "confidence": 10.0},
    ),
    "bpr": Filter(
        bpr, {"factors": Whole(2, 16), "ridge": Real(1e-3, 0.3, log=True),
              "rate": Real(0.01, 0.2, log=True), "iterations": Whole(20, 80)},
        {"factors": 12, "ridge": 1e-3, "rate": 0.05, "iterations": 60},
    ),
    "cosine": Filter(cosine, {"shrink": Real(1, 3000, log=True)}, {"shrink": 30.0}),
    "bm25": Filter(
        bm25, {"saturation": Real(0.1, 100, log=True), "length": Real(0.0, 1.0)},
        {"saturation": 50.0, "length": 0.9},
    ),
}  # fmt: skip


def filtered(kind: str, held: Flags, asked: Parameters, seed: int) -> Kernel:
    """One filter of FILTERS, fitted on holdings alone, of MOST_CUSTOMERS at most."""
    if len(held) > MOST_CUSTOMERS:
        chosen = np.random.default_rng(seed).choice(len(held), MOST_CUSTOMERS, replace=False)
        held = held[np.sort(chosen)]
    table = FILTERS[kind].fit(held, {**FILTERS[kind].start, **asked}, seed)
    return Kernel(kind, np.asarray(np.round(np.nan_to_num(table), 8), np.float64))


def _neighbours(model: CosineRecommender | BM25Recommender, held: Flags) -> F64:
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ParameterWarning)  # it converts its own intermediate matrix
        model.fit(_sparse(held), show_progress=False)
    table = np.asarray(model.similarity.todense(), np.float64)
    np.fill_diagonal(table, 0.0)
    return table


def _sparse(held: Flags) -> "csr_matrix":
    return csr_matrix(held.astype(np.float32))
