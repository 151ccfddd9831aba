"""Questions in, durable answers out: stamps, scores and logs before anything is handed back."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from serving import credit
from serving.asking import Stamp
from serving.canary import decide_for_nobody
from serving.records import Decision, DecisionSink, Request
from serving.scoring import Scored, Scorer


class Engine:
    """One scorer and one log. Calls may come from several threads; they are answered one by one."""

    def __init__(
        self, scorer: Scorer, log: DecisionSink, now: Callable[[], datetime], new_id: Callable[[], str]
    ) -> None:
        self.scorer, self._log = scorer, log
        self._now, self._new_id = now, new_id
        self._turn = threading.Lock()
        self._methods: Mapping[str, Callable[..., Sequence[Scored]]] = {
            "segment": scorer.segment,
            "propensity": scorer.propensity,
            "credit_behaviour": scorer.credit_behaviour,
            "recommend": scorer.recommend,
            "next_best_action": scorer.next_best_action,
            credit.USE_CASE: scorer.credit_decision,
        }

    def now(self) -> datetime:
        """The service's clock."""
        return self._now()

    def answer(self, method: str, asked: Sequence[Request], request_id: str, caller: str) -> Sequence[Scored]:
        """Answer every question and make the decisions durable; then, and only then, return them."""
        at = self._now().isoformat()
        stamps = [Stamp(self._new_id(), request_id, at, caller) for _ in asked]
        with self._turn:
            scored = self._methods[method](asked, stamps)
            records = [each.record for each in scored if isinstance(each, Decision)]
            if records:
                self._log.append(records)
        return scored

    def ready(self) -> bool:
        """Whether online rows can be read and a decision computed; nothing is logged."""
        with self._turn:
            self.scorer.online.read(["canary"])
            decide_for_nobody(self.scorer)
        return True
