"""Looking a decision up: what was decided, why, whether it computes to the same bytes, what a person did."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from crm_rules.governance.plain import plain
from monitoring.errors import UnknownDecision
from serving.api.desk import Desk, found, in_language
from serving.api.told_case import told as told_case
from serving.api.told_case import told_of_referral
from serving.auth import Caller
from serving.errors import CasesUnavailable, NotReplayable

TOLD = (
    "decision_id", "request_id", "customer_id", "at", "use_case", "release", "parts", "policy", "request",
    "degraded", "scores", "outcome", "rules", "selection_probability", "automation",
)  # fmt: skip
MOST_ID = 64


def router(desk: Desk) -> APIRouter:
    """GET /v1/decisions?decision_id=..."""
    routes = APIRouter()

    @routes.get("/v1/decisions")
    async def decision(request: Request) -> Response:
        told = await run_in_threadpool(_told, desk, request.state.caller, asked_id(request))
        return in_language(request, told)

    return routes


def asked_id(request: Request) -> str:
    """The decision a query names; UnknownDecision where it is no id, or not the whole query."""
    given = request.query_params.multi_items()
    asked = request.query_params.get("decision_id", "")
    if given != [("decision_id", asked)] or not 1 <= len(asked) <= MOST_ID or not plain(asked):
        raise UnknownDecision(asked)
    return asked


def _case(desk: Desk, record: Mapping[str, Any]) -> dict[str, object] | None:
    """The newest case of the decision; while the case store cannot be used its state is unknown."""
    try:
        return told_case(desk.cases.of(str(record["decision_id"]))) or told_of_referral(record)
    except CasesUnavailable:
        return {"state": "unknown"}


def _told(desk: Desk, caller: Caller, decision_id: str) -> dict[str, object]:
    payload, record = found(desk, caller, decision_id)
    told = {name: record[name] for name in TOLD if name in record}
    case = _case(desk, record)
    try:
        replay = desk.archive.replay(payload, desk.engine.scorer.loaded)
    except NotReplayable:
        return {"decision": told, "case": case, "answer": None, "replay": "another release made it"}
    return {
        "decision": told,
        "case": case,
        "answer": orjson.Fragment(replay.body),
        "replay": "identical" if replay.same else "different",
    }
