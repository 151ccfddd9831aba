"""Which method of the Scorer answers which question, and by which release."""

from collections.abc import Callable, Mapping, Sequence

from serving.deciding import credit
from serving.deciding.asking import Stamp
from serving.deciding.records import Request
from serving.deciding.scoring import Scored, Scorer
from serving.worker.candidate import Candidate
from serving.worker.in_service import InService

METHODS: Mapping[str, Callable[..., Sequence[Scored]]] = {
    "segment": Scorer.segment,
    "propensity": Scorer.propensity,
    "credit_behaviour": Scorer.credit_behaviour,
    "recommend": Scorer.recommend,
    "next_best_action": Scorer.next_best_action,
    "suitability": Scorer.suitability,
    credit.USE_CASE: Scorer.credit_decision,
}


def decided(
    serving: InService, candidate: Candidate | None, method: str, asked: Sequence[Request],
    stamps: Sequence[Stamp],
) -> Sequence[Scored]:  # fmt: skip
    """Each question answered by one release: that in service, or the candidate for who is on it."""
    if candidate is None:
        return METHODS[method](serving.scorer, asked, stamps)
    return candidate.decide(METHODS[method], serving.scorer, asked, stamps)
