"""The step that books loyalty points from bookings."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb

from crm_rules.loyalty.earning import Booking
from crm_rules.policy_book import PolicyBook
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from serving.bootstrap.releases import current_release
from serving.bootstrap.stores import open_ledger
from serving.pipeline.bootstrap import now
from serving.pipeline.step import Outcome

EARNING_DAYS = 30

SPENDING = """
WITH latest AS (
  SELECT * FROM read_parquet($bookings) WHERE recorded_at < $end AND booked_at >= $start AND booked_at < $end
  QUALIFY row_number() OVER (PARTITION BY booking_id ORDER BY recorded_at DESC) = 1),
owners AS (
  SELECT account_id, min(customer_id) AS customer_id FROM read_parquet($owners)
  WHERE role = 'owner' AND recorded_at < $end GROUP BY account_id)
SELECT booking_id, customer_id, booked_at, CAST(amount * 100 AS BIGINT), coalesce(category, 'other')
FROM latest JOIN owners USING (account_id) WHERE currency = $currency ORDER BY booked_at, booking_id
"""


def earn(settings: Settings, source: Source) -> Outcome:
    """Book the points of the last 30 days' bookings; one booking earns once, however often this runs."""
    book = PolicyBook.parse(current_release(settings).release.part("policy")["policy.toml"])
    ledger = open_ledger(settings)
    try:
        earned = ledger.earn(_spending(settings.raw, source), book.at(now()).loyalty)
        problems = ledger.violations()
    finally:
        ledger.close()
    lines = (
        f"{earned.points:,} points from {earned.bookings:,} bookings of the last {EARNING_DAYS} days, "
        f"{earned.clawed_back:,} taken back for refunds",
        f"the ledger's invariants hold: {len(problems)} violations (limit 0)",
    )
    return Outcome(earned.bookings, lines, {"points": earned.points, "violations": len(problems)})


def _spending(raw: Path, source: Source) -> Iterator[Booking]:
    parameters = {
        "bookings": str(raw / "bookings" / "*.parquet"),
        "owners": str(raw / "account_owners" / "*.parquet"),
        "start": source.end - timedelta(days=EARNING_DAYS),
        "end": source.end,
        "currency": source.base_currency,
    }
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        cursor = connection.execute(SPENDING, parameters)
        while rows := cursor.fetchmany(10_000):
            yield from (Booking(*row) for row in rows)
