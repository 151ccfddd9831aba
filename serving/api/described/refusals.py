"""The problems a route may answer with, as responses of the document."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.api.described.shapes import shared
from serving.api.problems import KINDS, MEDIA_TYPE

ALWAYS = (400, 401, 403, 422, 429, 431, 503)
WITH_BODY = (408, 413, 415)


@dataclass(frozen=True)
class Refusal:
    """One status: its name in the document, when it comes, and an example of kind, title and detail."""

    name: str
    about: str
    kind: str
    title: str
    detail: str


REFUSALS: Mapping[int, Refusal] = {
    400: Refusal("Twice", "A header that decides how the request is read came twice.", "header-twice",
                 "A header came twice", "Send content-type once."),
    401: Refusal("NoToken", "No valid token.", "invalid-token", "No valid token",
                 "The request carries no valid token: it has expired. Get one with `bank token issue`."),
    403: Refusal("NotAllowed", "The token does not allow this.", "missing-scope", "Not allowed",
                 "The token lacks the scope 'decisions:make'. Ask for a token that has it."),
    404: Refusal("NotFound", "There is no such customer, product, decision or offer.", "unknown-customer",
                 "No such customer", "Customer 'c0' has no feature row. Check the id."),
    408: Refusal("TooSlow", "The body did not arrive in time.", "slow-body", "The body is too slow",
                 "The body did not arrive within 5 s. Send it again, at once."),
    409: Refusal("Conflict", "What is known stands against it; nothing was changed.", "too-late",
                 "The time to contest the decision is over", "It could be contested until 2026-04-30."),
    413: Refusal("TooLarge", "The body is larger than is read here.", "too-large", "The body is too large",
                 "At most 65536 bytes are read here."),
    415: Refusal("NotJson", "The body is not JSON in UTF-8, or compressed.", "media-type", "Not JSON",
                 "Send application/json in UTF-8, not compressed."),
    422: Refusal("Invalid", "Query, header or body break what is described here; each is told in errors.",
                 "invalid-body", "The request is not valid",
                 "The body breaks its schema in 1 place(s); each is in 'errors'."),
    429: Refusal("TooMany", "The caller asks more often than it may; ask again after Retry-After.",
                 "too-many-requests", "Too many requests",
                 "More requests than this caller may send. Ask again in 1 s."),
    431: Refusal("HeadersTooLarge", "The headers are larger than is read here.", "headers-too-large",
                 "The headers are too large", "The headers are larger than 16384 bytes."),
    503: Refusal("NotNow", "It cannot be answered now, nothing was done; ask again after Retry-After.",
                 "not-recorded", "The decision could not be recorded",
                 "The decision could not be recorded, so none is given. Ask again in a moment."),
    504: Refusal("TooLate", "The caller's deadline passed; nothing was decided.", "deadline-exceeded",
                 "Too late", "The deadline of the request passed before it was decided."),
}  # fmt: skip
RETRY = {429, 503}
REQUEST_ID = {
    "X-Request-ID": {
        "description": "The request's id, the caller's own where it was well formed; quote it to us.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"},
    }
}


def responses() -> dict[str, object]:
    """Every refusal as a shared response, by its name."""
    return {refusal.name: _response(status, refusal) for status, refusal in REFUSALS.items()}


def refused(method: str, more: tuple[int, ...]) -> dict[str, object]:
    """The refusals of a route of that method, by status."""
    statuses = sorted({*ALWAYS, *(WITH_BODY if method != "GET" else ()), *more})
    return {str(status): {"$ref": f"#/components/responses/{REFUSALS[status].name}"} for status in statuses}


def _response(status: int, refusal: Refusal) -> dict[str, Any]:
    kinds = sorted({refusal.kind, *(kind for code, kind, _ in KINDS.values() if code == status)})
    example: dict[str, object] = {
        "type": f"urn:bank:problem:{refusal.kind}", "title": refusal.title, "status": status,
        "detail": refusal.detail, "request_id": "a1b2c3",
    }  # fmt: skip
    if status == 422:
        example["errors"] = [{"field": "amount", "problem": "Input should be greater than or equal to 0.01"}]
    return {
        "description": f"{refusal.about} Kinds: {', '.join(kinds)}.",
        "headers": {**REQUEST_ID, **_headers(status)},
        "content": {MEDIA_TYPE: {"schema": shared("Problem"), "example": example}},
    }


def _headers(status: int) -> dict[str, object]:
    if status in RETRY:
        return {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 0}}}
    if status == 401:
        return {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return {}
