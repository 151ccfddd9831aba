"""The marginals of one bank that any bank with accounts, bookings and loans has."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from feature_repo.raw.source import Source

Reals = npt.NDArray[np.float64]
ACCOUNTS = 5000
"""At most so many current accounts are compared: those with the lowest hash, so the choice tells nothing."""

PREPARE = """
CREATE TEMP TABLE own AS
  SELECT account_id, min(opened_at) AS opened, max(closed_at) AS closed FROM accounts
  WHERE type = 'current' AND currency = $currency
  GROUP BY account_id ORDER BY md5(account_id) LIMIT $accounts;
CREATE TEMP TABLE seen AS
  SELECT b.account_id, b.booked_at AS moment, b.amount::DOUBLE AS amount, b.balance_after::DOUBLE AS balance,
         coalesce(b.category, 'unknown') AS category, coalesce(b.is_cash, false) AS cash, b.booking_id
  FROM bookings b SEMI JOIN own USING (account_id) WHERE b.booked_at < $until
  QUALIFY row_number() OVER (PARTITION BY booking_id ORDER BY b.recorded_at DESC) = 1;
CREATE TEMP TABLE months AS
  SELECT o.account_id, m.month FROM own o
  JOIN (SELECT unnest(generate_series($starts, $until - INTERVAL 1 MONTH, INTERVAL 1 MONTH)) AS month) m
    ON o.opened < m.month AND (o.closed IS NULL OR o.closed >= m.month + INTERVAL 1 MONTH);
CREATE TEMP TABLE counted AS
  SELECT m.account_id, m.month, count(b.moment)::DOUBLE AS bookings FROM months m LEFT JOIN seen b
    ON b.account_id = m.account_id AND b.moment >= m.month AND b.moment < m.month + INTERVAL 1 MONTH
  GROUP BY m.account_id, m.month;
"""
AMOUNTS = "SELECT abs(amount) AS x FROM seen WHERE amount <> 0 ORDER BY moment, booking_id"
PER_MONTH = "SELECT bookings AS x FROM counted ORDER BY account_id, month"
BALANCES = """SELECT arg_max(balance, (moment, booking_id)) AS x FROM seen WHERE balance IS NOT NULL
GROUP BY account_id, date_trunc('month', moment) ORDER BY account_id, min(moment)"""
GAPS = """SELECT x FROM (
  SELECT date_diff('day', lag(moment) OVER own, moment)::DOUBLE AS x, account_id, moment, booking_id
  FROM seen WINDOW own AS (PARTITION BY account_id ORDER BY moment, booking_id))
WHERE x IS NOT NULL ORDER BY account_id, moment, booking_id"""
CATEGORIES = "SELECT category AS name, count(*)::DOUBLE AS n FROM seen GROUP BY ALL ORDER BY 1"
CASH = """SELECT CASE WHEN cash THEN 'cash' ELSE 'not cash' END
  || CASE WHEN amount < 0 THEN ', out' ELSE ', in' END AS name, count(*)::DOUBLE AS n
FROM seen GROUP BY ALL ORDER BY 1"""
SEASONS = """SELECT strftime(month, '%b') AS name, avg(bookings) / (SELECT avg(bookings) FROM counted) AS n
FROM counted GROUP BY strftime(month, '%b'), month(month) ORDER BY month(month)"""
LOANS = """SELECT loan_id, any_value(account_id) AS account_id, any_value(granted_at) AS granted,
  any_value(amount)::DOUBLE AS amount, any_value(term_months)::INTEGER AS term,
  arg_max(status, recorded_at) AS status
FROM loans WHERE currency = $currency AND term_months <= 60 GROUP BY loan_id"""
BURDENS = """WITH l AS ({loans}) SELECT l.amount / i.inflow AS x FROM l JOIN (
  SELECT l.loan_id, sum(b.amount::DOUBLE) / 6 AS inflow FROM l JOIN bookings b
    ON b.account_id = l.account_id AND b.amount > 0 AND b.booked_at < l.granted
    AND b.booked_at >= l.granted - INTERVAL 6 MONTH
  GROUP BY l.loan_id) i USING (loan_id)
WHERE l.granted >= $starts + INTERVAL 6 MONTH ORDER BY l.loan_id"""
TERMS = "SELECT term || ' months' AS name, count(*)::DOUBLE AS n FROM ({loans}) GROUP BY term ORDER BY term"
ENDED = """SELECT CASE WHEN status IN ('written_off', 'running_in_debt') THEN 'in default'
  ELSE 'not in default' END AS name, count(*)::DOUBLE AS n FROM ({loans}) GROUP BY ALL ORDER BY 1"""


@dataclass(frozen=True)
class Marginals:
    """One bank's marginals: samples of numbers, and shares by name (summing to their n)."""

    source: Source
    until: str
    accounts: int
    samples: Mapping[str, Reals]
    counts: Mapping[str, Mapping[str, float]]


def marginals(raw: Path, threads: int = 1) -> Marginals:
    """Read a loaded bank's marginals; MissingTable where nothing was loaded.

    Bookings count from the start of the data to where they are complete, on current accounts in
    the bank's own currency, each in its last recorded form. Loans of up to five years count,
    whenever granted: beyond that they are mortgages, which not every bank has in its tables.
    """
    source = Source.read(raw)
    until = source.bookings_complete_until or source.ends
    with duckdb.connect(config={"threads": threads}) as connection:
        connection.execute("SET timezone = 'UTC'")
        for table in ("accounts", "bookings", "loans"):
            if source.has(table):
                connection.read_parquet(f"{raw}/{table}/*.parquet").create_view(table)
        given: dict[str, str | int] = {
            "currency": source.base_currency,
            "accounts": ACCOUNTS,
            "starts": source.starts,
            "until": until,
        }
        for statement in PREPARE.strip().rstrip(";").split(";"):
            connection.execute(_filled(statement, given))
        return Marginals(source, until, _one(connection), *_read(connection, source, given))


def _read(
    connection: duckdb.DuckDBPyConnection, source: Source, given: Mapping[str, str | int]
) -> tuple[dict[str, Reals], dict[str, dict[str, float]]]:
    loans = source.has("loans")
    samples = {"amount": AMOUNTS, "per_month": PER_MONTH, "balance": BALANCES, "gap": GAPS}
    counts = {"category": CATEGORIES, "cash": CASH, "season": SEASONS}
    samples |= {"burden": BURDENS} if loans else {}
    counts |= {"term": TERMS, "default": ENDED} if loans else {}

    def ask(question: str) -> dict[str, npt.NDArray[np.generic]]:
        text = _filled(question.replace("{loans}", LOANS), given)
        found: dict[str, npt.NDArray[np.generic]] = connection.execute(text).fetchnumpy()
        return found

    numbers = {name: np.asarray(ask(question)["x"], np.float64) for name, question in samples.items()}
    shares = {name: ask(question) for name, question in counts.items()}
    return numbers, {
        name: dict(zip(map(str, found["name"]), map(float, found["n"]), strict=True))
        for name, found in shares.items()
    }


def _one(connection: duckdb.DuckDBPyConnection) -> int:
    found = connection.execute("SELECT count(*) FROM own").fetchone()
    return int(found[0]) if found else 0


def _filled(question: str, given: Mapping[str, str | int]) -> str:
    """The question with its values; CREATE takes no parameters."""
    text = question.replace("$accounts", str(given["accounts"]))
    text = text.replace("$currency", "'" + str(given["currency"]).replace("'", "''") + "'")
    for name in ("starts", "until"):
        text = text.replace(f"${name}", f"TIMESTAMPTZ '{given[name]}'")
    return text
