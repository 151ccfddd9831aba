"""What boosted trees read of a table: numbers, flags for special values, evidence for categories.

Every step of an encoding reads one column, so what the trees add for its parts adds up to the column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.learning import folds
from training.learning.inputs import Column, Inputs, is_text
from training.learning.trees import F32
from training.validation import F64, Labels

FEWEST, PRIOR = 20, 20.0  # rows a category needs to count, rows of the base rate added to each
ENOUGH = 50  # rows a category on the average, from which one row's own label tells nothing of it
CROSS = 5


@dataclass(frozen=True)
class Number:
    """A column as it is; its special values are missing."""

    column: str
    specials: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """What the trees call it."""
        return self.column

    def of(self, values: Column) -> F32:
        """(n,) float32."""
        gone = np.isin(values, np.asarray(self.specials, np.float32))
        out: F32 = np.where(gone, np.float32(np.nan), values).astype(np.float32)
        return out


@dataclass(frozen=True)
class Flag:
    """1 where a column holds this special value, else 0."""

    column: str
    value: float

    @property
    def name(self) -> str:
        """What the trees call it."""
        return f"{self.column}={self.value:g}"

    def of(self, values: Column) -> F32:
        """(n,) float32."""
        return np.asarray(values == np.float32(self.value), np.float32)


@dataclass(frozen=True)
class Evidence:
    """Each category as its smoothed log odds against the base rate; a rare or unseen one is neutral, 0."""

    column: str
    known: Mapping[str, float]

    @property
    def name(self) -> str:
        """What the trees call it."""
        return self.column

    def of(self, values: Column) -> F32:
        """(n,) float32, NaN where the category is missing.

        >>> Evidence("job", {"clerk": 0.5}).of(np.array(["clerk", "new", None], object))
        array([0.5, 0. , nan], dtype=float32)
        """
        codes, levels = pd.factorize(values)
        table = np.array([self.known.get(str(level), 0.0) for level in levels] + [np.nan], np.float32)
        return table[codes]


Step = Number | Flag | Evidence


@dataclass(frozen=True)
class Encoding:
    """The steps in the order of the trees' columns."""

    steps: tuple[Step, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The trees' columns."""
        return tuple(step.name for step in self.steps)

    def apply(self, rows: Inputs) -> F32:
        """(n, steps) float32."""
        found = [step.of(rows[step.column]) for step in self.steps]
        return np.ascontiguousarray(np.stack(found, axis=1), np.float32)

    def signs(self, monotone: Mapping[str, int]) -> tuple[int, ...]:
        """+1, -1 or 0 for each step: a declared sign binds the number, not flags or categories."""
        return tuple(monotone.get(s.column, 0) if isinstance(s, Number) else 0 for s in self.steps)

    def by_column(self, contributions: F64, columns: Sequence[str]) -> F64:
        """Contributions (n, steps) added up to (n, columns)."""
        out = np.zeros((len(contributions), len(columns)))
        place = {name: j for j, name in enumerate(columns)}
        for j, step in enumerate(self.steps):
            out[:, place[step.column]] += contributions[:, j]
        return out


def encode(rows: Inputs, y: Labels, specials: Mapping[str, Sequence[float]]) -> Encoding:
    """Learn the steps from training rows."""
    steps: list[Step] = []
    for name, values in zip(rows.names, rows.columns, strict=True):
        if is_text(values):
            steps.append(_evidence(name, values, y))
            continue
        special = tuple(v for v in specials.get(name, ()) if (values == np.float32(v)).any())
        steps += [Number(name, special), *(Flag(name, value) for value in special)]
    return Encoding(tuple(steps))


def training_matrix(encoding: Encoding, rows: Inputs, y: Labels, seed: int, cross: int = CROSS) -> F32:
    """The encoding of the rows it was learnt from.

    A column of many small categories is encoded by the labels of other rows (cross-fitted), or a tree
    would read back in each of them what it should find out.
    """
    out = encoding.apply(rows)
    texts = [
        j for j, step in enumerate(encoding.steps)
        if isinstance(step, Evidence) and len(y) < ENOUGH * len(step.known)
    ]  # fmt: skip
    if not texts:
        return out
    for fold in folds.shuffled(y, None, 1, seed, cross)[0]:
        scored = np.flatnonzero(fold.score)
        for j in texts:
            values = rows[encoding.steps[j].column]
            step = _evidence(encoding.steps[j].column, values[fold.fit], y[fold.fit])
            out[scored, j] = step.of(values[scored])
    return out


def _evidence(name: str, values: Column, y: Labels) -> Evidence:
    codes, levels = pd.factorize(values)
    there = codes >= 0
    rows = np.bincount(codes[there], minlength=len(levels))
    bad = np.bincount(codes[there], weights=y[there], minlength=len(levels))
    rate = float(np.clip(y.mean(), 1e-6, 1 - 1e-6))
    smooth = (bad + PRIOR * rate) / (rows + PRIOR)
    odds = np.log(smooth / (1 - smooth)) - np.log(rate / (1 - rate))
    found = {str(level): round(float(odds[i]), 6) for i, level in enumerate(levels) if rows[i] >= FEWEST}
    return Evidence(name, found)
