"""Which product next: ALS and item-item against popularity, and content where nothing is held."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.dataset import TooLittleData, everybody_at, iso, load, quarters
from training.evidence.plots import bars
from training.export import arrays, reference
from training.gates import Gate, at_least
from training.labels import DAY, I64, History, active
from training.learning.trees import F32
from training.recommendation.content import BAND_COLUMNS, Content
from training.recommendation.ranking import Flags, Ranked, rank
from training.release.recommendation import Recommender, als_kernel
from training.run import Run
from training.spec import ModelSpec
from training.trained import Trained
from training.validation import F64

SERVICE = "recommendation_v1"
HORIZON = 180 * DAY
LEAST_PRODUCTS, LEAST_ADDITIONS = 5, 200
FACTORS, RIDGES, CONFIDENCES = (4, 8), (1.0, 30.0), (2.0, 10.0)
PRIOR = 30.0  # customers a product's popularity weighs where few hold another one


@dataclass(frozen=True)
class Moment:
    """Who held what at a date, what they added within the horizon, and what was known of them."""

    at: int
    matrix: F32
    held: Flags
    added: Flags
    last: I64  # index of the product bought last, -1 where nothing was


@dataclass(frozen=True)
class Candidate:
    """A recommender with the numbers its release needs."""

    name: str
    runtime: Recommender
    factors: F64 | None = None
    ridge: float = 0.0


HELD = """SELECT s.row, p.place FROM spine s JOIN holdings h ON h.customer_id = s.customer_id
  AND epoch_us(h.recorded_at) < s.at AND epoch_us(h.opened_at) < s.at
JOIN product p ON p.product_id = h.product_id
GROUP BY s.row, p.place, h.opened_at
HAVING coalesce(epoch_us(arg_max(h.closed_at, h.recorded_at)), 9e18) >= any_value(s.at)"""
ADDED = """SELECT DISTINCT s.row, p.place FROM spine s JOIN holdings h ON h.customer_id = s.customer_id
  AND epoch_us(h.opened_at) >= s.at AND epoch_us(h.opened_at) < s.at + $horizon
JOIN product p ON p.product_id = h.product_id"""
LAST = """SELECT s.row, arg_max(p.place, epoch_us(h.opened_at)) AS place FROM spine s
JOIN holdings h ON h.customer_id = s.customer_id
  AND epoch_us(h.recorded_at) < s.at AND epoch_us(h.opened_at) < s.at
