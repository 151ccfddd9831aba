"""Does the segment give a protected attribute away? Guessed from the segment alone, against the base rate."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.segmentation.clustering import Label
from training.validation import F64, Interval, Labels, auc_interval

AGE_BANDS = (30.0, 45.0, 60.0)
BAND_NAMES = ("under 30", "30 to 44", "45 to 59", "60 and over")
GENDER_AUC, BAND_ACCURACY = 0.55, 0.40  # above: the segment tells too much of the attribute
DRAWS = 300


@dataclass(frozen=True)
class Leak:
    """One attribute: what was measured, beside what guessing blindly reaches and the soft limit."""

    attribute: str
    attribute_zh: str
    measure: str
    found: Interval
    blind: float
    limit: float
    n: int

    @property
    def tells(self) -> bool:
        """Whether the whole interval lies above the limit."""
        return self.found.low > self.limit

    def as_json(self) -> dict[str, object]:
        """As it is logged."""
        return {
            "measure": self.measure, "value": round(self.found.value, 4), "interval": self.found.as_list(),
            "blind": round(self.blind, 4), "limit": self.limit, "n": self.n, "tells": self.tells,
        }  # fmt: skip


def gender(label: Label, female: F64, k: int, seed: int) -> Leak | None:
    """AUC of the share of women in the segment; learned on one half of the customers, judged on the other."""
    known = np.flatnonzero(np.isfinite(female))
    y = (female[known] == 1).astype(np.int8)
    if len(known) < 50 or y.min() == y.max():
        return None
    learn, judge = _halves(len(known), seed)
    share = _shares(label[known][learn], y[learn], k, 2)[:, 1]
    found = auc_interval(y[judge], share[label[known][judge]])
    return Leak("gender", "性别", "AUC", found, 0.5, GENDER_AUC, len(judge))


def age(label: Label, years: F64, k: int, seed: int) -> Leak | None:
    """Balanced accuracy of the age band guessed from the segment; blind guessing reaches 1 / bands."""
    known = np.flatnonzero(np.isfinite(years))
    band = np.digitize(years[known], AGE_BANDS)
    present = np.unique(band)
    if len(known) < 50 or len(present) < 2:
        return None
    learn, judge = _halves(len(known), seed)
    shares = _shares(label[known][learn], band[learn], k, len(BAND_NAMES))
    base = np.bincount(band[learn], minlength=len(BAND_NAMES)) / len(learn)
    guess = np.argmax(shares / np.where(base > 0, base, np.inf), axis=1)[label[known][judge]]
    found = _balanced(band[judge], guess, seed)
    return Leak("age band", "年龄段", "balanced accuracy", found, 1 / len(present), BAND_ACCURACY, len(judge))


def _halves(n: int, seed: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    order = np.random.default_rng(seed).permutation(n)
    return order[: n // 2], order[n // 2 :]


def _shares(label: Label, classes: npt.NDArray[np.integer] | Labels, k: int, m: int) -> F64:
    """The share of each class in each segment (k, m), the whole standing in for an empty segment."""
    counts = np.zeros((k, m))
    np.add.at(counts, (label, classes), 1)
    counts += 1e-9 * counts.sum(axis=0)
    shares: F64 = counts / counts.sum(axis=1, keepdims=True)
    return shares


def _balanced(truth: npt.NDArray[np.integer], guess: npt.NDArray[np.integer], seed: int) -> Interval:
    """Mean recall over the classes that occur, with a percentile bootstrap interval."""
    generator = np.random.default_rng(seed)
    drawn = []
    for _ in range(DRAWS):
        rows = generator.integers(0, len(truth), len(truth))
        drawn.append(_recall(truth[rows], guess[rows]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(_recall(truth, guess), float(low), float(high))


def _recall(truth: npt.NDArray[np.integer], guess: npt.NDArray[np.integer]) -> float:
    """Balanced accuracy.

    >>> _recall(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0]))
    0.5
    """
    return float(np.mean([(guess[truth == one] == one).mean() for one in np.unique(truth)]))
