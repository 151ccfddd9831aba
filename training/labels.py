"""What happened after a date: purchases, leaving, default. Each label is a function over raw tables.

A spine is a table (customer_id, as_of); a label is an int8 array beside it: 1 it happened within
the horizon, 0 it did not, -1 unknown (the horizon ends after the data, or the row is not of the
label's population). A label sees only what happened at or after `as_of`; a feature only what was
known before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_repo.raw.contracts import FAMILIES
from feature_repo.raw.source import Source
from training.validation import Labels

DAY = 86_400_000_000  # microseconds
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LabelSpec:
    """What counts, within how long."""

    name: str
    horizon_days: int
    meaning: str

    @property
    def horizon(self) -> int:
        """The horizon in microseconds."""
        return self.horizon_days * DAY


PURCHASE = LabelSpec("purchase", 90, "buys a product of the family within 90 days")
CHURN = LabelSpec("churn", 180, "has closed every owned account within 180 days")
RESPONSE = LabelSpec("response", 30, "opens a holding of the offered family within 30 days of the offer")
DEFAULT = LabelSpec("default", 365, "is 90 days past due on a loan within 12 months")
PAST_DUE_DAYS = 90

LATEST = {
    "holdings": "customer_id, product_id, opened_at",
    "loans": "loan_id",
    "repayments": "loan_id, due_at",
    "applications": "application_id",
    "offers": "offer_id",
}
KNOWN_LATEST = """CREATE OR REPLACE TEMP VIEW {0}_latest AS
SELECT * FROM {0} QUALIFY row_number() OVER (PARTITION BY {1} ORDER BY recorded_at DESC) = 1"""


class History:
    """The raw tables of a loaded bank, opened for questions about what came after a date."""

    def __init__(self, raw: Path, source: Source, threads: int = 1) -> None:
        self.source, self.end = source, micros(source.ends)
        # What does not fit into memory spills beside the tables, not into the folder somebody stands in.
        spill = str(raw.parent / ".spill")
        self.connection = duckdb.connect(config={"threads": threads, "temp_directory": spill})
        for table in source.rows:
            if source.has(table):
                self.connection.read_parquet(f"{raw}/{table}/*.parquet").create_view(table)
                if table in LATEST:
                    self.connection.execute(KNOWN_LATEST.format(table, LATEST[table]))

    def ask(self, question: str, spine: pa.Table | None = None, **values: int) -> pa.Table:
        """Run SQL with `$name` parameters; the spine is the relation `spine` (row, customer_id, at)."""
        if spine is not None:
            self.connection.register("spine", _numbered(spine))
        return self.connection.sql(question, params=values).to_arrow_table()

    def marked(self, question: str, spine: pa.Table, **values: int) -> npt.NDArray[np.bool_]:
        """True for the spine rows whose number the question returns."""
        found = np.zeros(len(spine), bool)
        found[self.ask(question, spine, **values)["row"].to_numpy()] = True
        return found


def micros(iso: str) -> int:
    """Microseconds since 1970 of an ISO time.

    >>> micros("1970-01-02T00:00:00+00:00") == DAY
    True
    """
    return int(np.datetime64(iso.replace("Z", "").split("+")[0], "us").astype(np.int64))


def times(spine: pa.Table) -> I64:
    """The spine's dates as microseconds."""
    return np.asarray(spine["as_of"].cast(pa.int64()).to_numpy(), np.int64)


def _numbered(spine: pa.Table) -> pa.Table:
    return pa.table({"row": np.arange(len(spine)), "customer_id": spine["customer_id"], "at": times(spine)})


def _label(happened: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_]) -> Labels:
    return np.where(known, happened.astype(np.int8), np.int8(-1))


BOUGHT = """SELECT DISTINCT s.row, p.family FROM spine s
JOIN holdings_latest h ON h.customer_id = s.customer_id
  AND epoch_us(h.opened_at) >= s.at AND epoch_us(h.opened_at) < s.at + $horizon
JOIN (SELECT DISTINCT product_id, family FROM products) p ON p.product_id = h.product_id"""
ACTIVE = """SELECT DISTINCT s.row FROM spine s
JOIN account_owners o ON o.customer_id = s.customer_id AND o.role = 'owner' AND epoch_us(o.recorded_at) < s.at
JOIN accounts a ON a.account_id = o.account_id
  AND epoch_us(a.recorded_at) < s.at AND epoch_us(a.opened_at) < s.at
GROUP BY s.row, a.account_id
HAVING coalesce(epoch_us(arg_max(a.closed_at, a.recorded_at)), 9e18) >= any_value(s.at)"""


