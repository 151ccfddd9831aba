"""GET /v1/decisions/explanation: why a decision came out as it did, and what can be done about it."""

from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.api.desk import Desk, in_language
from serving.api.records import asked_id
from serving.deciding.explaining import Explained
from serving.deciding.loaded import Loaded
from serving.errors import NotReplayable


def router(desk: Desk) -> APIRouter:
    """GET /v1/decisions/explanation?decision_id=..."""
    routes = APIRouter()

    @routes.get("/v1/decisions/explanation")
    async def explanation(request: Request) -> Response:
        return in_language(request, await run_in_threadpool(_explained, desk, asked_id(request)))

    return routes


def _explained(desk: Desk, decision_id: str) -> dict[str, object]:
    payload = desk.find(decision_id)
    record: dict[str, Any] = orjson.loads(payload)
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
