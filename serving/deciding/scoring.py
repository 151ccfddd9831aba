"""The Scorer: arrays in, answers and records out. HTTP, the nightly batch and replay share it.

A customer is a batch of one: every method takes a sequence and answers each element to the same
bits as if it had come alone.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from crm_rules.governance.stops import Stops
from serving.deciding import credit, customers, next_best_action, suitability
from serving.deciding.asking import (
    CreditRequest,
    CustomerRequest,
    OfferRequest,
    RecommendationRequest,
    Stamp,
    SuitabilityRequest,
)
from serving.deciding.in_force import Answer, decide_each
from serving.deciding.loaded import Loaded
from serving.deciding.online import LOST, UNREAD, OnlineRows, Snapshot
from serving.deciding.records import Case, Decision, Request
from serving.deciding.uses import NoUses, Uses, UsesReader, uses_of
from serving.errors import NotReplayable, RowsUnreachable, UnknownCustomer

USE_CASES: Mapping[str, tuple[Answer, type[Request]]] = {
    customers.SEGMENT: (customers.segments, CustomerRequest),
    customers.PROPENSITY: (customers.propensities, CustomerRequest),
    customers.RECOMMENDATION: (customers.recommendations, RecommendationRequest),
    credit.BEHAVIOUR: (credit.behaviour, CustomerRequest),
    credit.USE_CASE: (credit.credit_decision, CreditRequest),
    next_best_action.USE_CASE: (next_best_action.next_best_action, OfferRequest),
    suitability.USE_CASE: (suitability.suitability, SuitabilityRequest),
}
TRIED = (credit.USE_CASE, next_best_action.USE_CASE, customers.RECOMMENDATION)
"""What a policy on trial decides; other scores read no number of it."""
MEASURED = (customers.SEGMENT, customers.PROPENSITY, credit.BEHAVIOUR)
"""What says something about a customer and decides nothing: not said of whom nothing could be read."""
Scored = Decision | UnknownCustomer


@dataclass(frozen=True)
class Replay:
    """A decision made again: `same` says whether its answer has the same bytes."""

    same: bool
    body: bytes


@dataclass(frozen=True)
class Scorer:
    """Scores and decides with one release, under the stop switches it is loaded with, and the online rows."""

    loaded: Loaded
    online: OnlineRows
    uses: UsesReader = field(default_factory=NoUses)

    def under(self, stops: Stops) -> "Scorer":
        """The same scorer under exactly these stop switches."""
        return replace(self, loaded=self.loaded.under(stops))

    def segment(self, asked: Sequence[CustomerRequest], stamps: Sequence[Stamp]) -> list[Scored]:
        """Each customer's segment; UnknownCustomer in place of an answer for whom no row is kept."""
        return self._score(customers.SEGMENT, asked, stamps)

    def propensity(self, asked: Sequence[CustomerRequest], stamps: Sequence[Stamp]) -> list[Scored]:
        """Each customer's propensities."""
        return self._score(customers.PROPENSITY, asked, stamps)

    def recommend(self, asked: Sequence[RecommendationRequest], stamps: Sequence[Stamp]) -> list[Scored]:
        """The products each customer is likely to add."""
        return self._score(customers.RECOMMENDATION, asked, stamps)

    def credit_behaviour(self, asked: Sequence[CustomerRequest], stamps: Sequence[Stamp]) -> list[Scored]:
        """The default risk of each customer's running loans."""
        return self._score(credit.BEHAVIOUR, asked, stamps)

    def next_best_action(self, asked: Sequence[OfferRequest], stamps: Sequence[Stamp]) -> list[Scored]:
        """What each customer should be offered."""
        used = uses_of(self.uses, [each.customer_id for each in asked], self.loaded.rulebook.offers)
        return self._score(next_best_action.USE_CASE, asked, stamps, used)

    def suitability(self, asked: Sequence[SuitabilityRequest], stamps: Sequence[Stamp]) -> list[Scored]:
        """Whether each customer may have the product asked about; UnknownProduct for one not on sale."""
        suitability.require_known(asked, self.loaded.rulebook.plain)
        return self._score(suitability.USE_CASE, asked, stamps)

    def credit_decision(self, asked: Sequence[CreditRequest], stamps: Sequence[Stamp]) -> list[Decision]:
        """Approve, refer or decline each application; nobody is unknown, newcomers have no row.

        Where a customer's online rows cannot be read, or there are none of whom the application names,
        it is referred: who owes the bank must not be taken for somebody new.
        """
        ids = [request.customer_id or "" for request in asked]
        try:
            snapshot = self.online.read(ids)
        except RowsUnreachable:
            snapshot = self.online.unread(ids)
        cases = [
            Case(credit.USE_CASE, request, stamp, snapshot, row, _missing(request, snapshot, row, stamp.at))
            for row, (request, stamp) in enumerate(zip(asked, stamps, strict=True))
        ]
        return decide_each(cases, self.loaded, credit.credit_decision)

    def against(self, asked: OfferRequest, offer_id: str, stamp: Stamp) -> list[str]:
        """The codes that forbid making this offer to this customer now; empty when it may be made."""
        snapshot = self.online.read([asked.customer_id])
        case = Case(next_best_action.USE_CASE, asked, stamp, snapshot, 0)
        return suitability.against(case, self.loaded.in_force(stamp.at), offer_id)

    def replay(self, payload: bytes) -> Replay:
        """Decide again from a record alone; NotReplayable when another release made it."""
        return replay(payload, self.loaded)

    def _score(
        self, use_case: str, asked: Sequence[Request], stamps: Sequence[Stamp], used: Sequence[Uses] = ()
    ) -> list[Scored]:
        snapshot = self.online.read([request.customer_id or "" for request in asked])
        if snapshot.lost is not None and use_case in MEASURED and (snapshot.lost == UNREAD).any():
            raise RowsUnreachable("no row remembered")
        known = snapshot.found if snapshot.lost is None else snapshot.found | (snapshot.lost == UNREAD)
        cases = [
            Case(use_case, request, stamp, snapshot, row, snapshot.degraded(row, stamp.at), uses=uses)
            for row, (request, stamp, uses) in enumerate(
                zip(asked, stamps, used or [{}] * len(asked), strict=True)
            )
        ]
        decided = decide_each(cases, self.loaded, USE_CASES[use_case][0], use_case in TRIED)
        return [
            decision if known[case.row] else UnknownCustomer(case.request.customer_id or "")
            for case, decision in zip(cases, decided, strict=True)
        ]


