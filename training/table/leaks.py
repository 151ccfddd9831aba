"""Columns that know too much: how well each column alone tells the target."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.table.columns import Column, Kind
from training.table.target import same_as
from training.validation import Labels, auc

SUSPECT = 0.95
BINS, CROSS, PRIOR = 20, 5, 10.0
Codes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Alone:
    """How well one column alone ranks the target; `decides` when it leaves nothing open."""

    column: str
    auc: float
    decides: bool

    @property
    def suspect(self) -> bool:
        """Whether no honest column would be as good."""
        return self.auc > SUSPECT


def alone(column: Column, y: Labels) -> Alone:
    """The AUC of one column: by its order, and by the rates of its groups, each learned on other rows.

    What is missing is a group, so a column that is filled in only after the outcome shows.

    >>> y = np.tile([0, 1], 200).astype(np.int8)
    >>> from training.table.columns import Form
    >>> paid_late = Column("paid_late", Form(Kind.NUMBER), np.where(y == 1, np.nan, 3.0), {}, {})
    >>> alone(paid_late, y)
    Alone(column='paid_late', auc=1.0, decides=True)
    """
    codes = _groups(column)
    best = auc(y, _learned(codes, y))
    if (
        column.kind is not Kind.CATEGORY
        and (known := column.known).any()
        and 0 < y[known].sum() < known.sum()
    ):
        straight = auc(y[known], column.numbers[known])
        if known.all():
            best = max(best, straight, 1 - straight)
    return Alone(column.name, round(float(best), 4), best == 1.0 or same_as(codes, y))


def _groups(column: Column) -> Codes:
    """Each row's group: its category, its number where there are few, or its twentieth; missing is one."""
    codes, levels = pd.factorize(column.values, use_na_sentinel=False)
    if column.kind is Kind.CATEGORY or len(levels) <= BINS:
        return np.asarray(codes, np.intp)
    values = column.numbers
    edges = np.unique(np.nanquantile(values, np.arange(1, BINS) / BINS))
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))


def _learned(codes: Codes, y: Labels) -> npt.NDArray[np.float64]:
    """Each row's group rate among rows of other folds, drawn towards the average."""
    fold = np.random.default_rng(0).permutation(len(y)) % CROSS
    score = np.empty(len(y))
    for k in range(CROSS):
        rest = fold != k
        rows = np.bincount(codes[rest], minlength=codes.max() + 1)
        events = np.bincount(codes[rest], weights=y[rest], minlength=codes.max() + 1)
        rate = (events + PRIOR * y[rest].mean()) / (rows + PRIOR)
        score[~rest] = rate[codes[~rest]]
    return score