JOIN product p ON p.product_id = h.product_id GROUP BY s.row"""


def train(run: Run) -> Trained:
    """Choose on one half-year of additions, test on the next one."""
    settings, source, seed = run.settings, run.source, run.seed
    history = History(settings.raw, source, settings.threads)
    products = _products(history)
    learn, choose_on, test_on = _moments(history, source, settings, products)
    for moment in (learn, choose_on, test_on):
        if moment.added.sum() < LEAST_ADDITIONS:
            found = f"{int(moment.added.sum())} products were added within 180 days of {iso(moment.at)[:10]}"
            raise TooLittleData("recommendation", f"{found}, {LEAST_ADDITIONS} are needed")
    tried = {c.name: _judge(c, choose_on) for c in candidates(learn, choose_on, products, seed)}
    best = max(tried, key=lambda name: tried[name].mean["map_at_5"])
    final = {c.name: c for c in candidates(choose_on, test_on, products, seed, only=(best, "popularity"))}
    content = Content.fit(choose_on.matrix, BAND_COLUMNS, choose_on.added)
    return _assembled(final[best], final["popularity"], content, tried, choose_on, test_on, seed)


def _products(history: History) -> tuple[str, ...]:
    if not (history.source.has("holdings") and history.source.has("products")):
        raise TooLittleData("recommendation", "the source has no products or holdings")
    found = history.ask("SELECT DISTINCT product_id FROM products ORDER BY 1")["product_id"].to_pylist()
    if len(found) < LEAST_PRODUCTS:
        raise TooLittleData("recommendation", f"{len(found)} products, {LEAST_PRODUCTS} are needed")
    return tuple(found)


def _moments(history: History, source: Source, settings: Settings, products: tuple[str, ...]) -> list[Moment]:
    """Three dates, each a horizon after the one before: learn, choose, test."""
    chosen: list[int] = []
    limit = history.end
    for at in reversed(quarters(source)):
        if at + HORIZON <= limit:
            chosen.append(at)
            limit = at
    if len(chosen) < 3:
        raise TooLittleData("recommendation", "the data spans fewer than three half-years after its first")
    rows = load(settings, SERVICE, BAND_COLUMNS, everybody_at(history, chosen[:3]))
    rows = rows.rows(active(history, rows.spine))
    history.connection.register("product", _places(products))
    found = []
    for at in sorted(chosen[:3]):
        part = rows.rows(rows.as_of == at)
        shape = len(part), len(products)
        held = _flags(history.ask(HELD, part.spine), shape)
        added = _flags(history.ask(ADDED, part.spine, horizon=HORIZON), shape) & ~held
        bought, last = history.ask(LAST, part.spine), np.full(len(part), -1)
        last[bought["row"].to_numpy()] = bought["place"].to_numpy()
        found.append(Moment(at, part.matrix, held, added, last))
    return found


def candidates(
    before: Moment, now: Moment, products: tuple[str, ...], seed: int, only: tuple[str, ...] = ()
) -> Iterator[Candidate]:
    """Every recommender, learned from what was added after `before` and is held `now`."""
    popular = (before.added.sum(axis=0) + 1e-3) / (before.added.sum() + 1e-3 * len(products))
    none = np.zeros((0, 0))

    def wanted(name: str) -> bool:
        return not only or name in only

    yield Candidate("popularity", Recommender("popularity", products, popular, none, 1.0))
    for name, kernel in (
        ("item_item additions", _after(before, popular)),
        ("item_item holdings", _beside(now.held)),
    ):
        if wanted(name):
            yield Candidate(name, Recommender("item_item", products, popular, kernel, 1.0))
    for k in FACTORS:
        for ridge in RIDGES:
            for confidence in CONFIDENCES:
                name = f"als {k} factors, ridge {ridge:g}, confidence {confidence:g}"
                if wanted(name):
                    factors = _als(now.held, k, ridge, confidence, seed)
                    runtime = Recommender("als", products, popular, als_kernel(factors, ridge), confidence)
                    yield Candidate(name, runtime, factors, ridge)


def _after(before: Moment, popular: F64) -> F64:
    """P(adds j | holds i), drawn to j's popularity where few hold i."""
    holders = before.held.astype(np.float64)
    together = np.einsum("ni,nj->ij", holders, before.added.astype(np.float64))
    rate = popular * before.added.sum() / len(before.added)
    out: F64 = (together + PRIOR * rate) / (holders.sum(axis=0)[:, None] + PRIOR)
    return out


def _beside(held: Flags) -> F64:
    """Cosine similarity of the customers who hold two products, shrunk, zero with itself."""
    holders = held.astype(np.float64)
    together = np.einsum("ni,nj->ij", holders, holders)
    size = np.diag(together)
    similarity = together / (np.sqrt(size[:, None] * size[None, :]) + PRIOR)
    np.fill_diagonal(similarity, 0.0)
    return np.asarray(similarity, np.float64)


def _als(held: Flags, k: int, ridge: float, confidence: float, seed: int) -> F64:
    with threadpool_limits(limits=1):  # implicit refuses to share the machine with BLAS threads
        model = AlternatingLeastSquares(factors=k, regularization=ridge, alpha=confidence, iterations=12,
                                        num_threads=1, random_state=seed, use_gpu=False)  # fmt: skip
        model.fit(csr_matrix(held.astype(np.float32)), show_progress=False)
    return np.asarray(np.round(model.item_factors, 8), np.float64)


