"""Does the exported part say what the training library said, row by row, whatever the values?"""

from collections.abc import Iterator

import numpy as np

from training.checks.limits import PARITY, PARITY_ROWS
from training.checks.subject import Subject
from training.gates import Gate, at_most
from training.release.fields import F64Array


def parity(subject: Subject) -> Iterator[Gate]:
    """The largest difference over all rows; for segments how many rows, for products the order too."""
    name, ours, theirs = subject.name, subject.ours, subject.proof.said
    note = _counted(subject)
    if ours.shape != theirs.shape:
        shapes = f"answers {list(ours.shape)}, in training {list(theirs.shape)}"
        yield at_most(
            "parity", f"{name}: largest difference from training", float("nan"), PARITY, note=shapes
        )
        return
    if subject.member.watched[1] == "segment":
        moved = float((ours != theirs).sum())
        yield at_most("parity", "customers in another segment than in training", moved, 0.0, note=note)
        return
    largest = _largest(ours, theirs)
    yield at_most("parity", f"{name}: largest difference from training", largest, PARITY, note=note)
    if ours.ndim == 2:
        moved = float((_order(ours, theirs) != _order(theirs, theirs)).any(axis=1).sum())
        yield at_most("parity", f"{name}: customers with another order of products", moved, 0.0, note=note)


def _counted(subject: Subject) -> str:
    n, tested = len(subject.proof), subject.proof.tested
    few = "" if n >= PARITY_ROWS else f", all there are of the {PARITY_ROWS:,} wanted"
    return f"{n:,} rows ({tested:,} tested, {n - tested:,} made up){few}"


def _largest(ours: F64Array, theirs: F64Array) -> float:
    """The largest difference; 1 where only one of them says anything."""
    if not len(ours):
        return float("nan")
    either = np.isnan(ours) != np.isnan(theirs)
    apart = np.where(np.isnan(ours) | np.isnan(theirs), 0.0, np.abs(ours - theirs))
    return float(np.where(either, 1.0, apart).max(initial=0.0))


def _order(said: F64Array, theirs: F64Array) -> "np.ndarray[tuple[int, int], np.dtype[np.intp]]":
    """Products from likeliest to least, by chances that differ visibly: parity allows no more."""
    return np.argsort(-np.nan_to_num(np.where(np.abs(said - theirs) <= PARITY, theirs, said)), axis=1,
                      kind="stable")  # fmt: skip
