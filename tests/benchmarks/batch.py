"""What a batch costs beside its models alone: everything around them, from the stored row to the chain.

Measured on the current release and rows of BANK_HOME, or on a tiny bank made for it where there is none.
Both sides run in one process, warmed and interleaved; each ratio is the median of the pairs. The whole reads
the rows, runs every model, decides by the rules, gives reasons, writes the records and the answers, seals the
file and its entry. The models alone score the same customers from matrices that are filled already.
"""

import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from crm_rules.governance.stops import NONE
from feature_repo.packed_rows import PackedRows, open_rows
from feature_repo.settings import Settings
from monitoring.decision_log import DecisionLogs
from serving.batch.chunks import CHUNK, loaded_for_long
from serving.batch.partition import Partitions
from serving.batch.planning import asked, write_customers
from serving.batch.run import BatchRun
from serving.bootstrap.releases import current_release, open_scorer
from serving.deciding.loaded import Loaded
from serving.deciding.online import F32Array, Snapshot
from serving.deciding.scoring import Scorer
from training.release.current import FILE as CURRENT

ASKS = "next-best-action"
AT = "2026-03-02T10:00:00+00:00"
LIMITS = {"bare_speed": 0.5}
Side = Callable[[], object]


def run(quick: bool) -> dict[str, object]:
    """Measure whole batches against bare predictions; customers a second and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        settings = _home(Path(folder))
        with open_rows(settings) as rows:
            names = list(islice(asked(rows, "accounts_open"), 4_000 if quick else 8_000))
            scorer = open_scorer(current_release(settings), rows)
            whole, bare = Whole(Path(folder), scorer, names), Bare.of(scorer, names)
            with loaded_for_long():
                pairs = [_pair(whole.decide, bare.predict) for _ in range(8 if quick else 16)][1:]
    return _told(pairs, len(names))


def _told(pairs: list[tuple[float, float]], n: int) -> dict[str, object]:
    ratio = round(statistics.median(bare / whole for whole, bare in pairs), 3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "bench": "batch",
        "n": n,
        "figures": {
            "rows_s": round(n / statistics.median(whole for whole, _ in pairs)),
            "bare_rows_s": round(n / statistics.median(bare for _, bare in pairs)),
            "peak_mb": round(peak),
        },
        "ratios": {"bare_speed": ratio},
        "limits": LIMITS,
        "holds": ratio >= LIMITS["bare_speed"],
    }


def _pair(whole: Side, bare: Side) -> tuple[float, float]:
    return _seconds(whole), _seconds(bare)


def _seconds(side: Side) -> float:
    started = time.perf_counter()
    side()
    return time.perf_counter() - started


class Whole:
    """Runs of one partition with these customers, each with a log file of its own."""

    def __init__(self, folder: Path, scorer: Scorer, names: list[str]) -> None:
        self._folder, self._number = folder / "run", 0
        self._folder.mkdir()
        write_customers(self._folder, names, len(names))
        logs = DecisionLogs(folder / "decisions", folder / "heads")
        out = str(folder / "answers")
        planned = BatchRun("bench", "", ASKS, scorer.loaded.runtime.digest, AT, "bench", out, len(names), 1)
        self._work = Partitions(planned, self._folder, scorer, logs, lambda: NONE, lambda rows: None)

    def decide(self) -> None:
        """One whole run."""
        self._number += 1
        planned = replace(self._work.run, name=f"bench{self._number}", seed=str(self._number))
        replace(self._work, run=planned).decide(0)


@dataclass(frozen=True)
class Bare:
    """What the models of a release read of these customers, chunk by chunk."""

    loaded: Loaded
    chunks: list[tuple[Snapshot, F32Array]]

    @staticmethod
    def of(scorer: Scorer, names: list[str]) -> "Bare":
        """Everything the models read, filled in beforehand."""
        snapshots = [scorer.online.read(names[at : at + CHUNK]) for at in range(0, len(names), CHUNK)]
        columns = scorer.loaded.runtime.columns
        return Bare(scorer.loaded, [(each, each.matrix(columns, {})) for each in snapshots])

    def predict(self) -> None:
        """Every model of the release, calibrated."""
        for snapshot, matrix in self.chunks:
            _predict(self.loaded, snapshot, matrix)


def _predict(loaded: Loaded, snapshot: Snapshot, matrix: F32Array) -> None:
    runtime = loaded.runtime
    margins = {name: each.astype(np.float64) for name, each in runtime.margins(matrix).items()}
    for member in runtime.needs.members if runtime.needs else ():
        member.calibration.probability(margins[f"propensity/{member.name}"])
    for family, effect in runtime.needs.offers.items() if runtime.needs else ():
        effect.arms(margins[f"propensity/{family}"])
    for name, risk in runtime.risks.items():
        if risk.member.boosting is not None:
            risk.member.boosting.calibration.probability(margins[f"credit_risk/{name}"])
    if (segments := runtime.segments) is not None:
        segments.assign(matrix[:, runtime.positions(segments.columns)])
        if (value := segments.value) is not None:
            worth = matrix[:, runtime.positions(value.columns)]
            value.rfm(worth)
            value.tier(worth)
    if (recommender := runtime.affinities) is not None:
        learned = loaded.segments_it_learned
        placed = learned.assign(snapshot.matrix(learned.columns, {})) if learned is not None else None
        features = snapshot.matrix(recommender.columns, {})
        recommender.probabilities(loaded.shelf, loaded.held_by_recommender(snapshot), features, placed)


def _home(folder: Path) -> Settings:
    """BANK_HOME where it serves a release, else a tiny bank of many customers."""
    settings = Settings()
    if (settings.releases / CURRENT).exists():
        return settings
    from tests.conftest import make_tiny

    tiny = make_tiny(folder / "tiny")
    made_up(tiny.online, 8_000)
    return Settings(home=tiny.home, profile="demo")


def made_up(online: Path, customers: int, at_once: int = 50_000) -> None:
    """Write the rows that are there once more under made-up ids, with an account and a loan each."""
    with PackedRows.open(online, read_only=False) as rows:
        known, columns = list(rows.customer_ids("profile")), rows.columns()
        for view, names in columns.items():
            read = rows.read(known, [view])
            read.values[
                :, [at for at, name in enumerate(names) if name in ("accounts_open", "loans_running")]
            ] = 1
            for start in range(0, customers, at_once):
                numbers = np.arange(start, min(start + at_once, customers))
                ids, taken = [f"m{number:08}" for number in numbers], numbers % len(known)
                rows.write(
                    view, names, ids, read.event_us[taken, 0], np.ascontiguousarray(read.values[taken])
                )


if __name__ == "__main__":
    print(json.dumps(run(quick=True)))  # noqa: T201
