"""Whether like applicants get like terms: price and limit on what may not decide them, within grade.

Loans of one policy, one grade and about the same exposure are compared among themselves; amount, term and
exposure, which may decide, are taken out. What is left is regressed on each attribute that may not (12 CFR
1002.4(a), CCD2 2023/2225 Art 6), and shuffled among the like to see what chance does (Freedman and Lane
1983). Over all tests together the chance of a false alarm is at most `significant` (Holm 1979).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitoring.granted import UNKNOWN, Floats, Granted, Texts

Codes = npt.NDArray[np.intp]
TERMS = ("rate", "limit")
LEAST_LOANS, LEAST_OF_A_GROUP = 100, 30
PERMUTATIONS, SIGNIFICANT, SEED = 1_999, 0.05, 7
NEWEST = 50_000  # decisions of each worker's log
IN_A_CELL = 20
NOISE = 1e-9
"""What is left of a term, against its size, below which all got the same."""


@dataclass(frozen=True)
class Difference:
    """What one group gets beside the largest one, all that may decide taken out, with its 95 % interval."""

    group: str
    beside: str
    n: int
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """One term by one attribute; `p` by permutation, `corrected` for all the tests that were made."""

    term: str
    attribute: str
    n: int
    differences: tuple[Difference, ...]
    p: float
    corrected: float

    @property
    def largest(self) -> Difference:
        """The largest difference, either way."""
        return max(self.differences, key=lambda each: abs(each.difference))


@dataclass(frozen=True)
class SameTerms:
    """The audit: its comparisons, what is too few to be compared, and how sure it has to be."""

    n: int
    comparisons: tuple[Comparison, ...]
    too_few: Mapping[str, str]
    significant: float
    unreadable: int

    @property
    def unequal(self) -> tuple[Comparison, ...]:
        """The comparisons that chance does not explain."""
        return tuple(each for each in self.comparisons if each.corrected <= self.significant)

    @property
    def verdict(self) -> str:
        """PASS, FAIL, or TOO FEW where nothing could be compared."""
        if not self.comparisons:
            return "TOO FEW"
        return "FAIL" if self.unequal else "PASS"


def same_terms(
    loans: Granted, seed: int = SEED, permutations: int = PERMUTATIONS, significant: float = SIGNIFICANT
) -> SameTerms:
    """Compare price and limit of like loans by every attribute; the same seed gives the same answer."""
    found, too_few = list[Comparison](), dict[str, str]()
    for attribute, groups in loans.attributes.items():
        rows = np.flatnonzero(np.isin(groups, _large(groups)))
        if len(rows) < LEAST_LOANS or len(_large(groups)) < 2:
            too_few[attribute] = f"{len(rows)} loans in groups of {LEAST_OF_A_GROUP} or more"
            continue
        like = _Like.of(loans, rows)
        for term in TERMS:
            rng = np.random.default_rng([seed, len(found)])
            values = getattr(loans, term)[rows]
            found.append(_compared(term, attribute, values, groups[rows], like, rng, permutations))
    corrected = holm([each.p for each in found])
    told = [
        Comparison(each.term, each.attribute, each.n, each.differences, each.p, p)
        for each, p in zip(found, corrected, strict=True)
    ]
    return SameTerms(len(loans), tuple(told), too_few, significant, loans.unreadable)


def holm(p: Sequence[float]) -> list[float]:
    """Holm's correction of p-values.

    >>> [round(each, 3) for each in holm([0.04, 0.01, 0.5])]
    [0.08, 0.03, 0.5]
    """
    corrected, largest = [1.0] * len(p), 0.0
    for rank, at in enumerate(sorted(range(len(p)), key=lambda at: p[at])):
        largest = max(largest, min(1.0, (len(p) - rank) * p[at]))
        corrected[at] = largest
    return corrected


def _large(groups: Texts) -> list[str]:
    names, counts = np.unique(groups, return_counts=True)
    return [str(n) for n, c in zip(names, counts, strict=True) if n != UNKNOWN and c >= LEAST_OF_A_GROUP]


@dataclass(frozen=True)
class _Like:
    """Cells of like loans, and how to take out of a column what may decide: cell, exposure, amount, term."""

    cell: Codes
    exposure: Floats
    basis: Floats

    @staticmethod
    def of(loans: Granted, rows: Codes) -> "_Like":
        cell = _cells(loans.alike[rows], loans.exposure[rows])
        exposure = _centred(loans.exposure[rows], cell)
        plain = _Like(cell, exposure, np.empty((len(rows), 0)))
        asked = np.column_stack([plain.left(loans.amount[rows]), plain.left(loans.term_months[rows])])
        return _Like(cell, exposure, _basis(asked))

    @property
    def parameters(self) -> int:
        """How many numbers were fitted to take out what may decide."""
        square = np.bincount(self.cell, self.exposure**2)
        return len(square) + int(np.count_nonzero(square)) + int(self.basis.shape[1])

    def left(self, column: Floats) -> Floats:
        """What of a column cell, exposure within the cell, amount and term do not explain."""
        centred = _centred(column, self.cell)
        square = np.bincount(self.cell, self.exposure**2)
        slope = np.bincount(self.cell, self.exposure * centred) / np.where(square > 0, square, 1.0)
        within = centred - slope[self.cell] * self.exposure
        return np.asarray(within - self.basis @ (self.basis.T @ within))


def _cells(alike: Texts, exposure: Floats) -> Codes:
    """Loans of one policy and grade, in parts of IN_A_CELL or more that owe about the same."""
    cell, first = np.zeros(len(alike), np.intp), 0
    for name in np.unique(alike):
        rows = np.flatnonzero(alike == name)
        parts = max(1, len(rows) // IN_A_CELL)
        edges = np.unique(np.quantile(exposure[rows], np.linspace(0, 1, parts + 1)[1:-1]))
        cell[rows] = first + np.searchsorted(edges, exposure[rows], side="right")
        first += len(edges) + 1
    return np.unique(cell, return_inverse=True)[1].astype(np.intp)


def _centred(column: Floats, cell: Codes) -> Floats:
    mean = np.bincount(cell, column) / np.bincount(cell)
    return np.asarray(column - mean[cell])


def _basis(columns: Floats) -> Floats:
    """Orthonormal columns of the same span; what is nothing but rounding is left out."""
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(left[:, sizes > NOISE * max(1.0, float(sizes.max(initial=0.0)))])


def _compared(
    term: str, attribute: str, values: Floats, groups: Texts, like: _Like, rng: np.random.Generator,
    permutations: int,
) -> Comparison:  # fmt: skip
    names, counts = np.unique(groups, return_counts=True)
    usual = int(counts.argmax())
    others = [at for at in range(len(names)) if at != usual]
    one_hot = np.column_stack([like.left((groups == names[at]).astype(np.float64)) for at in others])
    rest = like.left(values)
    rest[np.abs(rest) <= NOISE * max(1.0, float(np.abs(values).max()))] = 0.0
    effect, low, high = _regressed(rest, one_hot, like.parameters)
    told = tuple(
        Difference(str(names[at]), str(names[usual]), int(counts[at]), *map(float, bounds))
        for at, *bounds in zip(others, effect, low, high, strict=True)
    )
    p = _by_chance(rest, _basis(one_hot), like, rng, permutations)
    return Comparison(term, attribute, len(values), told, p, p)


def _regressed(rest: Floats, one_hot: Floats, taken: int) -> tuple[Floats, Floats, Floats]:
    """Ordinary least squares: each group's effect and its 95 % interval."""
    effect, *_ = np.linalg.lstsq(one_hot, rest, rcond=None)
    freedom = max(1, len(rest) - taken - one_hot.shape[1])
    variance = float(((rest - one_hot @ effect) ** 2).sum()) / freedom
    spread = 1.96 * np.sqrt(variance * np.diag(np.linalg.pinv(one_hot.T @ one_hot)))
    return np.asarray(effect), np.asarray(effect - spread), np.asarray(effect + spread)


def _by_chance(
    rest: Floats, basis: Floats, like: _Like, rng: np.random.Generator, permutations: int
) -> float:
    """How often shuffling what is left among like loans explains as large a share of it as the groups do.

    What is shuffled is freed of what may decide again: a share of less, as what was seen is.
    """
    if not rest.any():
        return 1.0
    seen, larger = _explained(basis, rest, rest), 0
    order = np.argsort(like.cell, kind="stable")
    for _ in range(permutations):
        shuffled = np.empty_like(rest)
        shuffled[order] = rest[np.lexsort((rng.random(len(rest)), like.cell))]
        larger += _explained(basis, shuffled, like.left(shuffled)) >= seen * (1 - NOISE)
    return (1 + larger) / (1 + permutations)


def _explained(basis: Floats, column: Floats, left: Floats) -> float:
    whole = float((left**2).sum())
    return float(((basis.T @ column) ** 2).sum()) / whole if whole > 0 else 0.0
