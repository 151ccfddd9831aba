"""A segment keeps its id across retraining: new segments are matched with the earlier version's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from feature_repo.errors import BankError
from training.release.assemble import read_part
from training.release.errors import BrokenRelease
from training.release.segmentation import FILE, SEGMENT_ID, Segmentation
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


@dataclass(frozen=True)
class Earlier:
    """The last registered version: `model` if it can place the customers, else `why` not.

    `last_number` is the highest number it knows to be given, 0 where there was no version.
    """

    model: Segmentation | None = None
    why: str = ""
    last_number: int = 0


def newborn(sizes: npt.NDArray[np.integer], after: int = 0) -> Identity:
    """Ids where nothing can be matched, the largest first, with numbers above `after`.

    >>> newborn(np.array([10, 30])).ids, newborn(np.array([10, 30]), after=5).ids
    (('S2', 'S1'), ('S7', 'S6'))
    """
    rank = np.argsort(np.argsort(-sizes, kind="stable"), kind="stable")
    return Identity(tuple(f"S{after + int(number) + 1}" for number in rank), after + len(sizes), {})


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


def earlier_version(part: Path | None, columns: Sequence[str]) -> Earlier:
    """The last registered version, and whether it can place customers by these columns."""
    if part is None:
        return Earlier()
    try:
        files = read_part("segmentation", part)
    except BankError as error:
        return Earlier(why=f"the last version cannot be read ({error}), so ids begin anew")
    try:
        found = Segmentation.read(files)
    except BrokenRelease as error:
        last = _highest(files)
        return Earlier(None, f"the last version cannot be read ({error.found}), so every id is new", last)
    if missing := sorted(set(found.columns) - set(columns)):
        why = f"the last version reads {missing}, which is no longer there, so every id is new"
        return Earlier(None, why, found.last_number)
    return Earlier(found, "", found.last_number)


def _highest(files: Mapping[str, bytes]) -> int:
    """The highest number among ids in a file that is otherwise not readable."""
    ids = SEGMENT_ID.findall(files.get(FILE, b"").decode(errors="replace"))
    return max(map(int, ids), default=0)


def migration(before: Label, now: Label, k: int, m: int) -> npt.NDArray[np.int64]:
    """How many of the same customers went from each of k groups to each of m, (k, m).

    >>> migration(np.array([0, 0, 1]), np.array([1, 0, 1]), 2, 2).tolist()
    [[1, 1], [0, 1]]
    """
    counts = np.zeros((k, m), np.int64)
    np.add.at(counts, (before, now), 1)
    return counts
