"""Every exhibit of the segmentation, from its rows, its fit and its leaks."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from training.dataset import iso
from training.evidence.exhibit import Exhibit
from training.segmentation import portrait, proof, trials
from training.segmentation.clustering import Label
from training.segmentation.fitting import Fitted
from training.segmentation.identity import migration
from training.segmentation.leakage import Leak
from training.segmentation.rows import SAMPLE, Rows
from training.validation import F64


def drawn(
    rows: Rows, fitted: Fitted, leaks: Sequence[Leak], behaviour: Mapping[str, object], seed: int
) -> dict[str, Exhibit]:
    """The exhibits by name; those that lack their input are not there."""
    with threadpool_limits(limits=1):
        found = _portraits(rows, fitted) | _proofs(rows, fitted, seed) | _migrations(rows, fitted)
    if leaks:
        found["leakage"] = proof.leakage(leaks, rows.window)
    for name, driven in behaviour.items():
        assert isinstance(driven, dict)
        found[f"drivers_{name}"] = proof.driving(driven)
    return found


def _portraits(rows: Rows, fitted: Fitted) -> dict[str, Exhibit]:
    model, window = fitted.model, rows.window
    segments, k = model.segments, len(model.segments)
    tested = rows.part(rows.later, model.columns)
    label, n = model.assign(tested), int(rows.later.sum())
    told = fitted.explained.by_segment(tested, label)
    columns = tuple(dict.fromkeys((*rows.columns, *model.reads)))
    means = trials.profile_means(rows.part(rows.first, columns), fitted.segmenter.labels_, k)
    fitted_shares, shares = (
        np.bincount(each, minlength=k) / len(each) for each in (fitted.segmenter.labels_, label)
    )
    chosen = np.random.default_rng(0).permutation(n)[:2000]
    points = fitted.segmenter.space_.standardised(rows.part(rows.later, rows.columns)[chosen])
    return {
        "sizes": portrait.sizes(segments, fitted_shares, shares, window, n),
        "profiles": portrait.profiles(segments, means, columns, window, n),
        "snake": portrait.snake(segments, means, columns, window, n),
        "silhouettes": portrait.silhouettes(
            segments, points * np.sqrt(fitted.segmenter.weights_), label[chosen], window
        ),
        "rules": portrait.rules(
            segments, told, fitted.explained.fidelity(tested, label), float(shares.max())
        ),
    }


def _proofs(rows: Rows, fitted: Fitted, seed: int) -> dict[str, Exhibit]:
    segmenter, window = fitted.segmenter, rows.window
    sample = _sample(rows.first, seed)
    matrix = rows.part(sample, rows.columns)
    weights = dict(zip(rows.columns, segmenter.weights_.tolist(), strict=True))
    found = {
        "choice": proof.choice(segmenter.evidence_, segmenter.chosen_.k, window, len(matrix)),
        "benchmark": proof.benchmark(_benchmark(rows, fitted, seed), window, len(matrix)),
        "stability": _stability(rows, fitted, seed),
    }
    left_out = trials.without_each(segmenter, matrix)
    if left_out:
        found["sensitivity"] = proof.sensitivity(left_out, weights, window, len(matrix))
    return found


def _stability(rows: Rows, fitted: Fitted, seed: int) -> Exhibit:
    shares, jaccards, names, n = list[F64](), list[F64](), list[str](), 0
    for moment in np.unique(rows.data.as_of):
        sample = _sample(rows.data.as_of == moment, seed)
        share, jaccard = trials.found_anew(fitted.segmenter, rows.part(sample, rows.columns))
        shares.append(share)
        jaccards.append(jaccard)
        names.append(iso(int(moment))[:10])
        n += int(sample.sum())
    return proof.stability(fitted.model.ids, names, np.stack(shares), np.stack(jaccards), n)


def _benchmark(rows: Rows, fitted: Fitted, seed: int) -> list[tuple[str | int | float | None, ...]]:
    before, after = _same(rows)
    chosen = np.random.default_rng(seed).permutation(len(before))[:SAMPLE]
    before, after = before[chosen], after[chosen]
    data, value = rows.data, fitted.model.value
    worth = value.columns if value else ()
    twice = trials.Twice(
        *(data.only(columns)[at] for columns in (rows.columns, worth) for at in (before, after))
    )
    return trials.beside(fitted.segmenter, value, twice, rows.columns, seed)


def _migrations(rows: Rows, fitted: Fitted) -> dict[str, Exhibit]:
    model, ids = fitted.model, fitted.model.ids
    before, after = _same(rows)
    matrix = rows.data.only(model.columns)
    counts = migration(model.assign(matrix[before]), model.assign(matrix[after]), len(ids), len(ids))
    stay = float(np.trace(counts) / max(counts.sum(), 1))
    found = {"migration": proof.migration(
        f"{stay:.1%} are in the same segment a quarter later", f"{stay:.1%} 的客户在一个季度后仍在同一客群",
        counts, ids, ids, "the same model at two dates",
    )}  # fmt: skip
    if fitted.earlier is not None:
        found["migration_retraining"] = _retrained(rows, fitted, fitted.earlier.ids)
    return found


def _retrained(rows: Rows, fitted: Fitted, ids: Sequence[str]) -> Exhibit:
    earlier, model = fitted.earlier, fitted.model
    assert earlier is not None
    old: Label = earlier.assign(rows.part(rows.first, earlier.columns))
    counts = migration(old, model.assign(rows.part(rows.first, model.columns)), len(ids), len(model.ids))
    kept = sum(int(counts[ids.index(name), model.ids.index(name)]) for name in model.ids if name in ids)
    share = kept / max(int(counts.sum()), 1)
    return proof.migration(
        f"{share:.1%} keep their segment through retraining", f"重新训练后 {share:.1%} 的客户客群不变",
        counts, ids, model.ids, "the last version and this one on the same customers",
    )  # fmt: skip


def _same(rows: Rows) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Positions of the customers who are there at both dates, in one order."""
    ids = rows.data.customer_ids
    first, later = np.flatnonzero(rows.first), np.flatnonzero(rows.later)
    _, one, other = np.intersect1d(ids[first].astype(str), ids[later].astype(str), return_indices=True)
    return first[one], later[other]


def _sample(chosen: npt.NDArray[np.bool_], seed: int) -> npt.NDArray[np.bool_]:
    """At most SAMPLE of the chosen rows, as a mask."""
    where = np.flatnonzero(chosen)
    kept = np.zeros(len(chosen), bool)
    kept[np.random.default_rng(seed).permutation(where)[:SAMPLE]] = True
    return kept
