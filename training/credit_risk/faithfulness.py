"""Are the reasons true? Move each one's column to its reference, score again, and see.

A case is faithful when every reason told lowers the probability of default once its column stands at the
declared reference, and the first lowers it at least as much as the second, and so on. The rows are scored
one by one through the release's own code, not through the batch that chose the reasons.
"""

from dataclasses import dataclass

import numpy as np

from crm_rules.lending.reasons import NOT_KNOWN
from training.release.credit import CreditRuntime
from training.release.segmentation import F32Array as F32
from training.validation import F64

MOST = 4
TOLERANCE = 1e-9  # of log odds: what adding up points in another order may differ by


@dataclass(frozen=True)
class Faithfulness:
    """`faithful` of `cases` with reasons; `raised` of all `reasons` raise the score when moved."""

    cases: int
    reasons: int
    raised: int
    in_order: int
    faithful: int
    silent: int

    @property
    def share(self) -> float:
        """The share of cases whose every reason holds, in the order told; NaN without cases."""
        return self.faithful / self.cases if self.cases else float("nan")

    def as_json(self) -> dict[str, float]:
        """As metrics keep it."""
        return {
            "cases": self.cases, "reasons": self.reasons, "share": round(self.share, 5),
            "reasons_that_raise_the_score": self.raised, "cases_in_order": self.in_order,
            "cases_without_reason": self.silent,
        }  # fmt: skip


def told(raised: F64, most: int = MOST) -> list[list[int]]:
    """The columns told for each row of (n, columns + 1), largest first: as `principal_reasons` ranks them."""
    order = np.argsort(-raised, axis=1, kind="stable")[:, :most]
    return [[int(at) for at in places if row[at] > 0] for row, places in zip(raised, order, strict=True)]


def faithfulness(runtime: CreditRuntime, rows: F32) -> Faithfulness:
    """Check every reason of each of n cases, (n, member.columns)."""
    reasons = told(runtime.assess(rows).raised)
    base = runtime.log_odds(rows)
    found = np.zeros(5, int)
    for row, columns in enumerate(reasons):
        if columns:
            falls = base[row] - runtime.log_odds(_moved(runtime, rows[row], columns))
            holds, ordered = falls > 0, bool((np.diff(falls) <= TOLERANCE).all())
            found += [1, len(columns), int(holds.sum()), ordered, ordered and bool(holds.all())]
    cases, told_, raised, ordered_, faithful = found.tolist()
    return Faithfulness(cases, told_, raised, ordered_, faithful, sum(not columns for columns in reasons))


def name_of(runtime: CreditRuntime, column: int) -> str:
    """The column's name; the place after the last is all that is not known."""
    columns = runtime.member.columns
    return columns[column] if column < len(columns) else NOT_KNOWN


def _moved(runtime: CreditRuntime, row: F32, columns: list[int]) -> F32:
    """The row once for each reason, with that column (or all unknown ones) at the reference."""
    reference = runtime.member.reference.astype(np.float32)
    moved = np.repeat(row[None, :], len(columns), axis=0)
    for at, column in enumerate(columns):
        if column < len(row):
            moved[at, column] = reference[column]
        else:
            moved[at] = np.where(np.isnan(row), reference, row)
    return moved
