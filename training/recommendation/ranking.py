"""How good is a ranked list? MAP, NDCG and recall at five, for each customer, in numpy."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.validation import F64, Interval

TOP = 5
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Ranked:
    """Figures for each customer who added something; `mean` is what is printed."""

    precision: F64  # average precision at five
    gain: F64  # normalised discounted cumulative gain
    recall: F64

    @property
    def mean(self) -> dict[str, float]:
        """MAP@5, NDCG@5 and recall@5."""
        return {
            "map_at_5": round(float(self.precision.mean()), 4),
            "ndcg_at_5": round(float(self.gain.mean()), 4),
            "recall_at_5": round(float(self.recall.mean()), 4),
        }

    def over(self, other: "Ranked", seed: int, level: float = 0.95, times: int = 1000) -> Interval:
        """MAP above the other's on the same customers, with a bootstrap interval."""
        gain = self.precision - other.precision
        generator = np.random.default_rng(seed)
        drawn = np.array([gain[generator.integers(0, len(gain), len(gain))].mean() for _ in range(times)])
        low, high = np.quantile(drawn, [0.5 - level / 2, 0.5 + level / 2])
        return Interval(float(gain.mean()), float(low), float(high), level)

    def interval(self, seed: int) -> Interval:
        """MAP with its bootstrap interval."""
        zero = np.zeros(len(self.precision))
        return self.over(Ranked(zero, zero, zero), seed)


def rank(scores: F64, held: Flags, added: Flags) -> Ranked:
    """Judge scores (n, P) by what was added; what is held already is never offered.

    >>> held, added = np.array([[True, False, False]]), np.array([[False, False, True]])
    >>> judged = rank(np.array([[3.0, 2.0, 1.0]]), held, added)
    >>> judged.mean["map_at_5"], judged.mean["recall_at_5"]
    (0.5, 1.0)
    """
    some = added.any(axis=1)
    order = np.argsort(-np.where(held, -np.inf, scores)[some], axis=1, kind="stable")[:, :TOP]
    hit = np.take_along_axis(added[some], order, axis=1).astype(np.float64)
    place = np.arange(1, hit.shape[1] + 1)
    wanted = np.minimum(added[some].sum(axis=1), hit.shape[1])
    ideal = np.cumsum(1 / np.log2(place + 1))[wanted - 1]
    return Ranked(
        precision=(hit * np.cumsum(hit, axis=1) / place).sum(axis=1) / wanted,
        gain=(hit / np.log2(place + 1)).sum(axis=1) / ideal,
        recall=hit.sum(axis=1) / added[some].sum(axis=1),
    )
