"""Does anything know the outcome? A column, or the model itself, that ranks it too well to be foresight."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from training.checks.limits import COLUMN_KNOWS, LEAST_CASES, MODEL_KNOWS
from training.checks.ranking import too_few
from training.checks.subject import Subject
from training.gates import Gate, at_most
from training.proof import F32, MemberProof
from training.validation import F64, Labels, auc

KIND = "is_company"  # the column that tells a company from a person


def leak(subject: Subject) -> Iterator[Gate]:
    """The best single column that the part reads, and the model; for products the worst of any product.

    Only among the kinds of customers, persons or companies, who have the outcome at all: that companies alone
    take business loans is known from the product, not from the future.
    """
    name, test = subject.name, subject.test
    wide = subject.said.ndim == 2
    labels = test.labels if wide else test.labels[:, None]
    said = subject.said if wide else subject.said[:, None]
    outcomes = test.outcomes if wide else ("",)
    reads = tuple(dict.fromkeys(subject.member.reads))
    titles = (f"{name}: AUC of the best column alone", f"{name}: AUC of the model itself")
    found = [
        (*_best(test.only(reads)[known], reads, y), auc(y, np.nan_to_num(said[known, at])), outcomes[at])
        for at in range(labels.shape[1])
        if not too_few(y := labels[known := _in_reach(test, labels[:, at]), at].astype(np.int8))
    ]
    if not found:
        for title, limit in zip(titles, (COLUMN_KNOWS, MODEL_KNOWS), strict=True):
            why = f"no outcome has {LEAST_CASES} cases of either kind"
            yield at_most("leak", title, float("nan"), limit, note=why)
        return
    column, knows, _, product = max(found, key=lambda each: each[1])
    note = f"{column}{f', of {product}' if product else ''}"
    yield at_most("leak", titles[0], knows, COLUMN_KNOWS, note=note)
    *_, value, product = max(found, key=lambda each: each[2])
    yield at_most("leak", titles[1], value, MODEL_KNOWS, note=f"of {product}" if product else "")


def _in_reach(test: MemberProof, label: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """The rows with a label whose kind of customer is that of some row with the outcome."""
    known: npt.NDArray[np.bool_] = ~np.isnan(label)
    if KIND not in test.columns or not (label == 1).any():
        return known
    kind = test.only((KIND,))[:, 0]
    return known & np.isin(kind, kind[label == 1])


def _best(matrix: F32, columns: tuple[str, ...], y: Labels) -> tuple[str, float]:
    """The column that ranks best in either direction, with what is missing at either end."""
    found = {column: _alone(matrix[:, at].astype(np.float64), y) for at, column in enumerate(columns)}
    best = max(found, key=lambda column: found[column])
    return best, found[best]


def _alone(values: F64, y: Labels) -> float:
    """The AUC of one column, 0.5 where it tells nothing.

    >>> _alone(np.array([np.nan, np.nan, 1.0, 2.0]), np.array([1, 1, 0, 0], np.int8))
    1.0
    """
    missing = np.isnan(values)
    known = np.where(missing, 0.0, values)
    spread = [np.where(missing, end, known) for end in ((-np.inf, np.inf) if missing.any() else (0.0,))]
    return max(max(found, 1 - found) for found in (auc(y, each) for each in spread))
