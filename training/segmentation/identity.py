"""A segment keeps its id across retraining: new segments are matched with the earlier version's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from training.release.assemble import read_part
from training.release.errors import BrokenRelease
from training.release.segmentation import Segmentation
from training.segmentation.clustering import Label
from training.segmentation.evidence import overlap

SAME = 0.5  # Jaccard index on the same customers; below it a segment counts as dissolved (Hennig 2008)


@dataclass(frozen=True)
class Identity:
    """`ids` of the new segments, in their order; `last_number` the highest ever given.

    `matched` says by new id the Jaccard index with the earlier segment whose id it keeps.
    """

    ids: tuple[str, ...]
    last_number: int
    matched: Mapping[str, float]


def newborn(sizes: npt.NDArray[np.integer]) -> Identity:
    """The ids of a first version, the largest segment S1.

    >>> newborn(np.array([10, 30])).ids
    ('S2', 'S1')
    """
    rank = np.argsort(np.argsort(-sizes, kind="stable"), kind="stable")
    return Identity(tuple(f"S{int(number) + 1}" for number in rank), len(sizes), {})


def inherited(earlier: Segmentation, before: Label, now: Label, k: int) -> Identity:
    """Ids for k new segments from how the earlier version placed the same customers.

    The Hungarian method finds the matching with the largest sum of Jaccard indices; a pair below SAME
    is no match. A segment without a match gets a number never given before.
    """
    index = overlap(now, before, k, len(earlier.ids))
    rows, columns = linear_sum_assignment(-index)
    pairs = {int(r): int(c) for r, c in zip(rows, columns, strict=True) if index[r, c] >= SAME}
    last, ids, matched = earlier.last_number, [], {}
    for new in range(k):
        if new in pairs:
            ids.append(earlier.ids[pairs[new]])
            matched[ids[-1]] = round(float(index[new, pairs[new]]), 4)
        else:
            last += 1
            ids.append(f"S{last}")
    return Identity(tuple(ids), last, matched)


def earlier_version(part: Path | None, columns: Sequence[str]) -> tuple[Segmentation | None, str]:
    """The last registered version, if it can place customers by these columns; else why not."""
    if part is None:
        return None, ""
    try:
        found = Segmentation.read(read_part("segmentation", part))
    except BrokenRelease as error:
        return None, f"the last version cannot be read ({error.found}), so ids begin anew"
    if missing := sorted(set(found.columns) - set(columns)):
        return None, f"the last version reads {missing}, which the service no longer has, so ids begin anew"
    return found, ""


def migration(before: Label, now: Label, k: int, m: int) -> npt.NDArray[np.int64]:
    """How many of the same customers went from each of k groups to each of m, (k, m).

    >>> migration(np.array([0, 0, 1]), np.array([1, 0, 1]), 2, 2).tolist()
    [[1, 1], [0, 1]]
    """
    counts = np.zeros((k, m), np.int64)
    np.add.at(counts, (before, now), 1)
    return counts
