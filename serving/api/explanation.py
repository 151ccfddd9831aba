"""GET /v1/decisions/explanation: why a decision came out as it did, and what can be done about it."""

from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.api.desk import Desk, found, in_language
from serving.api.records import asked_id
from serving.auth import Caller
from serving.deciding.explaining import Explained
from serving.deciding.loaded import Loaded
from serving.errors import NotReplayable


def router(desk: Desk) -> APIRouter:
    """GET /v1/decisions/explanation?decision_id=..."""
    routes = APIRouter()

    @routes.get("/v1/decisions/explanation")
    async def explanation(request: Request) -> Response:
        told = await run_in_threadpool(_explained, desk, request.state.caller, asked_id(request))
        return in_language(request, told)

    return routes


def _explained(desk: Desk, caller: Caller, decision_id: str) -> dict[str, object]:
    payload, record = found(desk, caller, decision_id)
    loaded, answer, replay = _made_again(desk, payload, record)
    days = desk.policy.lending.notice.appeal_days
    told = Explained(record, answer, loaded, days, desk.engine.now()).told()
    return {**told, "replay": replay}


def _made_again(
    desk: Desk, payload: bytes, record: dict[str, Any]
) -> tuple[Loaded, dict[str, Any] | None, str]:
    """The release that made the decision with its answer; the one in service and None when it is gone."""
    current = desk.engine.scorer.loaded
    try:
        replay = desk.archive.replay(payload, current)
        loaded = desk.archive.release(record, current)
    except NotReplayable:
        return current, None, "another release made it"
    return loaded, orjson.loads(replay.body), "identical" if replay.same else "different"
