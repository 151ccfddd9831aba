"""Asking for a person: POST /v1/decisions/review opens a review or an appeal, once."""

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.api.bodies import ReviewBody
from serving.api.desk import Desk, in_language, parse
from serving.api.told_case import told


def router(desk: Desk) -> APIRouter:
    """POST /v1/decisions/review."""
    routes = APIRouter()

    @routes.post("/v1/decisions/review")
    async def review(request: Request) -> Response:
        return in_language(request, await run_in_threadpool(_review, desk, parse(request, ReviewBody)))

    return routes


def _review(desk: Desk, body: ReviewBody) -> dict[str, object]:
    record = orjson.loads(desk.find(body.decision_id))
    case, new = desk.cases.review(record, body.wishes(), desk.engine.now(), desk.policy)
    return {"decision_id": body.decision_id, "opened": new, "case": told(case)}
