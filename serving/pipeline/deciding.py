"""The steps that decide: loyalty points, next best actions for everybody, the last applications."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import duckdb
import orjson

from crm_rules.loyalty.earning import Booking
from crm_rules.loyalty.ledger import Ledger
from crm_rules.policy import Policy
from feature_repo.packed_rows import PackedRows
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from monitoring.batch_log import BatchLog
from serving import credit, next_best_action
from serving.asking import OfferRequest, Stamp
from serving.bootstrap import current_release, new_id, open_scorer
from serving.online import OWNED
from serving.pipeline.applications import last_applications, rows_as_of
from serving.pipeline.bootstrap import now
from serving.pipeline.step import Outcome
from serving.records import Decision, Request
from serving.scoring import Scored
from training.release.errors import MissingPart

EARNING_DAYS = 30
CHUNK = 1_000
CALLER = "batch"
OFFERS = 3

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
    policy = Policy.parse(current_release(settings).release.part("policy")["policy.toml"])
    ledger = Ledger.open(settings.ledger)
    try:
        earned = ledger.earn(_spending(settings.raw, source), policy.loyalty)
        problems = ledger.violations()
    finally:
        ledger.close()
    lines = (
        f"{earned.points:,} points from {earned.bookings:,} bookings of the last {EARNING_DAYS} days, "
        f"{earned.clawed_back:,} taken back for refunds",
        f"the ledger's invariants hold: {len(problems)} violations (limit 0)",
    )
    return Outcome(earned.bookings, lines, {"points": earned.points, "violations": len(problems)})


def decide(settings: Settings, source: Source) -> Outcome:
    """Next best actions for every active customer and the last applications, logged as one batch.

    Offers are as of now; an application is decided with what was known when it was made.
    """
    at, served = now(), current_release(settings)
    with BatchLog(settings.decisions, f"{at:%Y%m%dT%H%M%S%fZ}", at.isoformat()) as log:
        batch = Batch(log, at.isoformat())
        with PackedRows.open(settings.online) as rows:
            offers = [OfferRequest(name, None, OFFERS) for name in _customers(rows, settings.raw)]
            batch.take(next_best_action.USE_CASE, open_scorer(served, rows).next_best_action, offers)
            products = rows.columns()[OWNED]
        asked = last_applications(settings.raw, source)
        if asked.requests:
            with rows_as_of(settings, asked, products) as rows:
                batch.take(credit.USE_CASE, open_scorer(served, rows).credit_decision, asked.requests)
    return batch.outcome()


class Batch:
    """A batch of decisions into one log; counts what came out."""

    def __init__(self, log: BatchLog, at: str) -> None:
        self._log, self._at, self._request = log, at, new_id()
        self.outcomes: dict[str, Counter[str]] = {}
        self.left_out: dict[str, str] = {}

    def take(self, use_case: str, method: Callable[..., Sequence[Scored]], asked: Sequence[Request]) -> None:
        """Decide these in chunks, each logged before the next; left out when the release lacks the model."""
        found = self.outcomes.setdefault(use_case, Counter())
        for start in range(0, len(asked), CHUNK):
            chunk = asked[start : start + CHUNK]
            stamps = [Stamp(new_id(), self._request, self._at, CALLER) for _ in chunk]
            try:
                scored = method(chunk, stamps)
            except MissingPart as missing:
                self.left_out[use_case] = str(missing)
                return
            made = [each for each in scored if isinstance(each, Decision)]
            self._log.append([each.record for each in made])
            found.update(_outcome(each.body) for each in made)

    def outcome(self) -> Outcome:
        """What the batch decided."""
        lines = [_line(use_case, counts) for use_case, counts in self.outcomes.items() if counts]
        lines += [f"left out: {why}" for why in self.left_out.values()]
        figures: dict[str, object] = {
            "outcomes": {name: dict(sorted(counts.items())) for name, counts in self.outcomes.items()},
            "left_out": self.left_out,
        }
        total = sum(counts.total() for counts in self.outcomes.values())
        return Outcome(total, tuple(lines), figures)


def _outcome(body: bytes) -> str:
    answer = orjson.loads(body)
    if "outcome" in answer:
        return str(answer["outcome"])
    return f"{len(answer['offers'])} offers"


def _line(use_case: str, counts: Counter[str]) -> str:
    total = counts.total()
    found = ", ".join(f"{name} {number:,} ({number / total:.0%})" for name, number in counts.most_common())
    return f"{use_case.replace('_', ' ')}: {total:,} decided and logged: {found}"


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


def _customers(rows: PackedRows, raw: Path) -> list[str]:
    """Customers with an open account: those a bank can offer something to."""
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT DISTINCT customer_id FROM read_parquet($files) ORDER BY customer_id",
            {"files": str(raw / "customers" / "*.parquet")},
        ).fetchall()
    known = rows.read([row[0] for row in found], ["profile"])
    is_open = known.values[:, known.columns.index("accounts_open")] > 0
    return [name for name, keep in zip(known.customer_ids, is_open, strict=True) if keep]