def _missing(asked: CreditRequest, snapshot: Snapshot, row: int, at: str) -> tuple[str, ...]:
    """What is not as it should be of an application: a customer it names has rows."""
    found = snapshot.degraded(row, at)
    return found or ((LOST,) if asked.customer_id and not snapshot.found[row] else ())


def replay(payload: bytes, loaded: Loaded) -> Replay:
    """Decide again from a record alone, under the policy and the stop switches of then.

    Online rows are not read.

    NotReplayable when another release than this one made the decision.
    """
    record = orjson.loads(payload)
    decision_id = str(record.get("decision_id"))
    if record.get("release") != loaded.runtime.digest:
        raise NotReplayable(decision_id, f"release {str(record.get('release'))[:16]} made it")
    if record.get("use_case") not in USE_CASES:
        raise NotReplayable(decision_id, f"use case {record.get('use_case')!r} is unknown")
    answer = USE_CASES[record["use_case"]][0]
    case = case_of(record, Snapshot.from_record(record["features"], loaded.runtime.manifest.origin), 0)
    then = loaded.under(Stops.from_record(record["stops"]))
    [again] = decide_each([case], then, answer, case.use_case in TRIED, shadow=False)
    body = again.body
    return Replay(hashlib.sha256(body).hexdigest() == record["answer"], body)


def case_of(record: Mapping[str, Any], snapshot: Snapshot, row: int) -> Case:
    """The case that a record tells of, with its features in a row of a snapshot."""
    asked = USE_CASES[record["use_case"]][1](**record["request"])
    stamp = Stamp(str(record["decision_id"]), record["request_id"], record["at"], record["caller"])
    uses = record.get("uses", {})
    known = None if uses is None else {name: (mine, all_) for name, (mine, all_) in uses.items()}
    return Case(record["use_case"], asked, stamp, snapshot, row, tuple(record["degraded"]), uses=known)
