"""All customers through the same Scorer, in chunks; records go to the sink before the next chunk."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from serving.asking import OfferRequest, Stamp
from serving.records import Decision, DecisionSink
from serving.scoring import Scorer

CHUNK = 1_000


@dataclass(frozen=True)
class BatchResult:
    """How many customers were decided, and how many have no row."""

    decided: int
    unknown: int


def score_batch(
    scorer: Scorer,
    customer_ids: Sequence[str],
    sink: DecisionSink,
    at: datetime,
    new_id: Callable[[], str],
    caller: str,
    top: int = 3,
    chunk: int = CHUNK,
) -> BatchResult:
    """Next best actions of these customers; each chunk's records are in `sink` before the next starts."""
    decided = unknown = 0
    request_id = new_id()
    for ids in _chunks(customer_ids, chunk):
        stamps = [Stamp(new_id(), request_id, at.isoformat(), caller) for _ in ids]
        scored = scorer.next_best_action([OfferRequest(name, None, top) for name in ids], stamps)
        records = [each.record for each in scored if isinstance(each, Decision)]
        sink.append(records)
        decided, unknown = decided + len(records), unknown + len(ids) - len(records)
    return BatchResult(decided, unknown)


def _chunks(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
