"""Do the segments agree with the personas a generated bank was made of? The truth only measures.

Needs a BANK_HOME with a generated bank and its features. Agreement is the adjusted Rand index
between segment and persona (`persona_last`) at the quarter start after the one fitted on. The
ceiling is what a boosted classifier reaches that is told the personas, out of fold, on every column
marketing may use, or on the segmentation's own if that is higher. The interval is a bootstrap over
customers.
"""

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from feature_repo.features.columns import COLUMNS, PURPOSES, VIEWS
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
    every = _marketing(settings, ids[chosen], int(rows.data.as_of[rows.later][0]))
    own, wide = _told(matrix, truth), _told(every, truth)
    told = max(own, wide, key=lambda guess: adjusted_rand_score(truth, guess))
    points = segmenter.space_.standardised(matrix)
    plain = KMeans(len(segmenter.centres_), n_init=4, random_state=7).fit_predict(points)
    label = segmenter.predict(matrix)
    sides = {"agreement": label, "ceiling": told, "ceiling_own_columns": own, "plain_k_means": plain}
    measures = {"ari": adjusted_rand_score, "ami": adjusted_mutual_info_score}
    figures = {f"{name}_{key}": round(measure(truth, each), 4)
               for name, each in sides.items() for key, measure in measures.items()}  # fmt: skip
    low, high = _interval(truth, label, told)
    rate = round(figures["agreement_ari"] / figures["ceiling_ari"], 4)
    return {
        "bench": "personas", "n": len(chosen),
        "figures": figures | {"k": len(segmenter.centres_), "rate_low": low, "rate_high": high},
        "ratios": {"agreement_rate": rate}, "limits": LIMITS, "holds": rate >= LIMITS["agreement_rate"],
    }  # fmt: skip


def _told(matrix: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Personas guessed out of fold by a classifier that is told them."""
    model = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.15, max_leaf_nodes=15)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    return np.asarray(cross_val_predict(model, matrix, truth, cv=folds))


def _marketing(settings: Settings, ids: np.ndarray, at: int) -> np.ndarray:
    """Every column marketing may use, as it was at that moment (microseconds), in the order of `ids`."""
    columns = [name for name in COLUMNS if name in PURPOSES["marketing"]]
    joins = " ".join(
        f"LEFT JOIN read_parquet('{settings.home}/features/{view}/**/*.parquet') {view} "
        f"ON {view}.customer_id = s.customer_id AND epoch_us({view}.event_timestamp) = {at}"
        for view in VIEWS
    )
    asked = pa.table({"customer_id": pa.array(ids.tolist()), "place": np.arange(len(ids))})
    with duckdb.connect() as connection:
        connection.register("s", asked)
        found = connection.sql(
            f"SELECT {', '.join(columns)} FROM s {joins} ORDER BY s.place"
        ).to_arrow_table()
    return np.stack([found[name].to_numpy() for name in columns], axis=1).astype(np.float64)


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
