"""Do the segments agree with the personas a generated bank was made of? The truth only measures.

Needs a BANK_HOME with a generated bank and its features. Agreement is the adjusted Rand index
between segment and persona (`persona_last`) at the quarter start after the one fitted on; the
ceiling is that of a boosted classifier which is told the personas, out of fold, on the same columns.
The interval is a bootstrap over customers.
"""

import numpy as np
import pyarrow.parquet as pq
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.labels import History
from training.run import Run
from training.segmentation.rows import Rows, observed
from training.segmentation.segmenter import Segmenter

LIMITS = {"agreement_rate": 0.8}
DRAWS = 200


def run(quick: bool) -> dict[str, object]:
    """Fit on the last quarter start but one, compare on the last; `quick` takes fewer rows."""
    settings = Settings()
    source = Source.read(settings.raw)
    rows, _ = observed(Run(settings, source, 7), History(settings.raw, source, settings.threads))
    with threadpool_limits(limits=1):
        return _measured(settings, rows, 4000 if quick else 15_000)


def _measured(settings: Settings, rows: Rows, most: int) -> dict[str, object]:
    segmenter = Segmenter(random_state=7).fit(_numbers(rows, rows.first))
    personas, ids = _personas(settings), rows.data.customer_ids[rows.later]
    chosen = np.sort(np.random.default_rng(0).permutation(len(ids))[:most])
    matrix, truth = _numbers(rows, rows.later)[chosen], np.array([personas[i] for i in ids[chosen]])
    label = segmenter.predict(matrix)
    told = cross_val_predict(
        HistGradientBoostingClassifier(max_iter=80, learning_rate=0.1, max_leaf_nodes=15), matrix, truth,
        cv=StratifiedKFold(3, shuffle=True, random_state=0),
    )  # fmt: skip
    points = segmenter.space_.standardised(matrix)
    plain = KMeans(len(segmenter.centres_), n_init=4, random_state=7).fit_predict(points)
    sides = {"agreement": label, "ceiling": told, "plain_k_means": plain}
    figures = {f"{name}_ari": round(adjusted_rand_score(truth, each), 4) for name, each in sides.items()}
    figures |= {
        f"{name}_ami": round(adjusted_mutual_info_score(truth, each), 4) for name, each in sides.items()
    }
    low, high = _interval(truth, label, told)
    rate = round(figures["agreement_ari"] / figures["ceiling_ari"], 4)
    return {
        "bench": "personas", "n": len(chosen),
        "figures": figures | {"k": len(segmenter.centres_), "rate_low": low, "rate_high": high},
        "ratios": {"agreement_rate": rate}, "limits": LIMITS, "holds": rate >= LIMITS["agreement_rate"],
    }  # fmt: skip


def _numbers(rows: Rows, chosen: np.ndarray) -> np.ndarray:
    return rows.part(chosen, rows.columns).astype(np.float64)


def _personas(settings: Settings) -> dict[str, str]:
    table = pq.read_table(settings.home / "truth" / "customers", columns=["customer_id", "persona_last"])
    return dict(zip(table["customer_id"].to_pylist(), table["persona_last"].to_pylist(), strict=True))


def _interval(truth: np.ndarray, label: np.ndarray, told: np.ndarray) -> tuple[float, float]:
    generator, drawn = np.random.default_rng(1), []
    for _ in range(DRAWS):
        rows = generator.integers(0, len(truth), len(truth))
        drawn.append(
            adjusted_rand_score(truth[rows], label[rows]) / adjusted_rand_score(truth[rows], told[rows])
        )
    low, high = np.quantile(drawn, [0.025, 0.975])
    return round(float(low), 4), round(float(high), 4)
