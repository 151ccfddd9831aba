"""The figures of a table's report: each model's ranking and calibration, and what boosting is worth."""

from collections.abc import Mapping
from dataclasses import dataclass

from training.validation import (
    F64,
    Interval,
    Labels,
    auc_difference,
    auc_interval,
    brier,
    calibration_error,
    ks,
)


@dataclass(frozen=True)
class Figures:
    """One model on the judged rows."""

    auc: Interval
    ks: float
    brier: float
    ece: float

    @property
    def gini(self) -> float:
        """2 AUC - 1."""
        return 2 * self.auc.value - 1

    def as_json(self) -> dict[str, float | list[float]]:
        """As `--json` prints it."""
        return {
            "auc": round(self.auc.value, 4), "auc_interval": self.auc.as_list(), "ks": round(self.ks, 4),
            "gini": round(self.gini, 4), "brier": round(self.brier, 5), "ece": round(self.ece, 5),
        }  # fmt: skip


def figures(y: Labels, p: F64) -> Figures:
    """Measure one model; the interval of the AUC is DeLong's."""
    return Figures(auc_interval(y, p), ks(y, p), brier(y, p), calibration_error(y, p))


@dataclass(frozen=True)
class Gap:
    """How much more the boosting ranks right than the scorecard on the same rows (DeLong, paired)."""

    value: Interval
    LIMIT = 0.015

    def as_json(self) -> dict[str, object]:
        """As `--json` prints it."""
        return {
            "auc": round(self.value.value, 4), "interval": self.value.as_list(), "limit": self.LIMIT,
            "within": self.value.value <= self.LIMIT, "meaning": self.meaning,
        }  # fmt: skip

    @property
    def meaning(self) -> str:
        """What the gap says, in words."""
        value, low, high = self.value.value, self.value.low, self.value.high
        span = f"{value:+.3f} AUC ({low:+.3f} to {high:+.3f})"
        if value <= self.LIMIT:
            return f"boosting over scorecard {span}: within {self.LIMIT}, the scorecard serves as well"
        clear = "clear of zero" if low > 0 else "not clear of zero"
        return f"boosting over scorecard {span}: what interactions and finer cuts are worth here, {clear}"


def gap(y: Labels, probability: Mapping[str, F64]) -> Gap | None:
    """The gap, where both candidates are there."""
    if not {"boosting", "scorecard"} <= probability.keys():
        return None
    return Gap(auc_difference(y, probability["boosting"], probability["scorecard"]))
