"""RFM quintiles and value tiers beside the segments, their edges frozen on the training rows."""

import numpy as np

from training.learning.trees import F32
from training.release.value import QUINTILES, TIERS, Value
from training.validation import F64

RECENCY, FREQUENCY, MONETARY = "payment_recency_days", "payments_90d", "outflow_90d"
VOLUME = ("balance_mean_90d", "holdings_value", "loan_amount_outstanding")
TIER_SHARES = (0.5, 0.8, 0.95)  # half the customers are basic, the top twentieth is top
WORTH_COLUMNS = tuple(dict.fromkeys((RECENCY, FREQUENCY, MONETARY, *VOLUME)))


def fit_value(matrix: F32, columns: tuple[str, ...]) -> Value | None:
    """Edges from (n, F) rows; None where the source lacks recency, frequency, money or all volume."""
    volume = tuple(name for name in VOLUME if name in columns)
    if not volume or not {RECENCY, FREQUENCY, MONETARY} <= set(columns):
        return None
    edges = [_edges(matrix[:, columns.index(name)].astype(np.float64), np.arange(1, QUINTILES + 1) / 5)
             for name in (RECENCY, FREQUENCY, MONETARY)]  # fmt: skip
    blank = Value(RECENCY, FREQUENCY, MONETARY, np.stack(edges), volume, np.zeros(len(TIERS) - 1))
    picked = matrix[:, [columns.index(name) for name in blank.columns]]
    tier_edges = _edges(blank.volumes(picked), np.array(TIER_SHARES))
    return Value(RECENCY, FREQUENCY, MONETARY, np.stack(edges), volume, tier_edges)


def _edges(values: F64, shares: F64) -> F64:
    """Inner quantiles of what is known, as they are stored; 0 where nothing is."""
    known = values[np.isfinite(values)]
    if not len(known):
        return np.zeros(len(shares))
    edges: F64 = np.round(np.quantile(known, shares), 4)
    return edges
