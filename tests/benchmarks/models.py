"""Our models on public data, in the protocols the data's README gives, by the code of `bank train --table`.

Each row is a data set and a protocol: the AUC of the model that was chosen inside each training part with
DeLong's interval, the scorecard's, two plain baselines on the same rows, and the best published figure that
could be found. Every score is of a row that no choice has seen. Berka goes through the platform's features:
its tables are loaded, and each loan is judged by what was known when it was asked for.

Rows are made in two processes of one thread; searches are kept in BANK_HOME/bench, so an interrupted run
goes on. With `quick` three small rows with few trials end within 45 seconds and are held to lower limits.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from feature_repo import build, store
from feature_repo.errors import BankError
from feature_repo.raw.ingest import ingest
from feature_repo.settings import Settings

PROCESSES, SEED, QUICK_TRIALS = 2, 7, 2
PUBLISHED: Mapping[tuple[str, str], tuple[float, str]] = {
    ("berka", "time"): (0.834, "best private score of a course competition on the same split"),
    ("berka", "5-fold"): (0.9465, "getML, a 459/223 split"),
    ("bank-additional-full", "5-fold"): (0.80, "Moro 2014, richer features, rolling window"),
    ("german", "5-fold"): (0.80, "about .79 to .80 in the literature"),
    ("taiwan", "5-fold"): (0.780, "XGBoost"),
}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
Row = dict[str, Any]
LEAST = {
    "berka_time": 0.935, "berka_time_high": 0.95, "berka_5fold": 0.90, "bank_additional_full_5fold": 0.803,
    "bank_additional_full_time_over_lr": 0.0, "bank_additional_full_time_over_hgb": 0.0,
    "german_5fold": 0.785, "german_5fold_scorecard": 0.775, "taiwan_5fold": 0.785,
    "taiwan_5fold_scorecard": 0.772, "caravan_5fold": 0.76,
}  # fmt: skip
LEAST_QUICK = {"berka_time": 0.90, "german_5fold": 0.77, "hmda_5fold": 0.80}


@dataclass(frozen=True)
class Asked:
    """One row: a data set in a protocol. `options` are those of `bank train --table`."""

    data: str
    protocol: str
    file: str = ""
    options: tuple[tuple[str, object], ...] = ()

    @property
    def key(self) -> str:
        """What its figures are called."""
        return f"{self.data}_{self.protocol}".replace("-", "_").replace("5_fold", "5fold")


def _asked(data: str, protocol: str, file: str = "", **options: object) -> Asked:
    return Asked(data, protocol, file, tuple(options.items()))


MARKETING = {"target": "y", "exclude": "duration", "name": "propensity"}
ROWS = (
    _asked("taiwan", "5-fold", "taiwan_default/taiwan.csv.gz", target="default.payment.next.month"),
    _asked("bank-additional-full", "5-fold", "bank_marketing/bank-additional-full.csv.gz", **MARKETING),
    _asked("bank-full", "5-fold", "bank_marketing/bank-full.csv.gz", **MARKETING),
    _asked("caravan", "5-fold", "caravan/Caravan.csv.gz", target="Purchase", name="propensity"),
    _asked("bank-additional-full", "time", "bank_marketing/bank-additional-full.csv.gz", split="rows:0.7",
           **MARKETING),
    _asked("berka", "5-fold"),
    _asked("berka", "time"),
    _asked("german", "5-fold", "german_credit/german.data", header=False, target="21", positive="2"),
    _asked("hmda", "5-fold", "hmda_boston/HMDA_AER.csv", target="deny"),
    _asked("hmda without afam", "5-fold", "hmda_boston/HMDA_AER.csv", target="deny", protected="afam"),
)  # fmt: skip
QUICK = (("berka", "time"), ("german", "5-fold"), ("hmda", "5-fold"))


class NoTestData(BankError, LookupError):
    """The public tables are not here."""

    def __init__(self) -> None:
        super().__init__("BANK_TEST_DATA is not set: name the folder that holds the public data sets by it.")


def run(quick: bool) -> dict[str, object]:
    """Measure every row, or three small ones."""
    if not os.environ.get("BANK_TEST_DATA"):
        raise NoTestData
    wanted = [row for row in ROWS if not quick or (row.data, row.protocol) in QUICK]
    with ThreadPoolExecutor(PROCESSES) as pool:
        rows = list(pool.map(lambda row: _alone(row, QUICK_TRIALS if quick else 0), wanted))
    figures = {
        name: value for row, found in zip(wanted, rows, strict=True) for name, value in _figures(row, found)
    }
    limits = LEAST_QUICK if quick else LEAST
    missed = [name for name, limit in limits.items() if not figures[name] >= limit]
    return {
        "bench": "models", "n": len(rows), "figures": figures, "ratios": {}, "limits": limits,
        "holds": not missed, "note": _note(rows, missed, quick), "rows": rows,
    }  # fmt: skip


def _figures(row: Asked, found: Row) -> Iterator[tuple[str, float]]:
    yield row.key, found["ours"]
    yield f"{row.key}_high", found["interval"][1]
    yield f"{row.key}_scorecard", found["scorecard"]
    for name in ("lr", "hgb"):
        yield f"{row.key}_over_{name}", round(found["ours"] - found[name], 4)


def _note(rows: Sequence[Row], missed: Sequence[str], quick: bool) -> str:
    """What to know when reading the figures."""
    lines = ["Few trials, lower limits: run without --quick."] if quick else []
    lines += [f"Missed: {name}." for name in missed]
    lines += [f"{row['data']} {row['protocol']}: {row['scorecard_gap']['meaning']}." for row in rows]
    return "\n".join(lines)


def _alone(row: Asked, trials: int) -> Row:
    """One row, made by a fresh process of one thread."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, __file__, row.data, row.protocol, str(trials)],
        env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(root)}, cwd=root, check=True,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    found: Row = json.loads(done.stdout)
    return found


