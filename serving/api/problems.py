"""Every error as RFC 9457 problem+json: what happened, and what to do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
from pydantic import ValidationError
from starlette.responses import Response

from crm_rules.errors import (
    AnsweredOtherwise,
    Conflict,
    DatabaseUnavailable,
    NotEnoughPoints,
    NotReviewable,
    TooLate,
    UsedUp,
)
from feature_repo.errors import BankError
from monitoring.errors import LogUnavailable, UnknownDecision
from serving.errors import (
    CasesUnavailable,
    DeadlineExceeded,
    Ending,
    InboxFull,
    InvalidToken,
    KeysUnavailable,
    LedgerUnavailable,
    MissingScope,
    MixedSandbox,
    ModelStopped,
    NoLongerPossible,
    NotOffered,
    NotReplayable,
    OtherCustomer,
    OutcomesUnavailable,
    Overloaded,
    RowsOfAnotherRelease,
    RowsUnreachable,
    StillDeciding,
    UnknownCustomer,
    UnknownProduct,
)
from training.release.errors import MissingPart

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 20
KINDS: Mapping[type[BankError], tuple[int, str, str]] = {
    UnknownCustomer: (404, "unknown-customer", "No such customer"),
    UnknownDecision: (404, "unknown-decision", "No such decision"),
    InvalidToken: (401, "invalid-token", "No valid token"),
    MissingScope: (403, "missing-scope", "Not allowed"),
    OtherCustomer: (403, "other-customer", "Not this customer"),
    Conflict: (409, "idempotency-conflict", "The key was used for another request"),
    NotEnoughPoints: (409, "not-enough-points", "The points cannot be redeemed"),
    MixedSandbox: (422, "mixed-sandbox", "Not in one request"),
    UnknownProduct: (404, "unknown-product", "No such product"),
    NotOffered: (404, "not-offered", "The decision did not offer this"),
    UsedUp: (409, "used-up", "Nothing is left of the offer"),
    AnsweredOtherwise: (409, "answered-otherwise", "The offer was answered otherwise"),
    NoLongerPossible: (409, "no-longer-possible", "The offer is not possible any more"),
    OutcomesUnavailable: (503, "not-recorded", "The outcome could not be recorded"),
    NotReplayable: (409, "not-replayable", "The decision belongs to another release"),
    NotReviewable: (409, "not-reviewable", "The decision cannot be contested"),
    TooLate: (409, "too-late", "The time to contest the decision is over"),
    DeadlineExceeded: (504, "deadline-exceeded", "Too late"),
    ModelStopped: (503, "stopped", "The model is stopped"),
    MissingPart: (503, "not-in-release", "The release has no such model"),
    RowsUnreachable: (503, "rows-unreachable", "Online rows cannot be read"),
    RowsOfAnotherRelease: (503, "rows-of-another-release", "Online rows do not fit the release"),
    Overloaded: (503, "overloaded", "Too much is asked at once"),
    Ending: (503, "ending", "This worker ends"),
    LogUnavailable: (503, "not-recorded", "The decision could not be recorded"),
    LedgerUnavailable: (503, "not-booked", "The points could not be read or booked"),
    KeysUnavailable: (503, "keys-unavailable", "The key could not be kept"),
    StillDeciding: (503, "still-deciding", "The request is being decided"),
    CasesUnavailable: (503, "cases-unavailable", "Cases cannot be read or opened"),
    InboxFull: (503, "inbox-full", "Too many events wait"),
    DatabaseUnavailable: (503, "unavailable", "What was kept cannot be read"),
}
HIDDEN: Mapping[type[BankError], str] = {  # sentences that name paths of this machine
    KeysUnavailable: "Idempotency keys cannot be kept just now. Ask again in a moment, with the same key.",
    OutcomesUnavailable: "What the customer said could not be recorded. Say it again in a moment.",
    LogUnavailable: "The decision could not be recorded, so none is given. Ask again in a moment.",
    CasesUnavailable: "Cases cannot be read or opened just now; nothing was lost. Ask again in a moment.",
    DatabaseUnavailable: "What was kept cannot be read or written just now. Ask again in a moment.",
    LedgerUnavailable: "The ledger cannot be used; nothing was booked. Ask again in a moment, same key.",
}


@dataclass(frozen=True)
class Problem:
    """One problem; `kind` is the last word of its type, stable for programs to read."""

    status: int
    kind: str
    title: str
    detail: str
    errors: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_json(self, request_id: str) -> dict[str, object]:
        """The members of the problem document."""
        found: dict[str, object] = {
            "type": f"urn:bank:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        return found | ({"errors": list(self.errors)} if self.errors else {})

    def response(self, request_id: str) -> Response:
        """The problem as an HTTP response."""
        content = orjson.dumps(self.as_json(request_id))
        return Response(content, self.status, dict(self.headers), MEDIA_TYPE)


def problem_of(error: Exception) -> Problem:
    """The problem that tells about an error; what is not expected tells nothing of the inside."""
    if isinstance(error, ValidationError):
        return unprocessable(error)
    for kind, (status, word, title) in KINDS.items():
        if isinstance(error, kind):
            return Problem(status, word, title, HIDDEN.get(kind, str(error)), headers=_headers(status))
    return Problem(
        500, "internal", "Something went wrong here", "The error was logged; quote the request id to us."
    )


def unprocessable(error: ValidationError) -> Problem:
    """Which fields break the schema and how; never the values, they may be personal."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    errors = [
        {"field": ".".join(str(step) for step in each["loc"]) or "(body)", "problem": each["msg"]}
        for each in found[:MOST_ERRORS]
    ]
    return invalid(f"The body breaks its schema in {len(found)} place(s); each is in 'errors'.", errors)


def invalid(detail: str, errors: Sequence[Mapping[str, str]] = ()) -> Problem:
    """422: understood, but not acceptable."""
    return Problem(422, "invalid-body", "The request is not valid", detail, errors)


def _headers(status: int) -> dict[str, str]:
    return {401: {"WWW-Authenticate": 'Bearer realm="bank"'}, 503: {"Retry-After": "1"}}.get(status, {})
