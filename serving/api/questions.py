"""Scores and decisions: every question as one route, and as a batch of up to a thousand.

These routes are plain ASGI and called by the gate itself: no framework's routing lies on the way of a
question.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.responses import Response
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
from serving.api.head import Head, Refused
from serving.api.language import localised
from serving.api.once import Told, once, told
from serving.api.problems import problem_of
from serving.auth import Caller
from serving.deciding.scoring import Scored
from serving.errors import UnknownCustomer
from serving.worker.waiting import Question as Asked

QuestionBody = CustomerBody | RecommendationBody | OfferBody | SuitabilityBody | CreditBody
HEADERS = [(b"content-type", b"application/json"), (b"vary", b"Accept-Language")]


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
        state = scope["state"]
        try:
            body = self._question.body.model_validate_json(state["body"])
            [told] = await _answers(self._desk, self._question, self._question.path, [body], state)
            if isinstance(told, UnknownCustomer):
                raise told
        except (BankError, ValidationError, Refused) as error:
            await _problem(error, state["request_id"])(scope, receive, send)
        else:
            await _send(told, state["head"], send)


class Many:
    """Answers a question about up to a thousand customers, a status a row."""

    def __init__(self, desk: Desk, question: Question) -> None:
        self._desk, self._question, self._path = desk, question, f"{question.path}:batch"
        self._body: type[Body] = Batch[question.body]  # type: ignore[name-defined]  # made at run time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or say with a problem why not."""
        state = scope["state"]
        try:
            items = self._body.model_validate_json(state["body"]).items  # type: ignore[attr-defined]
            told = await _answers(self._desk, self._question, self._path, items, state)
        except (BankError, ValidationError, Refused) as error:
            await _problem(error, state["request_id"])(scope, receive, send)
        else:
            await _send(_rows(told, state["request_id"]), state["head"], send)


async def _answers(
    desk: Desk, question: Question, route: str, bodies: Sequence[QuestionBody], state: Mapping[str, Any]
) -> Sequence[Told]:
    """The sealed answers: a sandbox customer's, those of a key that came before, or new decisions."""
    caller: Caller = state["caller"]
    for each in bodies:
        caller.require_customer(each.customer_id)
    asked = [each.asked() for each in bodies]
    if desk.sandbox is not None and (kept := desk.sandbox.answers(question.path, asked)) is not None:
        return kept

    async def ask(ids: Sequence[str] | None) -> Sequence[Scored]:
        wanted = Asked(question.method, asked, state["request_id"], caller.subject, state["deadline"], ids)
        return await desk.engine.ask(wanted)

    keyed = once(desk, route, state["head"], state["body"], caller, asked)
    return await keyed.answers(ask) if keyed else told(await ask(None))


async def _send(body: bytes, head: Head, send: Send) -> None:
    headers = HEADERS
    if (language := head.language) is not None:
        body, headers = localised(body, language), [*HEADERS, (b"content-language", language.encode())]
    start = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": start})
    await send({"type": "http.response.body", "body": body})


def _problem(error: Exception, request_id: str) -> Response:
    problem = error.problem if isinstance(error, Refused) else problem_of(error)
    return problem.response(request_id)


def _rows(told: Sequence[Told], request_id: str) -> bytes:
    rows = [
        {"status": 404, "problem": problem_of(each).as_json(request_id)}
        if isinstance(each, UnknownCustomer)
        else {"status": 200, "answer": orjson.Fragment(each)}
        for each in told
    ]
    return orjson.dumps({"request_id": request_id, "items": rows})
