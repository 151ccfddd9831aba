"""A decision and its record: everything it was made from, so that it can be made again.

The payload is JSON: decision_id, request_id, customer_id, at, caller, use_case, release, parts
(the first 16 digits of each digest), policy, features {values, event_us} in the order of
`manifest.origin`, request, degraded, uses (by limited offer [the customer's, everybody's]; left out where
there are none, null where they are not known), stops (every stop switch that was on, as `kind/name`), then
what the use case adds (scores, candidates, outcome, selection_probability, reasons, consent, automation),
and `answer`, the SHA-256 of the body sent. While a policy is on trial `trial` {version, returned, outcome,
differs} says what the trial decided, whether that was the answer, and whether the policy in force says
something else; outcome and differs are null where one of the two failed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import orjson

from monitoring.decision_log import Record
from serving.deciding.asking import (
    CreditRequest,
    CustomerRequest,
    OfferRequest,
    RecommendationRequest,
    Stamp,
    SuitabilityRequest,
)
from serving.deciding.loaded import Loaded
from serving.deciding.online import Snapshot
from serving.deciding.uses import Uses

COMPARED = ("outcome", "rules")
Request = CustomerRequest | RecommendationRequest | OfferRequest | SuitabilityRequest | CreditRequest


class DecisionSink(Protocol):
    """Where decisions are made durable; it returns only once they are."""

    def append(self, records: Sequence[Record]) -> None:
        """Keep these records; an error means that none of them may be answered."""


@dataclass(frozen=True)
class Told:
    """What figures count of a decision: words of ours and a time, nothing of a customer."""

    outcome: str
    degraded: tuple[str, ...] = ()
    features_at: str | None = None


@dataclass(frozen=True)
class Decision:
    """An answer as JSON bytes, and the record that must be durable before it leaves.

    `kept` is what decisions about one case are compared by, as the record keeps it. `referred` says that a
    person decides, so that the record makes a case.
    """

    body: bytes
    record: Record
    kept: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)
    referred: bool = False
    told: Told | None = field(default=None, compare=False, repr=False)

    @property
    def outcome(self) -> object:
        """What was decided, as the record keeps it."""
        return self.kept.get("outcome")


@dataclass(frozen=True)
class Tried:
    """A case's trial: the version on trial, whether it answers, and what the other policy decided."""

    version: str
    returned: bool
    other: Decision | None

    def as_record(self, outcome: object) -> dict[str, object]:
        """As the record of a decision with that outcome keeps it."""
        told: dict[str, object] = {"version": self.version, "returned": self.returned}
        if self.other is None:
            return {**told, "outcome": outcome if self.returned else None, "differs": None}
        tried = outcome if self.returned else self.other.outcome
        return {**told, "outcome": tried, "differs": self.other.outcome != outcome}


@dataclass(frozen=True)
class Case:
    """One question with all that is known about it: the row of a snapshot it is answered from."""

    use_case: str
    request: Request
    stamp: Stamp
    snapshot: Snapshot
    row: int
    degraded: tuple[str, ...] = ()
    tried: Tried | None = None
    uses: Uses = field(default_factory=dict)


def decide(case: Case, loaded: Loaded, answer: Mapping[str, object], kept: Mapping[str, object]) -> Decision:
    """Seal an answer: add what every answer carries, and write its record with `kept`."""
    stamp, snapshot = case.stamp, case.snapshot
    customer_id, oldest = case.request.customer_id, snapshot.oldest(case.row)
    body = orjson.dumps(
        {
            "decision_id": stamp.decision_id,
            "request_id": stamp.request_id,
            "at": stamp.at,
            "customer_id": customer_id,
            **answer,
            "degraded": list(case.degraded),
            "stopped": loaded.stopped_models,
            "feature_time": oldest,
            "feature_age_s": snapshot.age_s(case.row, stamp.at),
            "release": loaded.version_json,
        }
    )
    payload = orjson.dumps(
        {
            "decision_id": stamp.decision_id,
            "request_id": stamp.request_id,
            "customer_id": customer_id,
            "at": stamp.at,
            "caller": stamp.caller,
            "use_case": case.use_case,
            "release": loaded.runtime.digest,
            "parts": loaded.parts_json,
            "policy": loaded.rulebook.policy.version,
            "features": snapshot.as_record(case.row),
            "request": case.request.as_record(),
            "degraded": list(case.degraded),
            **({} if case.uses == {} else {"uses": case.uses}),
            "stops": loaded.stops_record,
            **kept,
            **({"trial": case.tried.as_record(kept.get("outcome"))} if case.tried else {}),
            "answer": hashlib.sha256(body).hexdigest(),
        }
    )
    told = Told(_word(kept.get("outcome")), case.degraded, oldest)
    record = Record(stamp.decision_id, stamp.at, case.use_case, customer_id, payload)
    return Decision(body, record, {name: kept[name] for name in COMPARED if name in kept}, told=told)


def _word(outcome: object) -> str:
    """An outcome as figures count it: its own word, whether anything was offered, or that it is a score."""
    if isinstance(outcome, list):
        return "offered" if outcome else "nothing"
    return "scored" if outcome is None else str(outcome)
