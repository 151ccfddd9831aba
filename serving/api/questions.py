"""Scores and decisions: every question as one route, and as a batch of up to a thousand."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.api.bodies import (
    Batch,
    Body,
    CreditBody,
    CustomerBody,
    OfferBody,
    RecommendationBody,
    SuitabilityBody,
    batch_schema,
)
from serving.api.desk import Desk, answered, parse, takes
from serving.api.problems import problem_of
from serving.deciding.records import Request as Asked
from serving.deciding.scoring import Scored
from serving.errors import UnknownCustomer


@dataclass(frozen=True)
class Question:
    """One kind of question: its path, the engine's method, the body it takes."""

    path: str
    method: str
    body: type[CustomerBody | RecommendationBody | OfferBody | SuitabilityBody | CreditBody]
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


def router(desk: Desk) -> APIRouter:
    """The routes of every question."""
    routes = APIRouter()
    for question in QUESTIONS:
        _add_single(routes, desk, question)
        _add_batch(routes, desk, question)
    return routes


def _add_single(routes: APIRouter, desk: Desk, question: Question) -> None:
    async def single(request: Request) -> Response:
        asked = parse(request, question.body).asked()
        [scored] = await _ask(desk, question, [asked], request)
        if isinstance(scored, UnknownCustomer):
            raise scored
        return answered(scored.body)

    schema = takes(question.body.model_json_schema())
    routes.add_api_route(
        question.path, single, methods=["POST"], summary=question.summary, openapi_extra=schema,
        operation_id=question.path.removeprefix("/v1/").replace("/", "-"),
    )  # fmt: skip


def _add_batch(routes: APIRouter, desk: Desk, question: Question) -> None:
    kind: type[Body] = Batch[question.body]  # type: ignore[name-defined]  # a class made at run time

    async def batch(request: Request) -> Response:
        items = parse(request, kind).items  # type: ignore[attr-defined]  # Batch has items
        scored = await _ask(desk, question, [item.asked() for item in items], request)
        return answered(_rows(scored, request.state.request_id))

    schema = takes(batch_schema(question.body))
    routes.add_api_route(
        f"{question.path}:batch", batch, methods=["POST"], summary=f"{question.summary}, for many",
        openapi_extra=schema, operation_id=question.path.removeprefix("/v1/").replace("/", "-") + "-batch",
    )  # fmt: skip


async def _ask(desk: Desk, question: Question, asked: Sequence[Asked], request: Request) -> Sequence[Scored]:
    state = request.state
    return await run_in_threadpool(
        desk.engine.answer, question.method, asked, state.request_id, state.caller.subject
    )


def _rows(scored: Sequence[Scored], request_id: str) -> bytes:
    rows = [
        {"status": 404, "problem": problem_of(each).as_json(request_id)}
        if isinstance(each, UnknownCustomer)
        else {"status": 200, "answer": orjson.Fragment(each.body)}
        for each in scored
    ]
    return orjson.dumps({"request_id": request_id, "items": rows})
