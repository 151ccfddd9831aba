"""Questions in, durable answers out: stamps, scores and logs before anything is handed back."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from crm_rules.governance.stops import Stops
from monitoring.decision_log import Record
from serving.deciding import credit
from serving.deciding.asking import OfferRequest, Stamp
from serving.deciding.canary import decide_for_nobody
from serving.deciding.records import Decision, DecisionSink, Request
from serving.deciding.scoring import Scored, Scorer
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


def _nobody(records: Sequence[Record]) -> None:
    """Referred decisions are found in the log later."""


class Engine:
    """One release in service and one log. Calls may come from several threads; they are answered one by one.

    `serving` is replaced whole, between two answers: each answer is made by one release under one set
    of stop switches. `refer` is given the records that make a case once they are durable; it raises nothing.
    """

    def __init__(
        self,
        serving: InService,
        log: DecisionSink,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        refer: Callable[[Sequence[Record]], None] = _nobody,
    ) -> None:
        self.serving, self._log, self._refer = serving, log, refer
        self._now, self._new_id = now, new_id
        self._turn = threading.Lock()

    @property
    def scorer(self) -> Scorer:
        """What answers now."""
        return self.serving.scorer

    def now(self) -> datetime:
        """The service's clock."""
        return self._now()

    def answer(self, method: str, asked: Sequence[Request], request_id: str, caller: str) -> Sequence[Scored]:
        """Answer every question and make the decisions durable; then, and only then, return them."""
        with self._turn:
            at = self._now().isoformat()
            stamps = [Stamp(self._new_id(), request_id, at, caller) for _ in asked]
            scored = METHODS[method](self.scorer, asked, stamps)
            records = [each.record for each in scored if isinstance(each, Decision)]
            if records:
                self._log.append(records)
        referred = [each.record for each in scored if isinstance(each, Decision) and each.referred]
        if referred:
            self._refer(referred)
        return scored

    def against(self, customer_id: str, offer_id: str) -> list[str]:
        """The codes that forbid making this offer to this customer now; nothing is logged."""
        with self._turn:
            stamp = Stamp("", "", self._now().isoformat(), "")
            return self.scorer.against(OfferRequest(customer_id), offer_id, stamp)

    def serve(self, new: InService) -> None:
        """From the next answer on, another release under the same stop switches.

        The one before is given back: nobody asks it any more.
        """
        with self._turn:
            old, self.serving = self.serving, new.under(self.serving.stops)
        old.close()

    def stop(self, stops: Stops) -> None:
        """From the next answer on, exactly these stop switches."""
        with self._turn:
            self.serving = self.serving.under(stops)

    def ready(self) -> bool:
        """Whether online rows can be read and a decision computed; nothing is logged."""
        with self._turn:
            self.scorer.online.read(["canary"])
            decide_for_nobody(self.scorer)
        return True
