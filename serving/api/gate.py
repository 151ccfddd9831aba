"""The gate before every endpoint: route table, token, rate, media type, body limit, deadline, request id.

It is plain ASGI and reads the body itself, within its limit and a few seconds; what comes through is
listed, authorised, small, and JSON without repeated keys. It stands in front of every request, so it
looks at each header once and makes no object a good request does not need.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Container, Mapping
from datetime import datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from feature_repo.errors import BankError
from serving.api.head import Head, Refused, read_head, too_large
from serving.api.problems import Problem, invalid, problem_of
from serving.api.rates import Rates
from serving.auth import Caller, TokenCheck

__all__ = ["Gate", "Refused"]

LIMIT, BATCH_LIMIT = 64 * 1024, 1024 * 1024
MOST_QUERY = 1_024
BODY_SECONDS = 5.0
SECURITY = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
OURS = frozenset({name for name, _ in SECURITY} | {b"server", b"x-request-id"})
Route = tuple[str, str]
Routes = Mapping[Route, str]
log = logging.getLogger("bank.serving")


class Gate:
    """Wraps an ASGI app; `routes` names every route and its scope, all else is refused.

    `open_routes` are let through without a token: health checks, nothing more. `hot` routes are answered
    by apps of their own, once they are admitted and their body is read. What comes through finds in its
    state: request_id, caller, body, head, `deadline` (of `clock`, in seconds, or None) and `trace` (or None).
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Routes,
        check: TokenCheck,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        open_routes: Container[Route] = (),
        rates: Rates | None = None,
        hot: Mapping[Route, ASGIApp] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app, self._routes, self._check, self._open = app, routes, check, open_routes
        self._now, self._new_id, self._rates, self._clock = now, new_id, rates, clock
        self._hot = dict(hot or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with a problem."""
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        head, route = read_head(scope["headers"]), (scope["method"], scope["path"])
        request_id = head.request_id or self._new_id()
        answer = _Answer(send, request_id)
        if route in self._open:
            await self._through(self._app, scope, receive, answer)
            return
        try:
            state = self._admit(route, scope, head)
            body = await _body(route, head, receive)
        except Refused as refused:
            await refused.problem.response(request_id)(scope, receive, answer.send)
            return
        except BankError as error:
            await problem_of(error).response(request_id)(scope, receive, answer.send)
            return
        scope["state"] = {**scope.get("state", {}), **state, "request_id": request_id, "body": body}
        await self._through(self._hot.get(route, self._app), scope, _Replay(body, receive), answer)

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Start and stop go through; nothing here speaks WebSocket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    def _admit(self, route: Route, scope: Scope, head: Head) -> dict[str, object]:
        """What is known of an admitted request; Refused or BankError otherwise."""
        head.require_sane()
        needed = self._routes.get(route)
        if needed is None or b"%" in scope.get("raw_path", b""):  # a route has one spelling
            raise Refused(self._no_such(route))
        caller = self._check.caller(head.token, self._now())
        now = self._clock()
        if self._rates is not None:
            _require_rate(self._rates, caller, now)
        caller.require(needed)
        if len(scope["query_string"]) > MOST_QUERY:
            raise Refused(invalid(f"The query is longer than {MOST_QUERY} bytes."))
        wait = head.wait_ms()
        deadline = None if wait is None else now + wait / 1000
        return {"caller": caller, "deadline": deadline, "trace": head.trace, "head": head}

    def _no_such(self, route: Route) -> Problem:
        method, path = route
        methods = sorted(known for known, found in self._routes if found == path)
        if not methods or method in methods:
            return Problem(404, "no-such-route", "No such route", "See /openapi.json for the routes.")
        allow = ", ".join(methods)
        return Problem(405, "method", "Wrong method", f"This route takes {allow}.", headers={"Allow": allow})

    async def _through(self, app: ASGIApp, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            await app(scope, receive, answer.send)
        except Exception as error:
            trace = scope.get("state", {}).get("trace")
            log.exception("request %s failed (trace %s)", answer.request_id, trace or "none")
            if not answer.started:
                await problem_of(error).response(answer.request_id)(scope, receive, answer.send)


class _Answer:
    """Sends an answer with the headers every answer has, and knows whether it has begun."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self.request_id, self.started = send, request_id, False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            theirs = [header for header in message.get("headers", ()) if header[0].lower() not in OURS]
            if not any(name == POLICY[0] for name, _ in theirs):  # a page names its own style
                theirs.append(POLICY)
            ours = (b"x-request-id", self.request_id.encode("ascii"))
            message["headers"] = [*theirs, *SECURITY, ours]
        await self._send(message)


class _Replay:
    """Gives an app the body that was read, once; then what the connection says, its end."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


def _require_rate(rates: Rates, caller: Caller, now: float) -> None:
    who = caller.subject if caller.customer is None else f"{caller.subject}\n{caller.customer}"
    if wait := rates.wait(who, now):
        detail = f"More requests than this caller may send. Ask again in {wait} s."
        headers = {"Retry-After": str(wait)}
        raise Refused(Problem(429, "too-many-requests", "Too many requests", detail, headers=headers))


async def _body(route: Route, head: Head, receive: Receive) -> bytes:
    method, path = route
    limit = BATCH_LIMIT if path.endswith((":batch", "/events")) else LIMIT
    if method != "GET":
        head.require_json()
    head.require_length(limit)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _whole(receive, limit)
    except TimeoutError:
        detail = f"The body did not arrive within {BODY_SECONDS:.0f} s. Send it again, at once."
        headers = {"Connection": "close"}
        raise Refused(Problem(408, "slow-body", "The body is too slow", detail, headers=headers)) from None
    if method == "GET":
        return b""
    if body.count(b":") != 1:  # one member cannot come twice
        _require_unique_keys(body)
    return body


async def _whole(receive: Receive, limit: int) -> bytes:
    message = await receive()
    body: bytes | bytearray = message.get("body", b"")
    if message.get("more_body", False):
        body = bytearray(body)
    while message.get("more_body", False) and len(body) <= limit:
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise Refused(invalid("The body ended early."))
    if len(body) > limit:
        raise Refused(too_large(limit))
    return bytes(body)


def _require_unique_keys(body: bytes) -> None:
    try:
        STRICT.decode(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        detail = str(error) if isinstance(error, _Repeated) else "The body is not JSON."
        raise Refused(invalid(detail)) from error


class _Repeated(ValueError):
    """A JSON object holds a key twice, so that readers could differ about its value."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Repeated("A key occurs twice in one object of the body.")
    return found


STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_int=str, parse_float=str)  # made once: it is slow
