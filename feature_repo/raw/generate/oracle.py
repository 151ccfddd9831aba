"""How well the best model could do: the truth's probabilities against what the raw tables say happened.

Outcomes are those of `training/labels.py`: a holding opened within 90 days, every own account
closed within 180, an instalment 90 days past due within 365. A test states a model's AUC as a
share of the oracle's on the same rows; `outlook.py` says what the oracle knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from feature_repo.errors import BankError
from feature_repo.raw.generate.needs import SOLD
from feature_repo.raw.source import Source

TASKS = (*(f"purchase_{family}" for family in SOLD), "churn", "default_behaviour", "default_application")

BOUGHT = """SELECT DISTINCT h.customer_id, h.opened_at AS happened FROM holdings h
JOIN (SELECT DISTINCT product_id, family FROM products) p USING (product_id) WHERE p.family = $family"""
LEFT_BANK = """SELECT customer_id, max(closed) AS happened FROM (
  SELECT customer_id, account_id,
         arg_max(coalesce(a.closed_at, TIMESTAMPTZ '9999-01-01'), a.recorded_at) AS closed
  FROM account_owners o JOIN accounts a USING (account_id) WHERE o.role = 'owner' GROUP BY ALL)
GROUP BY customer_id"""
DEFAULTED = """SELECT l.customer_id, l.application_id, l.granted_at,
       min(r.due_at) + INTERVAL 90 DAY AS happened
FROM (SELECT DISTINCT loan_id, customer_id, application_id, granted_at FROM loans) l JOIN (
  SELECT * FROM repayments
  QUALIFY row_number() OVER (PARTITION BY loan_id, due_at ORDER BY recorded_at DESC) = 1) r USING (loan_id)
WHERE r.paid_at IS NULL OR r.paid_amount < r.due_amount OR r.paid_at >= r.due_at + INTERVAL 90 DAY
GROUP BY ALL HAVING min(r.due_at) + INTERVAL 90 DAY < $end"""
WITHIN = """SELECT s.p, s.customer_id, s.as_of, count(o.happened) > 0 AS hit FROM ({seen}) s
LEFT JOIN ({outcome}) o ON o.customer_id = s.customer_id
  AND o.happened >= s.as_of AND o.happened < s.as_of + INTERVAL {days} DAY
WHERE s.as_of + INTERVAL {days} DAY <= $end AND ($dates IS NULL OR list_contains($dates, s.as_of))
GROUP BY ALL ORDER BY s.as_of, s.customer_id"""
BEHAVIOUR = """SELECT customer_id, as_of, 1 - product(1 - pd) AS p FROM truth_behaviour
GROUP BY ALL HAVING count(*) = count(pd)"""
APPLICATION = """SELECT a.pd AS p,
       d.happened IS NOT NULL AND d.happened < g.granted_at + INTERVAL 365 DAY AS hit
FROM truth_applications a
JOIN (SELECT DISTINCT application_id, granted_at FROM loans) g USING (application_id)
LEFT JOIN ({outcome}) d USING (application_id)
WHERE g.granted_at + INTERVAL 365 DAY <= $end
  AND ($dates IS NULL OR list_contains($dates, date_trunc('month', g.granted_at)))
ORDER BY a.application_id"""
ARMS = """SELECT o.arm = 'treated' AS shown, t.treated, t.control, count(b.happened) > 0 AS hit
FROM truth_offers t JOIN (SELECT DISTINCT offer_id, arm, "at" FROM offers) o USING (offer_id)
LEFT JOIN ({outcome}) b ON b.customer_id = t.customer_id
  AND b.happened > o."at" AND b.happened < t.month + INTERVAL 1 MONTH
