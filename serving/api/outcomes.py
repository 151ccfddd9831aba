"""What a customer said to an offer: POST /v1/decisions/outcome keeps it once and counts what was accepted."""

from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from crm_rules.errors import DatabaseUnavailable
from crm_rules.offers.uses import ACCEPTED, Said
from serving import next_best_action
from serving.api.bodies import OutcomeBody
from serving.api.desk import Desk, answered, parse, takes
from serving.errors import NoLongerPossible, NotOffered, OutcomesUnavailable


def router(desk: Desk) -> APIRouter:
    """POST /v1/decisions/outcome."""
    routes = APIRouter()

    @routes.post(
        "/v1/decisions/outcome",
        summary="What the customer said to an offer; said again, it counts once",
        openapi_extra=takes(OutcomeBody.model_json_schema()),
    )
    async def outcome(request: Request) -> Response:
        return answered(await run_in_threadpool(_kept, desk, parse(request, OutcomeBody)))

    return routes


def _kept(desk: Desk, body: OutcomeBody) -> dict[str, object]:
    record = orjson.loads(desk.find(body.decision_id))
    offers = desk.engine.scorer.loaded.rulebook.offers
    if record["use_case"] != next_best_action.USE_CASE or body.offer_id not in record["outcome"]:
        raise NotOffered(body.offer_id, body.decision_id)
    if body.outcome == ACCEPTED:
        _require_possible(desk, record, body.offer_id)
    at = desk.engine.now().isoformat()
    said = Said(body.decision_id, body.offer_id, str(record["customer_id"]), body.outcome, at)
    try:
        new = desk.uses.say(said, offers.entries[offers.place[body.offer_id]])
    except DatabaseUnavailable as error:
        raise OutcomesUnavailable(error.problem) from error
    told = {"decision_id": body.decision_id, "offer_id": body.offer_id, "outcome": body.outcome}
    return {**told, "recorded": new}


def _require_possible(desk: Desk, record: dict[str, Any], offer_id: str) -> None:
    """NoLongerPossible when the offer may not be made any more: rated anew, expired, stopped, withdrawn."""
    codes = desk.engine.against(str(record["customer_id"]), offer_id)
    if codes:
        raise NoLongerPossible(offer_id, codes)