def active(history: History, spine: pa.Table) -> npt.NDArray[np.bool_]:
    """Whether the customer owned an account that was open, as far as was known before the date."""
    return history.marked(ACTIVE, spine)


def purchases(history: History, spine: pa.Table, spec: LabelSpec = PURCHASE) -> Mapping[str, Labels]:
    """For each family: does an active customer open a holding of it within the horizon?"""
    found = history.ask(BOUGHT, spine, horizon=spec.horizon)
    rows, families = found["row"].to_numpy(), np.asarray(found["family"].to_pylist(), object)
    known = active(history, spine) & (times(spine) + spec.horizon <= history.end)
    labels = {}
    for family in FAMILIES:
        happened = np.zeros(len(spine), bool)
        happened[rows[families == family]] = True
        labels[family] = _label(happened, known)
    return labels


OFFERED = """SELECT o.customer_id, o."at" AS as_of, p.family, o.arm = 'treated' AS treated,
  o.selection_probability::DOUBLE AS chance,
  CASE WHEN epoch_us(o."at") + $horizon <= $end THEN count(h.opened_at) > 0 END AS bought
FROM offers_latest o
JOIN (SELECT DISTINCT product_id, family FROM products) p ON p.product_id = o.product_id
LEFT JOIN (SELECT l.customer_id, l.opened_at, q.family FROM holdings_latest l
           JOIN (SELECT DISTINCT product_id, family FROM products) q ON q.product_id = l.product_id) h
  ON h.customer_id = o.customer_id AND h.family = p.family
  AND h.opened_at > o."at" AND epoch_us(h.opened_at) < epoch_us(o."at") + $horizon
WHERE o.arm IS NOT NULL AND epoch_us(o."at") >= $since
GROUP BY o.offer_id, o.customer_id, o."at", p.family, o.arm, o.selection_probability
ORDER BY as_of, o.customer_id, o.offer_id"""


def responses(history: History, since: int, spec: LabelSpec = RESPONSE) -> pa.Table:
    """The offers made from `since` (microseconds) on, and whether each was followed by a purchase.

    Columns customer_id, as_of, family, treated, chance (of being treated; null where the source does
    not say) and bought (null where the horizon ends after the data). A purchase is any opened holding
    of the offered family, in both arms alike: `outcome` is not asked, since only a shown offer has one.
    """
    return history.ask(OFFERED, horizon=spec.horizon, end=history.end, since=since)


LAUNCHED = """SELECT product_id, min(greatest(epoch_us(valid_from), epoch_us(recorded_at))) AS known
FROM products GROUP BY product_id ORDER BY product_id"""


def product_exposure(history: History, as_of: I64) -> dict[str, int]:
    """How many of the rows observed at `as_of` (n,) saw each product on the shelf."""
    found = history.ask(LAUNCHED)
    observed = np.sort(as_of)
    later = len(observed) - np.searchsorted(observed, found["known"].to_numpy(), side="left")
    return dict(zip(found["product_id"].to_pylist(), later.tolist(), strict=True))


STAYED = """WITH last AS (
  SELECT account_id, min(epoch_us(opened_at)) AS opened,
         coalesce(epoch_us(arg_max(closed_at, recorded_at)), 9e18) AS closed
  FROM (SELECT account_id, opened_at, coalesce(closed_at, TIMESTAMPTZ '9999-01-01 00:00:00+00') AS closed_at,
        recorded_at FROM accounts) GROUP BY account_id)
SELECT DISTINCT s.row FROM spine s
JOIN account_owners o ON o.customer_id = s.customer_id AND o.role = 'owner'
JOIN last a ON a.account_id = o.account_id
WHERE a.opened < s.at + $horizon AND a.closed >= s.at + $horizon"""