def _judge(candidate: Candidate, moment: Moment) -> Ranked:
    return rank(candidate.runtime.scores(moment.held), moment.held, moment.added)


def _assembled(
    best: Candidate, popularity: Candidate, content: Content, tried: Mapping[str, Ranked],
    choose_on: Moment, test_on: Moment, seed: int,
) -> Trained:  # fmt: skip
    model, plain = _judge(best, test_on), _judge(popularity, test_on)
    last = rank(_last_purchase(choose_on, test_on, popularity), test_on.held, test_on.added)
    cold = rank(content.scores(test_on.matrix, BAND_COLUMNS), test_on.held, test_on.added)
    gain, window = model.over(plain, seed), {"from": iso(test_on.at), "to": iso(test_on.at + HORIZON)}
    metrics = model.mean | {
        "map_interval": model.interval(seed).as_list(), "baseline_map": plain.mean["map_at_5"],
        "popularity": plain.mean, "last_purchase": last.mean, "cold_start_content": cold.mean,
        "gain_over_popularity": [round(gain.value, 4), *gain.as_list()],
        "n_test": len(model.precision), "chosen": best.name,
        "tried": {name: judged.mean["map_at_5"] for name, judged in tried.items()},
    }  # fmt: skip
    judged = {"model": model, "last purchase": last, "content alone": cold, "popularity": plain}
    shown = {name: each.interval(seed) for name, each in judged.items()}
    top = np.where(test_on.held, -np.inf, best.runtime.scores(test_on.held)).max(axis=1)
    return Trained(
        name="recommendation", service=SERVICE, model=_json(best, content), files=_files(best),
        reference={"recommendation": reference(
            test_on.matrix, BAND_COLUMNS, {"recommendation": top[np.isfinite(top)]}, window)},
        metrics=metrics, gates=(_gate(best, gain.high),), parameters={"chosen": best.name}, window=window,
        chosen=best.name,
        exhibits={"ranking": bars(f"{best.name}: MAP@5 {model.mean['map_at_5']:.3f}",
                               f"{best.name}：MAP@5 {model.mean['map_at_5']:.3f}",
                               {name: (i.value, i.low, i.high) for name, i in shown.items()},
                               plain.mean["map_at_5"], "MAP@5", window, len(model.precision))},
    )  # fmt: skip


def _last_purchase(before: Moment, now: Moment, popularity: Candidate) -> F64:
    """The baseline that looks at the last purchase only."""
    kernel = _after(before, popularity.runtime.popularity)
    scores = kernel[np.maximum(now.last, 0)]
    return np.where(now.last[:, None] >= 0, scores, popularity.runtime.popularity)


def _gate(best: Candidate, gain: float) -> Gate:
    if best.runtime.kind == "popularity":
        return at_least("MAP gain over popularity (popularity itself was chosen)", 0.0, 0.0)
    return at_least("upper bound of MAP gain over popularity", gain, 0.0)


def _json(best: Candidate, content: Content) -> dict[str, object]:
    runtime = best.runtime
    return {
        "kind": runtime.kind, "products": list(runtime.products), "popularity": runtime.popularity.tolist(),
        "regularization": best.ridge, "alpha": runtime.confidence, "content": content.as_json(),
    }  # fmt: skip


def _files(best: Candidate) -> dict[str, bytes]:
    if best.factors is not None:
        return {"factors.npz": arrays(item_factors=best.factors)}
    return {"factors.npz": arrays(similarity=best.runtime.kernel)} if best.runtime.kind == "item_item" else {}


def _places(products: tuple[str, ...]) -> object:
    import pyarrow as pa

    return pa.table({"product_id": list(products), "place": np.arange(len(products))})


def _flags(pairs: object, shape: tuple[int, int]) -> Flags:
    found: npt.NDArray[np.bool_] = np.zeros(shape, bool)
    found[pairs["row"].to_numpy(), pairs["place"].to_numpy()] = True  # type: ignore[index]
    return found


SPEC = ModelSpec("recommendation", SERVICE, "which product is added within 180 days", train)