def _measured(row: Asked, trials: int | None) -> Row:
    """The report of `bank train --table`, or of Berka's loans, as a row."""
    from training.table.command import train_on_table
    from training.table.options import Task

    home, data = Settings().home / "bench", Path(os.environ["BANK_TEST_DATA"])
    if row.data == "berka":
        report = _berka(data / "berka", row.protocol, home, trials)
    else:
        asked: dict[str, Any] = {"name": "credit_risk", "trials": trials, "seed": SEED, **dict(row.options)}
        report = json.loads(train_on_table(Task(path=data / row.file, **asked), home).to_json())
    published, source = PUBLISHED.get((row.data, row.protocol), (None, ""))
    return {
        "data": row.data, "protocol": row.protocol, "ours": report["auc"], "interval": report["auc_interval"],
        "scorecard": report["scorecard"]["auc"], "scorecard_interval": report["scorecard"]["auc_interval"],
        "boosting": report["boosting"]["auc"], "lr": report["baseline"]["lr"]["auc"],
        "hgb": report["baseline"]["hgb"]["auc"], "published": published, "published_by": source,
        "chosen": report["chosen_by_fold"], "ks": report["ks"], "brier": report["brier"],
        "ece": report["ece"], "n": report["n"], "scorecard_gap": report["scorecard_gap"],
    }  # fmt: skip


def _berka(folder: Path, protocol: str, home: Path, trials: int | None) -> Row:
    """Loans of the Czech bank: loaded, seen through the platform's features as of each request, judged."""
    from training.credit_risk.member import RISK_FALLS, RISK_RISES
    from training.credit_risk.model import applications
    from training.labels import History, application_default
    from training.learning.binary import BinaryClassifier
    from training.run import nobody
    from training.table.command import reported
    from training.table.contract import Table
    from training.table.options import Task
    from training.table.splits import Fold, shuffled

    with TemporaryDirectory() as place:
        settings = Settings(home=Path(place))
        source = ingest(
            folder, settings.raw, None, settings.quarantine_limit, datetime.now(UTC),
            settings.keys / "pseudonym.key", 1,
        )  # fmt: skip
        asked = application_default(History(settings.raw, source, 1))
        spine = asked.select(["customer_id", "as_of"])
        build.build(settings.raw, spine, settings.features, settings.machine)
        store.apply(settings)
        loans = applications(settings, source)
    signs = dict.fromkeys(RISK_RISES, 1) | dict.fromkeys(RISK_FALLS, -1)
    table = Table.of_numbers(loans.rows.columns, loans.rows.matrix, loans.bad, loans.rows.customer_ids)
    folds = [Fold("from 1997 on", np.flatnonzero(loans.train), np.flatnonzero(loans.test))]
    if protocol == "5-fold":
        folds = shuffled(table.y, table.groups)
    task = Task("credit_risk", folder, seed=SEED, split=protocol)

    def learns(_: object, study: Path | None, __: object) -> BinaryClassifier:
        return BinaryClassifier(
            {name: sign for name, sign in signs.items() if name in table.features},
            trials=trials or 12, seed=SEED, study=study,
        )  # fmt: skip

    study = home / "studies" / f"berka-{source.digest[:16]}-{protocol}"
    found: Row = json.loads(reported(task, table, folds, learns, study, nobody).to_json())
    return found


if __name__ == "__main__":
    row = next(each for each in ROWS if [each.data, each.protocol] == sys.argv[1:3])
    sys.stdout.write(json.dumps(_measured(row, int(sys.argv[3]) or None)))
