"""A customer's points: the account with its expiries, and spending, once for each key."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from crm_rules.errors import BrokenChain, BrokenHead, DatabaseUnavailable
from serving.api.bodies import CustomerBody, RedeemBody
from serving.api.desk import Desk, answered, parse
from serving.api.gate import Refused
from serving.api.problems import invalid
from serving.errors import LedgerUnavailable

KEY = re.compile(r"[A-Za-z0-9_.:-]{8,100}")


def router(desk: Desk) -> APIRouter:
    """The loyalty routes."""
    routes = APIRouter()

    @routes.post("/v1/loyalty/account")
    async def account(request: Request) -> Response:
        customer_id = parse(request, CustomerBody).customer_id
        with _usable():
            return answered(await run_in_threadpool(_account, desk, customer_id))

    @routes.post("/v1/loyalty/redeem")
    async def redeem(request: Request) -> Response:
        body, key = parse(request, RedeemBody), _key(request)
        with _usable():
            return answered(await run_in_threadpool(_redeem, desk, body, key))

    return routes


@contextmanager
def _usable() -> Iterator[None]:
    """A full disk or a lock that does not end is LedgerUnavailable: 503, and nothing was booked."""
    try:
        yield
    except (DatabaseUnavailable, BrokenChain, BrokenHead, OSError) as error:
        raise LedgerUnavailable("of this service", str(error)) from error


def _account(desk: Desk, customer_id: str) -> dict[str, object]:
    balance = desk.ledger.balance(customer_id, desk.engine.now())
    schedule = [{"points": lot.points, "expires_at": lot.expires_at.isoformat()} for lot in balance.schedule]
    return {
        "customer_id": customer_id,
        "points": balance.points,
        "owed": balance.owed,
        "schedule": schedule,
        "policy": desk.policy.version,
    }


def _redeem(desk: Desk, body: RedeemBody, key: str) -> dict[str, object]:
    done = desk.ledger.redeem(body.customer_id, body.points, key, desk.engine.now(), desk.policy.loyalty)
    return {
        "customer_id": done.customer_id,
        "points": done.points,
        "at": done.at.isoformat(),
        "lots": [{"lot": lot, "points": points} for lot, points in done.lots],
    }


def _key(request: Request) -> str:
    given = request.headers.getlist("idempotency-key")
    if len(given) != 1 or not KEY.fullmatch(given[0]):
        raise Refused(invalid("Send one Idempotency-Key header of 8 to 100 letters, digits or _.:- ."))
    return given[0]
