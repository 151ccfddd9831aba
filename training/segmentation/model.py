"""Segments: k-means on behaviour, k chosen on evidence, a small tree that says who is who."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from threadpoolctl import threadpool_limits

from training.dataset import Dataset, TooLittleData, everybody_at, iso, load, quarters, usable
from training.evidence.exhibit import Exhibit
from training.evidence.plots import heat_map
from training.export import reference
from training.gates import Gate, at_least
from training.labels import CHURN, History, active, churn, purchases
from training.learning.trees import F32
from training.release.segmentation import Segment, Segmentation
from training.run import Run
from training.segmentation.profiles import Explained, drivers, explain, names
from training.spec import ModelSpec
from training.trained import Trained
from training.validation import F64

SERVICE = "segmentation_v1"
CANDIDATES = range(3, 9)
LEAST_CUSTOMERS = 300
LEAST_SHARE, LEAST_JACCARD, LEAST_FIDELITY = 0.03, 0.75, 0.90
RESAMPLES, SAMPLE = 4, 2500
SHARES_AND_COUNTS = frozenset({"cash_share_90d", "mobile_share_90d", "foreign_share_90d", "products_held",
                               "families_held"})  # fmt: skip


@dataclass(frozen=True)
class Evidence:
    """What speaks for one k: separation, and how well resampled data finds the same segments."""

    k: int
    silhouette: float
    jaccard: float  # of the least stable segment
    agreement: float  # adjusted Rand index
    smallest: float

    @property
    def sound(self) -> bool:
        """Every segment is found again on resampled customers and is not tiny."""
        return self.jaccard >= LEAST_JACCARD and self.smallest >= LEAST_SHARE

    def as_json(self) -> dict[str, float]:
        """As it is logged."""
        return {"k": self.k, "silhouette": round(self.silhouette, 4), "least_jaccard": round(self.jaccard, 4),
                "agreement": round(self.agreement, 4), "smallest": round(self.smallest, 4)}  # fmt: skip


def train(run: Run) -> Trained:
    """Fit on the last quarter start but one, check on the last."""
    settings, source, seed = run.settings, run.source, run.seed
    history = History(settings.raw, source, settings.threads)
    moments = quarters(source)[-2:]
    if len(moments) < 2:
        raise TooLittleData("segmentation", "the data spans fewer than two quarter starts")
    wanted, left_out = usable(SERVICE, source)
    rows = load(settings, SERVICE, wanted, everybody_at(history, moments))
    rows = rows.rows(active(history, rows.spine))
    first, later = (rows.as_of == moment for moment in moments)
    if first.sum() < LEAST_CUSTOMERS or later.sum() < LEAST_CUSTOMERS:
        raise TooLittleData(
            "segmentation", f"{int(first.sum())} active customers, {LEAST_CUSTOMERS} are needed"
        )
    columns = rows.informative(first)
    fitted = fit(rows.only(columns)[first], columns, seed)
    behaviour, unexplained = _drivers(history, rows, columns, first)
    return _assembled(rows, later, fitted, behaviour, left_out | unexplained)


@dataclass(frozen=True)
class Fitted:
    """The chosen segmentation, with the evidence for every k that was tried."""

    model: Segmentation
    evidence: tuple[Evidence, ...]
    chosen: Evidence
    explained: Explained


def fit(matrix: F32, columns: Sequence[str], seed: int) -> Fitted:
    """Choose k on evidence and describe the segments of (n, F) rows."""
    space = _space(matrix, columns)
    points = space.standardised(matrix)
    with threadpool_limits(limits=1):
        tried = tuple(_evidence(points, k, seed) for k in CANDIDATES)
        chosen = choose(tried)
        centres = _ordered(_clusters(points, chosen.k, seed))
    model = space.with_centres(centres)
    label = model.assign(matrix)
    explained = explain(matrix, label, columns, seed)
    shares = np.bincount(label, minlength=chosen.k) / len(label)
    titles = names(centres, columns)
    segments = tuple(
        Segment(f"S{i + 1}", en, zh, explained.rules[i], round(float(shares[i]), 4))
        for i, (en, zh) in enumerate(titles)
    )
    return Fitted(space.with_centres(centres, segments), tried, chosen, explained)


def choose(tried: Sequence[Evidence]) -> Evidence:
    """Among the sound ones the best separated; if none is sound, the most stable.

    >>> weak = Evidence(3, 0.5, 0.4, 0.5, 0.2)
    >>> choose([weak, Evidence(4, 0.2, 0.9, 0.9, 0.1)]).k, choose([weak]).k
    (4, 3)
    """
    sound = [evidence for evidence in tried if evidence.sound]
    if sound:
        return max(sound, key=lambda evidence: evidence.silhouette)
    return max(tried, key=lambda evidence: evidence.jaccard)


@dataclass(frozen=True)
class Space:
    """How raw columns become comparable: filled, money and counts logged, standardised."""

    columns: tuple[str, ...]
    logged: npt.NDArray[np.bool_]
    fill: F64
    mean: F64
    scale: F64

    def standardised(self, matrix: F32) -> F64:
        """(n, F) points in units of standard deviations."""
        out: F64 = (_comparable(matrix, self.fill, self.logged) - self.mean) / self.scale
        return out

    def with_centres(self, centres: F64, segments: tuple[Segment, ...] = ()) -> Segmentation:
        """The model as it is served."""
        return Segmentation(self.columns, self.logged, self.fill, self.mean, self.scale, centres, segments)


def _space(matrix: F32, columns: Sequence[str]) -> Space:
    logged = ~np.isin(columns, sorted(SHARES_AND_COUNTS))
    fill = np.round(np.nanmedian(matrix.astype(np.float64), axis=0), 6)
    values = _comparable(matrix, fill, logged)
    mean, spread = values.mean(axis=0).round(9), values.std(axis=0).round(9)
    return Space(tuple(columns), logged, fill, mean, np.where(spread > 0, spread, 1.0))


def _comparable(matrix: F32, fill: F64, logged: npt.NDArray[np.bool_]) -> F64:
    values = np.where(np.isfinite(matrix), matrix.astype(np.float64), fill)
    out: F64 = np.where(logged, np.sign(values) * np.log1p(np.abs(values)), values)
    return out


def _clusters(points: F64, k: int, seed: int) -> F64:
    """Centres (k, F), rounded so that the file reads well; the rounded ones are what counts."""
    found = KMeans(k, n_init=4, random_state=seed).fit(points)
    return np.asarray(np.round(found.cluster_centers_, 6), np.float64)


def _ordered(centres: F64) -> F64:
    """S1 is the segment above average in most, so that ids do not depend on chance."""
    return centres[np.argsort(-centres.mean(axis=1), kind="stable")]


def _nearest(points: F64, centres: F64) -> npt.NDArray[np.intp]:
    squares = (centres**2).sum(axis=1) - 2 * points @ centres.T
    return np.asarray(squares.argmin(axis=1))


def _evidence(points: F64, k: int, seed: int) -> Evidence:
    label = _nearest(points, _clusters(points, k, seed))
    generator = np.random.default_rng(seed)
    sample = generator.choice(len(points), min(SAMPLE, len(points)), replace=False)
    again = []
    for turn in range(RESAMPLES):
        resampled = points[generator.integers(0, len(points), len(points))]
        again.append(_nearest(points, _clusters(resampled, k, seed + turn + 1)))
    return Evidence(
        k,
        silhouette=float(silhouette_score(points[sample], label[sample])),
        jaccard=float(np.mean([jaccards(label, other, k) for other in again], axis=0).min()),
        agreement=float(np.mean([adjusted_rand_score(label, other) for other in again])),
        smallest=float(np.bincount(label, minlength=k).min() / len(label)),
    )


def jaccards(one: npt.NDArray[np.intp], other: npt.NDArray[np.intp], k: int) -> F64:
    """For each segment of `one`, the Jaccard index with its best match in `other` (Hennig 2007).

    >>> jaccards(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]), 2).tolist()
    [1.0, 1.0]
    """
    both = np.zeros((k, k))
    np.add.at(both, (one, other), 1)
    either = both.sum(axis=1)[:, None] + both.sum(axis=0)[None, :] - both
    index = np.divide(both, either, out=np.zeros((k, k)), where=either > 0)
    _, match = linear_sum_assignment(-index)
    return np.asarray(index[np.arange(k), match], np.float64)


def _assembled(
    rows: Dataset, later: npt.NDArray[np.bool_], fitted: Fitted, behaviour: Mapping[str, object],
    left_out: Mapping[str, str],
) -> Trained:  # fmt: skip
    model, columns = fitted.model, fitted.model.columns
    tested = rows.only(columns)[later]
    label = model.assign(tested)
    fidelity = fitted.explained.fidelity(tested, label)
    window = {"from": iso(int(rows.as_of[later][0])), "to": iso(int(rows.as_of[later][0]))}
    shares = np.bincount(label, minlength=len(model.segments)) / len(label)
    metrics = fitted.chosen.as_json() | {
        "fidelity": round(fidelity, 4), "baseline_fidelity": round(float(shares.max()), 4),
        "n_test": len(label), "evidence": [each.as_json() for each in fitted.evidence],
        "drivers": behaviour, "shares_test": [round(float(share), 4) for share in shares],
        "segments": [asdict(segment) for segment in model.segments],
    }  # fmt: skip
    frozen = reference(tested, columns, {"segment": label.astype(np.float64)}, window)
    return Trained(
        name="segmentation", service=SERVICE, model=_json(model), files={},
        reference={"segmentation": frozen}, metrics=metrics,
        gates=_gates(fitted.chosen, fidelity, float(shares.min())), parameters={"k": fitted.chosen.k},
        window=window, chosen=f"k-means with {fitted.chosen.k} segments", left_out=left_out,
        exhibits={"segments": _plot(model, columns, window, len(label))},
    )  # fmt: skip


def _drivers(
    history: History, rows: Dataset, columns: tuple[str, ...], first: npt.NDArray[np.bool_]
) -> tuple[dict[str, object], dict[str, str]]:
    """A tree over what drives a behaviour: leaving, else the purchase most often made."""
    part = rows.rows(first)
    earlier = part.spine
    left = churn(history, earlier)
    if (left == 1).sum() >= 30:
        return drivers(part.only(columns), left, columns, CHURN.meaning), {}
    if history.source.has("holdings") and history.source.has("products"):
        bought = purchases(history, earlier)
        family = max(bought, key=lambda name: int((bought[name] == 1).sum()))
        if (bought[family] == 1).sum() >= 30:
            return drivers(part.only(columns), bought[family], columns, f"buys {family} within 90 days"), {}
    return {}, {
        "drivers": "fewer than 30 customers leave or buy after the date, so no behaviour can be explained"
    }


def _json(model: Segmentation) -> dict[str, object]:
    logged = [column for column, is_logged in zip(model.columns, model.logged, strict=True) if is_logged]
    return {
        "kind": "kmeans", "columns": list(model.columns), "log_columns": logged, "fill": model.fill.tolist(),
        "mean": model.mean.tolist(), "scale": model.scale.tolist(), "centers": model.centers.tolist(),
        "segments": [asdict(segment) for segment in model.segments],
    }  # fmt: skip


def _gates(chosen: Evidence, fidelity: float, smallest: float) -> tuple[Gate, ...]:
    return (
        at_least("stability of the least stable segment (Jaccard)", chosen.jaccard, LEAST_JACCARD),
        at_least("share of the smallest segment", smallest, LEAST_SHARE),
        at_least("silhouette", chosen.silhouette, 0.05),
        at_least("fidelity of the explaining tree", fidelity, 0.75),
    )


def _plot(model: Segmentation, columns: Sequence[str], window: Mapping[str, str], n: int) -> Exhibit:
    rows = [f"{s.id} {s.name_en} ({s.share:.0%})" for s in model.segments]
    largest = max(model.segments, key=lambda segment: segment.share)
    return heat_map(
        f"{largest.share:.0%} of customers: {largest.name_en}",
        f"{largest.share:.0%} 的客户：{largest.name_zh}",
        model.centers,
        rows,
        columns,
        window,
        n,
    )


SPEC = ModelSpec("segmentation", SERVICE, "which customers behave alike", train, after=("segmentation",))
