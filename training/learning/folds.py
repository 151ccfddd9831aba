"""Folds inside the training rows: shuffled with customers kept whole, or forward in time."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from training.validation import Labels


@dataclass(frozen=True)
class Fold:
    """Rows to fit on and rows to score, as masks over the training rows."""

    fit: npt.NDArray[np.bool_]
    score: npt.NDArray[np.bool_]


def shuffled(
    y: Labels, groups: npt.NDArray[np.generic] | None, repeats: int, seed: int, count: int = 5
) -> list[list[Fold]]:
    """Repeated stratified folds that keep all rows of a group together; each repeat covers every row.

    >>> cut = shuffled(np.array([1, 0, 1, 0], np.int8), np.array(["a", "b", "a", "c"]), 1, 7)[0]
    >>> any(fold.score[0] != fold.score[2] for fold in cut)
    False
    """
    named = np.arange(len(y)) if groups is None else np.asarray(groups).astype(str)
    names, place = np.unique(named, return_inverse=True)
    positive = np.bincount(place, weights=y, minlength=len(names)) > 0
    generator, found = np.random.default_rng(seed), []
    for _ in range(repeats):
        order = np.lexsort((generator.random(len(names)), positive))
        of = np.empty(len(names), int)
        of[order] = np.arange(len(names)) % count
        parted = [Fold(of[place] != k, of[place] == k) for k in range(count)]
        found.append([fold for fold in parted if fold.score.any()])
    return found


def forward(y: Labels, order: npt.NDArray[np.generic], count: int = 4) -> list[Fold]:
    """Each fold fits on what came before a moment and scores the next stretch of time.

    Rows of one moment are never parted. A stretch in which a class is missing joins the next one.

    >>> at = np.array([3, 1, 2, 4, 1, 2, 3, 4])
    >>> y = np.array([0, 0, 1, 1, 1, 0, 1, 0], np.int8)
    >>> [(sorted(at[f.fit].tolist()), sorted(at[f.score].tolist())) for f in forward(y, at, 2)]
    [([1, 1, 2, 2], [3, 3]), ([1, 1, 2, 2, 3, 3], [4, 4])]
    """
    moments, place = np.unique(order, return_inverse=True)
    upto = np.searchsorted(np.cumsum(np.bincount(place)), np.arange(1, count + 1) * len(y) / (count + 1))
    borders, found = [*np.unique(upto + 1).tolist(), len(moments)], []
    start = 0
    for border, after in pairwise(borders):
        start = start or border
        fold = Fold(place < start, (place >= start) & (place < after))
        if _both(y[fold.fit]) and _both(y[fold.score]):
            found.append(fold)
            start = after
    return found


def _both(y: Labels) -> bool:
    return bool(len(y)) and bool(y.min() != y.max())


def inside(
    y: Labels, groups: npt.ArrayLike | None, order: npt.ArrayLike | None, seed: int, repeats: int = 1,
    most: int = 5,
) -> list[Fold]:  # fmt: skip
    """The folds on which training rows make their choices: forward where `order` is given, else shuffled.

    A fold in which a class is missing judges nothing and is left out; there may be none left.
    """
    if order is not None:
        return forward(y, np.asarray(order), most - 1)
    named = None if groups is None else np.asarray(groups)
    count = int(min(most, y.sum(), len(y) - y.sum()))
    if count < 2:
        return []
    cut = [fold for repeat in shuffled(y, named, repeats, seed, count) for fold in repeat]
    return [fold for fold in cut if _both(y[fold.fit]) and _both(y[fold.score])]
