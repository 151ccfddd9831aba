"""Looking a decision up: what was decided, why, and whether it still computes to the same bytes."""

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from monitoring.errors import UnknownDecision
from serving.api.desk import Desk, answered
from serving.errors import NotReplayable

TOLD = (
    "decision_id", "request_id", "customer_id", "at", "use_case", "release", "parts", "policy", "request",
    "degraded", "scores", "outcome", "rules", "selection_probability", "automation",
)  # fmt: skip
MOST_ID = 64


def router(desk: Desk) -> APIRouter:
    """GET /v1/decisions?decision_id=..."""
    routes = APIRouter()

    @routes.get("/v1/decisions", summary="One decision from the log, computed again")
    async def decision(request: Request) -> Response:
        return answered(await run_in_threadpool(_told, desk, _asked_id(request)))

    return routes


def _asked_id(request: Request) -> str:
    given = request.query_params.multi_items()
    if len(given) != 1 or given[0][0] != "decision_id" or not 1 <= len(given[0][1]) <= MOST_ID:
        raise UnknownDecision(request.query_params.get("decision_id", ""))
    return given[0][1]


def _told(desk: Desk, decision_id: str) -> dict[str, object]:
    payload = desk.find(decision_id)
    record = orjson.loads(payload)
    told = {name: record[name] for name in TOLD if name in record}
    try:
        replay = desk.archive.replay(payload, desk.engine.scorer.loaded)
    except NotReplayable:
        return {"decision": told, "answer": None, "replay": "another release made it"}
    return {
        "decision": told,
        "answer": orjson.Fragment(replay.body),
        "replay": "identical" if replay.same else "different",
    }
