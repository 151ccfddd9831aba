"""The service with two routes more that do nothing: what every other route is held against.

`/v1/empty` is an endpoint of the application like any other, `/v1/empty-raw` is answered by the gate itself,
as questions are. Both pass the same gate, with the same token.
"""

from collections.abc import Mapping
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serving import auth
from serving.api.desk import Desk, answered
from serving.bootstrap import worker as bootstrap
from tests.benchmarks.load import EMPTY, RAW

NOTHING = b'{"nothing":true}'
routes = cast(dict[tuple[str, str], auth.Scope], auth.ROUTES)
routes[("POST", EMPTY)] = routes[("POST", RAW)] = auth.Scope.DECIDE
endpoints, apps = bootstrap.endpoints, bootstrap.apps


def with_empty(desk: Desk) -> FastAPI:
    app = endpoints(desk)

    @app.post(EMPTY)
    async def empty(request: Request) -> Response:
        return answered(NOTHING)

    return app


async def raw(scope: Scope, receive: Receive, send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(NOTHING)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": NOTHING})


def with_raw(desk: Desk) -> Mapping[tuple[str, str], ASGIApp]:
    return {**apps(desk), ("POST", RAW): raw}


changed: Any = bootstrap
changed.endpoints, changed.apps = with_empty, with_raw

from serving.service import BankService  # noqa: E402  # built with the two routes

__all__ = ["BankService"]
