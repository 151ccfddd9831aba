"""Which rows are learned from and which are judged: five folds, forward in time, or in file order."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from training.table.calendar import dated
from training.table.errors import BadSplit, TooFewRows
from training.validation import F64, Labels

FOLDS, SEED = 5, 42
LEAST_ROWS, LEAST_CLASS = 40, 10
At = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Fold:
    """Rows to learn from and rows to judge on, by position; `ordered` when the latter come later."""

    name: str
    train: At
    test: At
    ordered: bool = False


def parted(split: str, y: Labels, groups: At, time: F64 | None) -> tuple[list[Fold], str]:
    """The folds, and the split in words. BadSplit and TooFewRows when it cannot be done."""
    if len(y) < LEAST_ROWS or min((y == 1).sum(), (y == 0).sum()) < LEAST_CLASS:
        found = f"{len(y):,} rows with a target, {int(y.sum()):,} of them the event"
        raise TooFewRows(found, f"at least {LEAST_ROWS} rows and {LEAST_CLASS} of either outcome are needed")
    if split == "5-fold":
        return shuffled(y, groups), "5-fold, stratified, shuffled, seed 42"
    kind, _, where = split.partition(":")
    if kind == "rows":
        return _rows(split, y, where)
    if kind == "time":
        return _time(split, y, where, time)
    raise BadSplit(split, "that is no split")


def shuffled(y: Labels, groups: At) -> list[Fold]:
    """Five stratified folds; rows of one group follow the first of them.

    >>> y = np.tile([0, 1], 50).astype(np.int8)
    >>> folds = shuffled(y, np.r_[0, np.arange(99)])
    >>> any((fold.test == 0).any() != (fold.test == 1).any() for fold in folds)
    False
    """
    of = np.empty(len(y), np.intp)
    for number, (_, test) in enumerate(StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(y, y)):
        of[test] = number
    _, first, place = np.unique(groups, return_index=True, return_inverse=True)
    of = of[first][place]
    return [
        Fold(f"fold {k + 1} of {FOLDS}", np.flatnonzero(of != k), np.flatnonzero(of == k))
        for k in range(FOLDS)
    ]


def _share(split: str, text: str) -> float | None:
    try:
        share = float(text)
    except ValueError:
        return None
    if 0 < share < 1:
        return share
    if share < 1000:
        raise BadSplit(split, "the share of rows to learn from lies between 0 and 1")
    return None


def _rows(split: str, y: Labels, where: str) -> tuple[list[Fold], str]:
    share = _share(split, where)
    if share is None:
        raise BadSplit(split, "rows: wants a share, such as rows:0.7")
    border = int(len(y) * share)
    words = f"the first {share:.0%} of the rows in file order -> the last {1 - share:.0%}"
    return [_two(y, np.arange(border), np.arange(border, len(y)))], words


def _time(split: str, y: Labels, where: str, time: F64 | None) -> tuple[list[Fold], str]:
    if time is None:
        raise BadSplit(split, "it needs to know when each row was: name the column by --time")
    share = _share(split, where)
    if share is not None:
        border = float(np.sort(time)[int(len(time) * share)])
        words = f"the first {share:.0%} in time -> the rest"
    else:
        border, words = _moment(split, where, time), f"before {where} -> from then on"
    return [_two(y, np.flatnonzero(time < border), np.flatnonzero(time >= border))], words


def _moment(split: str, where: str, time: F64) -> float:
    """The border as the time column counts: a number as it is, a date as days since 1970."""
    known = pd.Series([where.strip()], dtype=object)
    how = dated(known, short=True)
    if how is not None and float(time.max()) < 100_000:
        return float(how.parse(known)[0])
    digits = where.strip().replace("-", "")
    if not digits.isdigit():
        raise BadSplit(split, f"'{where}' is neither a share nor a date")
    return float(digits)


def _two(y: Labels, train: At, test: At) -> Fold:
    for part, rows in (("learn from", train), ("judge on", test)):
        events = int(y[rows].sum()) if len(rows) else 0
        if min(events, len(rows) - events) < LEAST_CLASS:
            found = f"{len(rows):,} rows to {part}, {events:,} of them the event"
            raise TooFewRows(found, f"at least {LEAST_CLASS} of either outcome are needed in both parts")
    return Fold("the later rows", train, test, ordered=True)
