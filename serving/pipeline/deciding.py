"""The step that decides: offers for everybody, running loans, the last applications."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from crm_rules.governance.stops import Stops
from feature_repo.packed_rows import open_rows
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from monitoring.batch_log import BatchLog
from monitoring.decision_log import DecisionLogs
from serving.batch.chunks import CHUNK, Decide, in_chunks
from serving.batch.score import Wanted, score_batch
from serving.batch.use_cases import USE_CASES
from serving.bootstrap.edge import new_id
from serving.bootstrap.releases import current_release, open_scorer, switches
from serving.deciding import credit
from serving.deciding.asking import Stamp
from serving.deciding.online import OWNED
from serving.deciding.records import Request
from serving.deciding.scoring import Scorer
from serving.errors import ModelStopped
from serving.pipeline.applications import last_applications, rows_as_of
from serving.pipeline.bootstrap import now
from serving.pipeline.step import Outcome
from training.release.errors import MissingPart

CALLER = "batch"


def decide(settings: Settings, source: Source) -> Outcome:
    """Next best actions and running loans of everybody, then the last applications, all of it logged.

    Offers are as of now; an application is decided with what was known when it was made.
    """
    at = now()
    asked = [score_batch(settings, Wanted(asks), at, lambda done, of: None) for asks in USE_CASES]
    batch = applications(settings, source, at)
    told = {each.run.use_case.name: each.outcomes for each in asked} | batch.outcomes
    left_out = {each.run.use_case.name: each.left_out for each in asked if each.left_out}
    return outcome_of(told, left_out | batch.left_out)


def outcome_of(outcomes: Mapping[str, Counter[str]], left_out: Mapping[str, str]) -> Outcome:
    """What came out of batches, by use case."""
    lines = [line(use_case, counts) for use_case, counts in outcomes.items() if counts]
    lines += [f"left out: {why}" for why in left_out.values()]
    figures: dict[str, object] = {
        "outcomes": {name: dict(sorted(counts.items())) for name, counts in outcomes.items()},
        "left_out": dict(left_out),
    }
    return Outcome(sum(counts.total() for counts in outcomes.values()), tuple(lines), figures)


def applications(settings: Settings, source: Source, at: datetime) -> "Batch":
    """Decide the last applications, logged as one batch."""
    served = current_release(settings)
    with BatchLog(DecisionLogs.of(settings), f"{at:%Y%m%dT%H%M%S%fZ}", at.isoformat()) as log:
        batch = Batch(log, at.isoformat(), lambda: switches(settings).stops)
        asked = last_applications(settings.raw, source)
        if asked.requests:
            with open_rows(settings) as online:
                products = online.columns()[OWNED]
            with rows_as_of(settings, asked, products) as rows:
                batch.take(credit.USE_CASE, open_scorer(served, rows), Scorer.credit_decision, asked.requests)
    return batch


class Batch:
    """A batch of applications into one log; counts what came out. `stops` reads the stop switches."""

    def __init__(self, log: BatchLog, at: str, stops: Callable[[], Stops]) -> None:
        self._log, self._at, self._request, self._stops = log, at, new_id(), stops
        self.outcomes: dict[str, Counter[str]] = {}
        self.left_out: dict[str, str] = {}

    def take(self, use_case: str, scorer: Scorer, method: Decide, asked: Sequence[Request]) -> None:
        """Decide these in chunks, each logged before the next, under the stop switches on at that moment.

        Left out when the release lacks the model or it is stopped.
        """
        found = self.outcomes.setdefault(use_case, Counter())
        stamps = [Stamp(new_id(), self._request, self._at, CALLER) for _ in asked]
        try:
            for made in in_chunks(scorer, method, asked, stamps, self._stops, CHUNK):
                self._log.append([each.record for each in made])
                found.update(str(each.outcome) for each in made)
        except (MissingPart, ModelStopped) as missing:
            self.left_out[use_case] = str(missing)


def line(use_case: str, counts: Counter[str]) -> str:
    """How the decisions of a use case came out, as a sentence."""
    total = counts.total()
    found = ", ".join(f"{name} {number:,} ({number / total:.0%})" for name, number in counts.most_common())
    return f"{use_case.replace('_', ' ')}: {total:,} decided and logged: {found}"
