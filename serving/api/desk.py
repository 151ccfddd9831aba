"""What endpoints work with, and how they read a request and write an answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from crm_rules.loyalty.ledger import Ledger
from crm_rules.offers.uses import OfferUses
from crm_rules.policy import Policy
from serving.api.bodies import Body
from serving.deciding.archive import Archive
from serving.worker.case_room import CaseRoom
from serving.worker.engine import Engine
from serving.worker.inbox import Inbox

Parsed = TypeVar("Parsed", bound=Body)
JSON = "application/json"


@dataclass(frozen=True)
class Desk:
    """The parts of the service behind its endpoints.

    `find` returns a decision's payload by id, `archive` computes it again, `cases` holds what people decide,
    `uses` what customers said to offers, `inbox` the events that wait for the writer; `following` is what
    /v1/status tells about switches of the release, stop switches and events.
    """

    engine: Engine
    ledger: Ledger
    find: Callable[[str], bytes]
    archive: Archive
    cases: CaseRoom
    uses: OfferUses
    inbox: Inbox
    following: Callable[[], Mapping[str, object]] = dict

    @property
    def policy(self) -> Policy:
        """The policy in force now of the release that is served now."""
        return self.engine.serving.policy(self.engine.now())


def parse(request: Request, kind: type[Parsed]) -> Parsed:
    """The body, checked; pydantic's ValidationError becomes a 422."""
    return kind.model_validate_json(request.state.body)


def answered(body: bytes | Mapping[str, object]) -> Response:
    """A JSON answer."""
    return Response(body if isinstance(body, bytes) else orjson.dumps(body), media_type=JSON)


def takes(schema: Mapping[str, object]) -> dict[str, object]:
    """The OpenAPI words for a JSON body of that schema."""
    return {"requestBody": {"required": True, "content": {JSON: {"schema": dict(schema)}}}}
