"""Scores and decisions: every question as one route, and as a batch of up to a thousand.

These routes are plain ASGI and called by the gate itself: no framework's routing lies on the way of a
question.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from feature_repo.errors import BankError
from serving.api.bodies import (
    Batch,
    Body,
    CreditBody,
    CustomerBody,
    OfferBody,
    RecommendationBody,
    SuitabilityBody,
)
from serving.api.desk import Desk
from serving.api.problems import problem_of
from serving.deciding.scoring import Scored
from serving.errors import UnknownCustomer
from serving.worker.waiting import Question as Asked

QuestionBody = CustomerBody | RecommendationBody | OfferBody | SuitabilityBody | CreditBody
HEADERS = [(b"content-type", b"application/json")]


@dataclass(frozen=True)
class Question:
    """One kind of question: its path, the engine's method, the body it takes."""

    path: str
    method: str
    body: type[QuestionBody]
    summary: str


QUESTIONS = (
    Question(
        "/v1/decisions/next-best-action", "next_best_action", OfferBody, "What to offer a customer next"
    ),
    Question("/v1/decisions/credit", "credit", CreditBody, "Approve, refer or decline an application"),
    Question(
        "/v1/decisions/suitability", "suitability", SuitabilityBody, "May a customer have a product now"
    ),
    Question("/v1/score/segment", "segment", CustomerBody, "The segment a customer belongs to"),
    Question("/v1/score/propensity", "propensity", CustomerBody, "Needs by product family, and churn"),
    Question("/v1/score/credit", "credit_behaviour", CustomerBody, "Default risk of a running loan"),
    Question(
        "/v1/score/recommendation", "recommend", RecommendationBody, "Products a customer is likely to add"
    ),
)


def apps(desk: Desk) -> Mapping[tuple[str, str], ASGIApp]:
    """Every question's route, behind the gate."""
    alone = {("POST", question.path): Alone(desk, question) for question in QUESTIONS}
    many = {("POST", f"{question.path}:batch"): Many(desk, question) for question in QUESTIONS}
    return {**alone, **many}


class Alone:
    """Answers a question about one customer."""

    def __init__(self, desk: Desk, question: Question) -> None:
        self._desk, self._question = desk, question

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or say with a problem why not."""
        try:
            body = await self._answer(scope["state"])
        except (BankError, ValidationError) as error:
            await problem_of(error).response(scope["state"]["request_id"])(scope, receive, send)
        else:
            await _send(body, send)

    async def _answer(self, state: Mapping[str, object]) -> bytes:
        asked = self._question.body.model_validate_json(state["body"])  # type: ignore[arg-type]  # bytes
        [scored] = await _ask(self._desk, self._question, [asked], state)
        if isinstance(scored, UnknownCustomer):
            raise scored
        return scored.body


class Many:
    """Answers a question about up to a thousand customers, a status a row."""

    def __init__(self, desk: Desk, question: Question) -> None:
        self._desk, self._question = desk, question
        self._body: type[Body] = Batch[question.body]  # type: ignore[name-defined]  # made at run time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or say with a problem why not."""
        state = scope["state"]
        try:
            items = self._body.model_validate_json(state["body"]).items  # type: ignore[attr-defined]
            scored = await _ask(self._desk, self._question, items, state)
        except (BankError, ValidationError) as error:
            await problem_of(error).response(state["request_id"])(scope, receive, send)
        else:
            await _send(_rows(scored, state["request_id"]), send)


async def _ask(
    desk: Desk, question: Question, bodies: Sequence[QuestionBody], state: Mapping[str, object]
) -> Sequence[Scored]:
    caller = state["caller"]
    for each in bodies:
        caller.require_customer(each.customer_id)  # type: ignore[attr-defined]  # the gate put a Caller there
    asked = [each.asked() for each in bodies]
    request_id, deadline = str(state["request_id"]), state.get("deadline")
    assert deadline is None or isinstance(deadline, float)
    subject = caller.subject  # type: ignore[attr-defined]  # as above
    return await desk.engine.ask(Asked(question.method, asked, request_id, subject, deadline))


async def _send(body: bytes, send: Send) -> None:
    headers = [*HEADERS, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _rows(scored: Sequence[Scored], request_id: str) -> bytes:
    rows = [
        {"status": 404, "problem": problem_of(each).as_json(request_id)}
        if isinstance(each, UnknownCustomer)
        else {"status": 200, "answer": orjson.Fragment(each.body)}
        for each in scored
    ]
    return orjson.dumps({"request_id": request_id, "items": rows})
