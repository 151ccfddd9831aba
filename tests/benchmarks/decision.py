"""What a next best action costs: alone, logged, in a batch, and beside its models alone.

Needs a BANK_HOME with a current release (`bank run`). All sides are warmed and interleaved in one
run; each figure is the median of the pairs.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from feature_repo.packed_rows import open_rows
from feature_repo.settings import Settings
from monitoring.batch_log import read
from monitoring.decision_log import DecisionLog, DecisionLogs
from serving.bootstrap.edge import new_id
from serving.bootstrap.releases import current_release, open_scorer
from serving.deciding import next_best_action
from serving.deciding.asking import OfferRequest, Stamp
from serving.deciding.scoring import Scorer

BATCH, ALONE = 1_000, 100
AT = "2026-01-01T00:00:00+00:00"
LIMITS = {"alone_speed": 3.0}  # a batch that gains less is scored one by one somewhere


def run(quick: bool) -> dict[str, object]:
    """Measure on the current release of BANK_HOME; decisions a second and ratios."""
    settings = Settings()
    ids = [
        json.loads(payload)["customer_id"] for payload in read(settings.decisions, next_best_action.USE_CASE)
    ]
    ids = ids[:BATCH]
    with open_rows(settings) as rows, tempfile.TemporaryDirectory() as folder:
        scorer = open_scorer(current_release(settings), rows)
        log = DecisionLogs(Path(folder), Path(folder) / "heads").open("bench")
        matrix = scorer.online.read(ids).matrix(scorer.loaded.runtime.columns, {})
        sides: dict[str, tuple[int, Callable[[], object]]] = {
            "alone": (ALONE, lambda: [_decide(scorer, [name]) for name in ids[:ALONE]]),
            "alone_logged": (ALONE, lambda: [_logged(scorer, log, [name]) for name in ids[:ALONE]]),
            "batch": (len(ids), lambda: _decide(scorer, ids)),
            "models_alone": (len(ids), lambda: scorer.loaded.runtime.margins(matrix)),
        }
        rates = _interleaved(sides, pairs=5 if quick else 15)
        log.close()
    ratios = {
        "alone_speed": round(rates["batch"] / rates["alone"], 2),
        "models_alone_rate": round(rates["batch"] / rates["models_alone"], 3),
        "unlogged_rate": round(rates["alone_logged"] / rates["alone"], 3),
    }
    return {
        "bench": "decision",
        "n": len(ids),
        "figures": {f"{name}_per_second": round(rate) for name, rate in rates.items()},
        "ratios": ratios,
        "limits": LIMITS,
        "holds": ratios["alone_speed"] >= LIMITS["alone_speed"],
    }


def _decide(scorer: Scorer, ids: list[str]) -> list[object]:
    stamps = [Stamp(new_id(), "bench", AT, "bench") for _ in ids]
    return list(scorer.next_best_action([OfferRequest(name) for name in ids], stamps))


def _logged(scorer: Scorer, log: DecisionLog, ids: list[str]) -> None:
    log.append([each.record for each in _decide(scorer, ids)])  # type: ignore[attr-defined]  # all are known


def _interleaved(sides: dict[str, tuple[int, Callable[[], object]]], pairs: int) -> dict[str, float]:
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(pairs + 1):
        for name, (count, work) in sides.items():
            started = time.perf_counter()
            work()
            if turn:  # the first turn warms
                rates[name].append(count / (time.perf_counter() - started))
    return {name: statistics.median(found) for name, found in rates.items()}