WHERE t.family = $family GROUP BY o.offer_id, shown, t.treated, t.control ORDER BY o.offer_id"""


class NoSuchTask(BankError, LookupError):
    """A prediction task is named that the truth knows nothing of."""

    def __init__(self, task: str) -> None:
        self.task = task
        super().__init__(f"The truth has no task '{task}'. Choose one of {', '.join(TASKS)}.")


@dataclass(frozen=True)
class OracleScore:
    """How the truth ranks outcomes: `said` is its mean probability, `seen` the share that happened."""

    task: str
    n: int
    auc: float
    said: float
    seen: float


@dataclass(frozen=True)
class Effect:
    """What offers of a family add to the chance of a purchase within the month.

    `known` is the true mean uplift of all offers made; `measured` the difference between the arms,
    with its 95 % interval.
    """

    family: str
    n: int
    known: float
    measured: float
    low: float
    high: float


def score(truth: Path, raw: Path, task: str, as_of: Sequence[datetime] | None = None) -> OracleScore:
    """The oracle's AUC for a task, over all months whose horizon is in the data, or those given.

    For an application `as_of` is the month it was granted in. Raises NoSuchTask.
    """
    rows = _answers(truth, raw, task, as_of)
    p, hit = np.asarray(rows["p"], np.float64), np.asarray(rows["hit"], np.bool_)
    said, seen = (float(values.mean()) if len(values) else float("nan") for values in (p, hit))
    return OracleScore(task, len(p), auc(p, hit), said, seen)


def effect(truth: Path, raw: Path, family: str) -> Effect:
    """The known effect of a family's offers beside the one measured between treated and control."""
    with _opened(truth, raw) as connection:
        rows = connection.execute(ARMS.format(outcome=BOUGHT), {"family": family}).fetchnumpy()
    shown, hit = np.asarray(rows["shown"], np.bool_), np.asarray(rows["hit"], np.float64)
    known = float((np.asarray(rows["treated"], float) - np.asarray(rows["control"], float)).mean())
    arms = [hit[shown], hit[~shown]]
    measured = float(arms[0].mean() - arms[1].mean())
    error = 1.96 * float(np.sqrt(sum(arm.var() / len(arm) for arm in arms)))
    return Effect(family, len(hit), known, measured, measured - error, measured + error)


def auc(p: npt.NDArray[np.float64], hit: npt.NDArray[np.bool_]) -> float:
    """The chance that a hit has the higher score, ties counted half; NaN without both kinds.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]))
    0.875
    """
    hits, others = int(hit.sum()), int((~hit).sum())
    if not hits or not others:
        return float("nan")
    _, place, count = np.unique(p, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((rank[hit].sum() - hits * (hits + 1) / 2) / (hits * others))


def _answers(
    truth: Path, raw: Path, task: str, as_of: Sequence[datetime] | None
) -> dict[str, npt.NDArray[np.generic]]:
    given: dict[str, object] = {"end": Source.read(raw).end, "dates": None if as_of is None else list(as_of)}
    if task == "default_application":
        question = APPLICATION.format(outcome=DEFAULTED)
    elif task == "default_behaviour":
        question = WITHIN.format(seen=BEHAVIOUR, outcome=DEFAULTED, days=365)
    elif task == "churn":
        seen = "SELECT customer_id, as_of, churn_6 AS p FROM truth_outlook"
        question = WITHIN.format(seen=seen, outcome=LEFT_BANK, days=180)
    elif task in TASKS:
        given["family"] = family = task.removeprefix("purchase_")
        seen = f"SELECT customer_id, as_of, {family} AS p FROM truth_outlook"  # noqa: S608 - one of SOLD
        question = WITHIN.format(seen=seen, outcome=BOUGHT, days=90)
    else:
        raise NoSuchTask(task)
    with _opened(truth, raw) as connection:
        found: dict[str, npt.NDArray[np.generic]] = connection.execute(question, given).fetchnumpy()
    return found


def _opened(truth: Path, raw: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1, "temp_directory": str(truth.parent / ".spill")})
    connection.execute("SET timezone = 'UTC'")
    for folder, before in ((raw, ""), (truth, "truth_")):
        for table in sorted(path for path in folder.iterdir() if path.is_dir()):
            connection.read_parquet(f"{table}/*.parquet").create_view(before + table.name)
    return connection