def churn(history: History, spine: pa.Table, spec: LabelSpec = CHURN) -> Labels:
    """Does an active customer have no open account of their own at the end of the horizon?"""
    known = active(history, spine) & (times(spine) + spec.horizon <= history.end)
    return _label(~history.marked(STAYED, spine, horizon=spec.horizon), known)


DEFAULTS = """CREATE OR REPLACE TEMP VIEW defaults AS
SELECT l.loan_id, l.customer_id, l.application_id, min(epoch_us(r.due_at)) + $late AS defaulted
FROM loans_latest l JOIN repayments_latest r USING (loan_id)
WHERE r.paid_at IS NULL OR coalesce(r.paid_amount < r.due_amount, false)
   OR epoch_us(r.paid_at) >= epoch_us(r.due_at) + $late
GROUP BY ALL HAVING min(epoch_us(r.due_at)) + $late < $end"""
RUNNING = """SELECT DISTINCT s.row FROM spine s
JOIN loans l ON l.customer_id = s.customer_id
  AND epoch_us(l.recorded_at) < s.at AND epoch_us(l.granted_at) < s.at
GROUP BY s.row, l.loan_id HAVING arg_max(l.status, l.recorded_at) LIKE 'running%'"""
FELL = """SELECT DISTINCT s.row FROM spine s JOIN defaults d ON d.customer_id = s.customer_id
WHERE d.defaulted >= s.at + $least AND d.defaulted < s.at + $most"""


def _prepare_defaults(history: History) -> None:
    late = PAST_DUE_DAYS * DAY
    statement = DEFAULTS.replace("$late", str(late)).replace("$end", str(history.end))
    history.connection.execute(statement)


def behaviour_default(history: History, spine: pa.Table, spec: LabelSpec = DEFAULT) -> Labels:
    """Does a customer with a running loan, not yet in default, fall 90 days behind within the year?"""
    _prepare_defaults(history)
    known = history.marked(RUNNING, spine) & (times(spine) + spec.horizon <= history.end)
    known &= ~history.marked(FELL, spine, least=-(1 << 61), most=0)
    return _label(history.marked(FELL, spine, least=0, most=spec.horizon), known)


REQUESTS = """SELECT a.customer_id, a."at" AS as_of,
  a.amount::DOUBLE AS amount, a.term_months::DOUBLE AS term_months,
  a.declared_income::DOUBLE AS declared_income, a.co_applicant::DOUBLE AS co_applicant,
  coalesce(d.defaulted < epoch_us(l.granted_at) + $horizon, false) AS bad,
  epoch_us(l.granted_at) + $horizon AS judged_us, epoch_us(l.granted_at) AS granted_us,
  d.defaulted AS defaulted_us
FROM applications_latest a JOIN loans_latest l ON l.application_id = a.application_id
LEFT JOIN defaults d ON d.loan_id = l.loan_id
WHERE a.outcome = 'approved' AND epoch_us(l.granted_at) + $horizon <= $end
ORDER BY a."at", a.application_id"""
BY_STATUS = """SELECT customer_id, granted_at AS as_of, amount::DOUBLE AS amount,
  term_months::DOUBLE AS term_months, NULL::DOUBLE AS declared_income, NULL::DOUBLE AS co_applicant,
  status IN ('written_off', 'running_in_debt') AS bad, epoch_us(granted_at) AS judged_us,
  epoch_us(granted_at) AS granted_us, NULL::BIGINT AS defaulted_us
FROM loans_latest ORDER BY granted_at, loan_id"""


def application_default(history: History, spec: LabelSpec = DEFAULT) -> pa.Table:
    """Granted requests with their outcome: customer_id, as_of, the request's fields, bad, judged_us.

    Beside them granted_us and defaulted_us, null where it never was.

    With repayments: 90 days past due within 12 months of granting, only where those 12 months are
    in the data; `judged_us` (microseconds) is when they end. Without: the latest known status of the
    loan, observed at its granting. Its time is not told, so `judged_us` is the granting itself and
    folds have no embargo: later years enter the outcomes of earlier loans.
    """
    if not history.source.has("repayments") or not history.source.has("applications"):
        return history.ask(BY_STATUS)
    _prepare_defaults(history)
    return history.ask(REQUESTS, horizon=spec.horizon, end=history.end)
