"""The step that decides: offers for everybody, running loans, the last applications."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import orjson

from crm_rules.governance.stops import Stops
from feature_repo.packed_rows import PackedRows, open_rows
from feature_repo.raw.source import Source
from feature_repo.rows.reading import Rows
from feature_repo.settings import Settings
from monitoring.batch_log import BatchLog
from monitoring.decision_log import DecisionLogs
from serving.bootstrap import current_release, new_id, open_scorer, open_uses, switches
from serving.deciding import credit, next_best_action
from serving.deciding.asking import CustomerRequest, OfferRequest, Stamp
from serving.deciding.online import OWNED
from serving.deciding.records import Decision, Request
from serving.deciding.scoring import Scored, Scorer
from serving.errors import ModelStopped
from serving.pipeline.applications import last_applications, rows_as_of
from serving.pipeline.bootstrap import now
from serving.pipeline.step import Outcome
from training.release.errors import MissingPart

CHUNK = 1_000
CALLER = "batch"
OFFERS = 3


def decide(settings: Settings, source: Source) -> Outcome:
    """Next best actions for every active customer and the last applications, logged as one batch.

    Offers are as of now; an application is decided with what was known when it was made.
    """
    at, served = now(), current_release(settings)
    with BatchLog(DecisionLogs.of(settings), f"{at:%Y%m%dT%H%M%S%fZ}", at.isoformat()) as log:
        batch = Batch(log, at.isoformat(), lambda: switches(settings).stops)
        with open_rows(settings) as rows, closing(open_uses(settings)) as uses:
            scorer, known = open_scorer(served, rows, uses), everybody(rows, settings.raw)
            active, borrowing = known.having("accounts_open"), known.having("loans_running")
            offers = [OfferRequest(name, None, OFFERS) for name in active]
            batch.take(next_best_action.USE_CASE, scorer, Scorer.next_best_action, offers)
            loans = [CustomerRequest(name) for name in borrowing]
            batch.take(credit.BEHAVIOUR, scorer, Scorer.credit_behaviour, loans)
            products = rows.columns()[OWNED]
        asked = last_applications(settings.raw, source)
        if asked.requests:
            with rows_as_of(settings, asked, products) as rows:
                scorer = open_scorer(served, rows)
                batch.take(credit.USE_CASE, scorer, Scorer.credit_decision, asked.requests)
    return batch.outcome()


class Batch:
    """A batch of decisions into one log; counts what came out. `stops` reads the stop switches."""

    def __init__(self, log: BatchLog, at: str, stops: Callable[[], Stops]) -> None:
        self._log, self._at, self._request, self._stops = log, at, new_id(), stops
        self.outcomes: dict[str, Counter[str]] = {}
        self.left_out: dict[str, str] = {}

    def take(
        self, use_case: str, scorer: Scorer, method: Callable[..., Sequence[Scored]], asked: Sequence[Request]
    ) -> None:
        """Decide these in chunks, each logged before the next, under the stop switches on at that moment.

        Left out when the release lacks the model or it is stopped.
        """
        found = self.outcomes.setdefault(use_case, Counter())
        for start in range(0, len(asked), CHUNK):
            chunk = asked[start : start + CHUNK]
            stamps = [Stamp(new_id(), self._request, self._at, CALLER) for _ in chunk]
            scorer = scorer.under(self._stops())
            try:
                scored = method(scorer, chunk, stamps)
            except (MissingPart, ModelStopped) as missing:
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
    if "offers" in answer:
        return f"{len(answer['offers'])} offers"
    return str(answer["outcome"]) if "outcome" in answer else f"grade {answer['behaviour']['grade']}"


def _line(use_case: str, counts: Counter[str]) -> str:
    total = counts.total()
    found = ", ".join(f"{name} {number:,} ({number / total:.0%})" for name, number in counts.most_common())
    return f"{use_case.replace('_', ' ')}: {total:,} decided and logged: {found}"


@dataclass(frozen=True)
class Everybody:
    """Every customer with the features that say what they can be asked about."""

    rows: Rows

    def having(self, column: str) -> list[str]:
        """The customers of whom a count is above zero."""
        some = self.rows.values[:, self.rows.columns.index(column)] > 0
        return [name for name, has in zip(self.rows.customer_ids, some, strict=True) if has]


def everybody(rows: PackedRows, raw: Path) -> Everybody:
    """Every customer the raw tables know, with their online rows."""
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT DISTINCT customer_id FROM read_parquet($files) ORDER BY customer_id",
            {"files": str(raw / "customers" / "*.parquet")},
        ).fetchall()
    return Everybody(rows.read([row[0] for row in found], ["profile", "credit"]))
