"""From rows to named segments: k on evidence, ids from the last version, words, a rule each."""

from dataclasses import dataclass, replace

import numpy as np

from training.release.segmentation import Segment, Segmentation
from training.run import Run
from training.segmentation.evidence import LEAST_JACCARD, LEAST_SHARE
from training.segmentation.explaining import Explained, explain
from training.segmentation.identity import Earlier, Identity, earlier_version, inherited, newborn
from training.segmentation.naming import names
from training.segmentation.rows import Rows
from training.segmentation.segmenter import Segmenter
from training.segmentation.space import LIMIT
from training.segmentation.worth import fit_value


@dataclass(frozen=True)
class Fitted:
    """The segmenter, its segments in the order of their ids, the tree that explains them.

    `earlier` is the last registered version, where it can place the same customers.
    """

    segmenter: Segmenter
    model: Segmentation
    explained: Explained
    identity: Identity
    earlier: Segmentation | None


def fit(rows: Rows, run: Run, segmenter: Segmenter) -> tuple[Fitted, dict[str, str]]:
    """Choose k on evidence, give ids and names, explain; why ids begin anew, if they do."""
    matrix = rows.part(rows.first, rows.columns)
    segmenter.fit(matrix.astype(np.float64))
    segmenter.space_ = replace(segmenter.space_, columns=rows.columns)
    weights = dict(zip(rows.columns, segmenter.weights_, strict=True))
    heavy = sorted(rows.columns, key=lambda name: -weights[name])[:4]
    run.tell(
        "features", "what tells them apart: " + ", ".join(f"{name} {weights[name]:.2f}" for name in heavy)
    )
    chosen = segmenter.chosen_
    run.tell("tune", f"{chosen.k} segments of {len(segmenter.evidence_)} choices; "
                     f"silhouette {chosen.silhouette:.2f}, "
                     f"least Jaccard {min(chosen.jaccard):.2f} (limit {LEAST_JACCARD}), "
                     f"smallest {chosen.smallest:.1%} (limit {LEAST_SHARE:.0%})")  # fmt: skip
    earlier = earlier_version(run.parts.get("segmentation"), rows.data.columns)
    identity = _identify(rows, segmenter, earlier, run)
    named = _named(rows, segmenter, identity, earlier.model, run.seed)
    return named, {"ids": earlier.why} if earlier.why else {}


def _identify(rows: Rows, segmenter: Segmenter, earlier: Earlier, run: Run) -> Identity:
    """Ids from the earlier version on the same customers; without one, the largest is S1."""
    label, k, model = segmenter.labels_, len(segmenter.centres_), earlier.model
    if model is None:
        why = earlier.why or "no earlier version to match"
        run.tell("calibrate", f"{k} new ids, the largest first; {why}")
        return newborn(np.bincount(label, minlength=k), earlier.last_number)
    before = model.assign(rows.part(rows.first, model.columns))
    identity = inherited(model, before, label, k)
    run.tell("calibrate", f"{len(identity.matched)} of {k} segments keep the id they had; "
                          f"least Jaccard {min(identity.matched.values(), default=0):.2f}")  # fmt: skip
    return identity


def _named(
    rows: Rows, segmenter: Segmenter, identity: Identity, earlier: Segmentation | None, seed: int
) -> Fitted:
    """Put the segments in the order of their ids, and describe them."""
    order = np.argsort([int(name[1:]) for name in identity.ids])
    segmenter.centres_ = segmenter.centres_[order]
    segmenter.labels_ = np.argsort(order)[segmenter.labels_]
    jaccard = tuple(segmenter.chosen_.jaccard[at] for at in order)
    segmenter.chosen_ = replace(segmenter.chosen_, jaccard=jaccard)
    ids = tuple(identity.ids[at] for at in order)
    counts = segmenter.weights_ > 0
    used = tuple(name for name, is_used in zip(rows.columns, counts, strict=True) if is_used)
    narrow = rows.part(rows.first, used)
    label, k = segmenter.labels_, len(ids)
    explained = explain(narrow, label, used, seed)
    titles = names(segmenter.centres_ * np.sqrt(segmenter.weights_), rows.columns)
    shares = np.bincount(label, minlength=k) / len(label)
    segments = tuple(
        Segment(name, *titles[at], explained.rules[at], round(float(shares[at]), 4),
                round(segmenter.chosen_.jaccard[at], 4))
        for at, name in enumerate(ids)
    )  # fmt: skip
    space = segmenter.space_
    model = Segmentation(
        used, space.logged[counts], space.fill[counts], space.mean[counts], space.scale[counts], LIMIT,
        segmenter.weights_[counts], segmenter.centres_[:, counts], segments, identity.last_number,
        fit_value(rows.data.matrix[rows.first], rows.data.columns),
    )  # fmt: skip
    return Fitted(segmenter, model, explained, identity, earlier)
