"""What a customer said to an offer: POST /v1/decisions/outcome keeps it once and counts what was accepted."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from crm_rules.errors import DatabaseUnavailable
from crm_rules.offers.catalogue import Offer
from crm_rules.offers.uses import ACCEPTED, Said
from serving.api.bodies import OutcomeBody
from serving.api.desk import Desk, answered, found, parse
from serving.auth import Caller
from serving.deciding import next_best_action
from serving.errors import NoLongerPossible, NotOffered, OutcomesUnavailable


def router(desk: Desk) -> APIRouter:
    """POST /v1/decisions/outcome."""
    routes = APIRouter()

    @routes.post("/v1/decisions/outcome")
    async def outcome(request: Request) -> Response:
        body, caller = parse(request, OutcomeBody), request.state.caller
        return answered(await run_in_threadpool(_kept, desk, caller, body))

    return routes


def _kept(desk: Desk, caller: Caller, body: OutcomeBody) -> dict[str, object]:
    """The answer kept; said again it stands as it was, whatever the offer has become since."""
    _, record = found(desk, caller, body.decision_id)
    if record["use_case"] != next_best_action.USE_CASE or body.offer_id not in record["outcome"]:
        raise NotOffered(body.offer_id, body.decision_id)
    at = desk.engine.now().isoformat()
    said = Said(body.decision_id, body.offer_id, str(record["customer_id"]), body.outcome, at)
    try:
        if body.outcome == ACCEPTED and desk.uses.answer(body.decision_id, body.offer_id) is None:
            _require_possible(desk, record, body.offer_id)
        new = desk.uses.say(said, _offer(desk, body.offer_id))
    except DatabaseUnavailable as error:
        raise OutcomesUnavailable(error.problem) from error
    told = {"decision_id": body.decision_id, "offer_id": body.offer_id, "outcome": body.outcome}
    return {**told, "recorded": new}


def _offer(desk: Desk, offer_id: str) -> Offer | None:
    """The offer as the release that is served now has it; None where it has none of that id."""
    offers = desk.engine.scorer.loaded.rulebook.offers
    return offers.entries[offers.place[offer_id]] if offer_id in offers.place else None


def _require_possible(desk: Desk, record: dict[str, Any], offer_id: str) -> None:
    """NoLongerPossible when the offer may not be made any more: rated anew, expired, stopped, withdrawn."""
    codes = desk.engine.against(str(record["customer_id"]), offer_id)
    if codes:
        raise NoLongerPossible(offer_id, codes)
