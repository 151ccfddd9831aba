"""Events at run time: POST /v1/events keeps them durably, in order, and says of each what became of it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from feature_repo.live.events import PUSHED, Event, Refused, read_json, read_row
from feature_repo.raw.contracts import BY_NAME, Column, Kind, Table
from serving.api import gate
from serving.api.bodies import MOST_ITEMS, Body
from serving.api.desk import Desk, answered
from serving.api.loyalty import KEY
from serving.api.problems import Problem, invalid
from serving.worker.inbox import Given, Sent

MONEY = r"^[+-]?\d{1,16}(\.\d{1,2})?$"
OURS = "recorded_at"  # when the bank knew is the bank's to say
JSON_TYPES: Mapping[Kind, Mapping[str, object]] = {
    Kind.ID: {"type": "string", "minLength": 1, "maxLength": 200},
    Kind.CODE: {"type": "string", "minLength": 1, "maxLength": 200},
    Kind.TEXT: {"type": "string", "minLength": 1, "maxLength": 200},
    Kind.MONEY: {"type": ["string", "number"], "pattern": MONEY},
    Kind.NUMBER: {"type": "number"},
    Kind.INTEGER: {"type": "integer"},
    Kind.FLAG: {"type": "boolean"},
    Kind.TIME: {"type": "string", "format": "date-time"},
}


class EventsBody(Body):
    """Up to a thousand events, each a row of a raw table; what a row may hold its contract says."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    events: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_ITEMS)]


def router(desk: Desk) -> APIRouter:
    """POST /v1/events."""
    routes = APIRouter()

    @routes.post("/v1/events")
    async def events(request: Request) -> Response:
        request.state.caller.require_customer(None)  # no customer tells the bank what happened
        return answered(await run_in_threadpool(_kept, desk, request))

    return routes


def _kept(desk: Desk, request: Request) -> bytes:
    """Each event read by its contract; those that are events are durable when this returns."""
    state, now = request.state, desk.engine.now()
    body = EventsBody.model_validate(_parsed(state.body))
    read = [_read(line, said, now) for line, said in enumerate(body.events)]
    events = [one for one in read if isinstance(one, Event)]
    sent = Sent(events, state.caller.subject, state.request_id, _key(request), state.body)
    given = desk.inbox.put(sent, now) if events or sent.key else {}
    items = [_item(one, given.get(line), state.request_id) for line, one in enumerate(read)]
    return orjson.dumps({"request_id": state.request_id, "items": items})


def _parsed(body: bytes) -> Any:
    """The body with exact numbers; Refused when it is no JSON."""
    try:
        return read_json(body)
    except (ValueError, RecursionError) as error:
        raise gate.Refused(invalid("The body is not JSON.")) from error


def _read(line: int, said: Mapping[str, Any], now: Any) -> Event | Refused:
    if OURS in said:
        return Refused(line, OURS, "not the caller's", "the bank says when it knew; leave it out")
    read = read_row(line, said, now)
    if isinstance(read, Event) and (missing := lacking(read)):
        return Refused(line, missing, "null", "a column of the key is missing")
    return read


def lacking(event: Event) -> str | None:
    """The first column of its key that an event does not give; a version's `valid_from` may be left out."""
    return next((c for c in event.table.key if c != "valid_from" and c not in event.values), None)


def _item(read: Event | Refused, given: Given | None, request_id: str) -> dict[str, object]:
    if given is not None:
        result = (
            {"result": "repeated", "status": 200} if given.repeated else {"result": "accepted", "status": 202}
        )
        return {**result, "number": given.number}
    if isinstance(read, Event):  # another answer was given to it under this key: its time had not come
        read = Refused(
            read.line, "", "refused before", "it was refused when this Idempotency-Key was first used"
        )
    error = {"field": read.column or "(event)", "problem": f"{read.value_class}: {read.reason}"}
    problem = Problem(422, "invalid-event", "The event is not valid", read.reason, [error])
    return {"result": "refused", "status": 422, "problem": problem.as_json(request_id)}


def _key(request: Request) -> str:
    given: Sequence[str] = request.headers.getlist("idempotency-key")
    if not given:
        return ""
    if len(given) != 1 or not KEY.fullmatch(given[0]):
        raise gate.Refused(
            invalid("One Idempotency-Key header of 8 to 100 letters, digits or _.:- , or none.")
        )
    return given[0]


def events_schema() -> dict[str, object]:
    """The JSON Schema of the body, made of the raw tables' contracts."""
    items = {"oneOf": [_event_schema(BY_NAME[table]) for table in PUSHED]}
    return {
        "type": "object",
        "properties": {
            "events": {"type": "array", "minItems": 1, "maxItems": MOST_ITEMS, "items": items},
        },
        "required": ["events"],
        "additionalProperties": False,
    }  # fmt: skip


def _event_schema(table: Table) -> dict[str, object]:
    columns = {c.name: _column_schema(c) for c in table.columns if c.name != OURS}
    return {
        "type": "object",
        "title": table.name,
        "properties": {"table": {"const": table.name}, **columns},
        "required": ["table", *(column for column in table.key if column != "valid_from")],
        "additionalProperties": False,
    }


def _column_schema(column: Column) -> dict[str, object]:
    bounds = {"minimum": column.least, "maximum": column.most}
    found = dict(JSON_TYPES[column.kind]) | {
        name: value for name, value in bounds.items() if value is not None
    }
    return found | ({"enum": list(column.allowed)} if column.allowed else {})
