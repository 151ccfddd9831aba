"""The gate before every endpoint: route table, token, media type, body limit, request id.

It is plain ASGI and reads the body itself, within its limit; what comes through is listed,
authorised, small, and JSON without repeated keys.
"""

import json
import logging
import re
from collections.abc import Callable, Container, Mapping
from datetime import datetime

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from feature_repo.errors import BankError
from serving.api.problems import Problem, invalid, problem_of
from serving.auth import Caller, TokenCheck
from serving.errors import InvalidToken

LIMIT, BATCH_LIMIT = 64 * 1024, 1024 * 1024
MOST_QUERY = 1_024
REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
JSON_TYPE = re.compile(r"application/json(\s*;\s*charset=\"?utf-8\"?)?", re.IGNORECASE)
Routes = Mapping[tuple[str, str], str]
log = logging.getLogger("bank.serving")


class Refused(Exception):
    """A request stops at the gate."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.detail)


class Gate:
    """Wraps an ASGI app; `routes` names every route and its scope, all else is refused.

    `open_routes` are let through as they are, without a token: health checks, nothing more.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Routes,
        check: TokenCheck,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        open_routes: Container[tuple[str, str]] = (),
    ) -> None:
        self._app, self._routes, self._check, self._open = app, routes, check, open_routes
        self._now, self._new_id = now, new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with a problem."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        if (scope["method"], scope["path"]) in self._open:
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else self._new_id()
        answer = _Answer(send, request_id)
        try:
            caller = self._admit(scope)
            body = await _body(scope, receive)
        except Refused as refused:
            await refused.problem.response(request_id)(scope, receive, answer.send)
            return
        except BankError as error:
            await problem_of(error).response(request_id)(scope, receive, answer.send)
            return
        state = {"request_id": request_id, "caller": caller, "body": body}
        scope["state"] = {**scope.get("state", {}), **state}
        await self._through(scope, body, answer)

    def _admit(self, scope: Scope) -> Caller:
        path, method = scope["path"], scope["method"]
        methods = sorted(known for known, route in self._routes if route == path)
        if not methods:
            raise Refused(Problem(404, "no-such-route", "No such route", "See /openapi.json for the routes."))
        if method not in methods:
            allow = ", ".join(methods)
            problem = Problem(
                405, "method", "Wrong method", f"This route takes {allow}.", headers={"Allow": allow}
            )
            raise Refused(problem)
        caller = self._check.caller(_token(Headers(scope=scope)), self._now())
        caller.require(self._routes[(method, path)])
        if len(scope["query_string"]) > MOST_QUERY:
            raise Refused(invalid(f"The query is longer than {MOST_QUERY} bytes."))
        return caller

    async def _through(self, scope: Scope, body: bytes, answer: "_Answer") -> None:
        async def replayed() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        try:
            await self._app(scope, replayed, answer.send)
        except Exception as error:
            log.exception("request %s failed", answer.request_id)
            if not answer.started:
                await problem_of(error).response(answer.request_id)(scope, replayed, answer.send)


class _Answer:
    """Sends an answer with the headers every answer has, and knows whether it has begun."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self.request_id, self.started = send, request_id, False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self.request_id
            headers["Cache-Control"] = "no-store"
            headers["X-Content-Type-Options"] = "nosniff"
        await self._send(message)


def _token(headers: Headers) -> str:
    given = headers.getlist("authorization")
    if len(given) != 1:
        raise InvalidToken("there is no Authorization header" if not given else "there are several")
    scheme, _, token = given[0].partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise InvalidToken("the Authorization header is not 'Bearer TOKEN'")
    return token


async def _body(scope: Scope, receive: Receive) -> bytes:
    headers = Headers(scope=scope)
    limit = BATCH_LIMIT if scope["path"].endswith((":batch", "/events")) else LIMIT
    if scope["method"] != "GET":
        _require_json(headers)
    if headers.get("content-length", "0").isdigit() and int(headers.get("content-length", "0")) > limit:
        raise Refused(_too_large(limit))
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(invalid("The body ended early."))
        body += message.get("body", b"")
        if len(body) > limit:
            raise Refused(_too_large(limit))
        if not message.get("more_body", False):
            break
    if scope["method"] == "GET":
        return b""
    _require_unique_keys(bytes(body))
    return bytes(body)


def _require_json(headers: Headers) -> None:
    if not JSON_TYPE.fullmatch(headers.get("content-type", "")) or "content-encoding" in headers:
        detail = "Send application/json in UTF-8, not compressed."
        raise Refused(Problem(415, "media-type", "Not JSON", detail))


def _too_large(limit: int) -> Problem:
    return Problem(413, "too-large", "The body is too large", f"At most {limit} bytes are read here.")


def _require_unique_keys(body: bytes) -> None:
    try:
        json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_int=str, parse_float=str)
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
