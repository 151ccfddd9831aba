"""What endpoints work with, and how they read a request and write an answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from crm_rules.loyalty.ledger import Ledger
from crm_rules.offers.uses import OfferUses
from crm_rules.policy import Policy
from monitoring.errors import UnknownDecision
from serving.api.bodies import Body
from serving.api.language import language_of, localised
from serving.api.sandbox import Sandbox
from serving.auth import Caller
from serving.deciding.archive import Archive
from serving.worker.case_room import CaseRoom
from serving.worker.engine import Engine
from serving.worker.inbox import Inbox
from serving.worker.keyring import Keyring

Parsed = TypeVar("Parsed", bound=Body)
JSON = "application/json"
VARY = {"Vary": "Accept-Language"}


@dataclass(frozen=True)
class Desk:
    """The parts of the service behind its endpoints.

    `find` returns a decision's payload by id, `archive` computes it again, `cases` holds what people decide,
    `uses` what customers said to offers, `inbox` the events that wait for the writer; `following` is what
    /v1/status tells about switches of the release, stop switches, tokens and events. `sandbox` answers about
    sandbox customers, where there are any; `keyring` keeps idempotency keys.
    """

    engine: Engine
    ledger: Ledger
    find: Callable[[str], bytes]
    archive: Archive
    cases: CaseRoom
    uses: OfferUses
    inbox: Inbox
    following: Callable[[], Mapping[str, object]] = dict
    sandbox: Sandbox | None = None
    keyring: Keyring | None = None

    @property
    def policy(self) -> Policy:
        """The policy in force now of the release that is served now."""
        return self.engine.serving.policy(self.engine.now())


def found(desk: Desk, caller: Caller, decision_id: str) -> tuple[bytes, dict[str, Any]]:
    """A decision's payload and what it says; UnknownDecision for one about somebody else, as if not there."""
    payload = desk.find(decision_id)
    record: dict[str, Any] = orjson.loads(payload)
    if not caller.may_ask_about(record["customer_id"]):
        raise UnknownDecision(decision_id)
    return payload, record


def parse(request: Request, kind: type[Parsed]) -> Parsed:
    """The body, checked; pydantic's ValidationError becomes a 422, another customer's id OtherCustomer."""
    body = kind.model_validate_json(request.state.body)
    caller: Caller = request.state.caller
    if caller.customer is not None:
        for each in getattr(body, "items", (body,)):
            if hasattr(each, "customer_id"):
                caller.require_customer(each.customer_id)
    return body


def in_language(request: Request, told: Mapping[str, object]) -> Response:
    """A JSON answer with its texts in the language of Accept-Language, in both without it."""
    language = language_of(request.headers.get("accept-language"))
    body = orjson.dumps(told)
    if language is None:
        return Response(body, media_type=JSON, headers=VARY)
    headers = {**VARY, "Content-Language": language}
    return Response(localised(body, language), media_type=JSON, headers=headers)


def answered(body: bytes | Mapping[str, object]) -> Response:
    """A JSON answer."""
    return Response(body if isinstance(body, bytes) else orjson.dumps(body), media_type=JSON)
