"""Asking for a person: POST /v1/decisions/review opens a review or an appeal, once."""

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.api.bodies import ReviewBody
from serving.api.desk import Desk, found, in_language, parse
from serving.api.told_case import told
from serving.auth import Caller


def router(desk: Desk) -> APIRouter:
    """POST /v1/decisions/review."""
    routes = APIRouter()

    @routes.post("/v1/decisions/review")
    async def review(request: Request) -> Response:
        body, caller = parse(request, ReviewBody), request.state.caller
        return in_language(request, await run_in_threadpool(_review, desk, caller, body))

    return routes


def _review(desk: Desk, caller: Caller, body: ReviewBody) -> dict[str, object]:
    _, record = found(desk, caller, body.decision_id)
    case, new = desk.cases.review(record, body.wishes(), desk.engine.now(), desk.policy)
    return {"decision_id": body.decision_id, "opened": new, "case": told(case)}
