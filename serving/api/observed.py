"""What a request leaves behind for those who run the service: figures, and a line where it failed.

Plain ASGI around the gate. A line names the route, the status, the time, the request and the app that
asked; bodies, queries, tokens and customers are in none.
"""

import logging
import re
from collections.abc import Callable
from time import monotonic, perf_counter

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.worker.logs import of_request
from serving.worker.metrics import TYPE, UNKNOWN, Metrics

METRICS = "/metrics"
KIND = re.compile(rb'"urn:bank:problem:([a-z-]{1,40})"')
FAILED, PROBLEM = 500, 400
UNEXPECTED, SECOND = ("", "other", "internal"), 1.0
log = logging.getLogger("bank.serving")


class Seldom:
    """Keeps a service that refuses thousands a second from writing as many lines.

    Problems that have a name are told once a second each; what was not expected is told every time.

    >>> moments = iter([1.0, 1.1, 1.2, 2.5])
    >>> seldom = Seldom(lambda: next(moments))
    >>> [seldom.untold("overloaded") for _ in range(4)]
    [0, None, None, 2]
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: dict[str, tuple[float, int]] = {}

    def untold(self, kind: str) -> int | None:
        """How many of its kind went untold before this one, which is to be told; None: it is not."""
        if kind in UNEXPECTED:
            return 0
        now = self._clock()
        since, untold = self._told.get(kind, (now - SECOND, 0))
        if now - since < SECOND:
            self._told[kind] = since, untold + 1
            return None
        self._told[kind] = now, 0
        return untold


class Observed:
    """Counts every answer of `app`, and tells of those that failed; with `access` of all of them."""

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: frozenset[str], access: bool = False) -> None:
        self._app, self._metrics, self._routes, self._access = app, metrics, routes, access
        self._seldom = Seldom(monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through, and note how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, kind = perf_counter(), 0, ""

        async def noted(message: Message) -> None:
            nonlocal status, kind
            if message["type"] == "http.response.start":
                status = message["status"]
            elif status >= PROBLEM and not kind:
                found = KIND.search(message.get("body", b""))
                kind = found[1].decode() if found else "other"
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            seconds, route = perf_counter() - began, scope["path"]
            self._metrics.responded(route, status or FAILED, seconds)
            if kind:
                self._metrics.refused(kind)
            if self._access or not status or status >= FAILED:
                self._tell(scope, status or FAILED, seconds, kind)

    def _tell(self, scope: Scope, status: int, seconds: float, kind: str) -> None:
        state = scope.get("state") or {}
        fields = {
            "request_id": state.get("request_id"), "trace": state.get("trace"),
            "caller": getattr(state.get("caller"), "subject", None), "kind": kind or None,
            "route": scope["path"] if scope["path"] in self._routes else UNKNOWN,
            "status": status, "ms": round(seconds * 1e3, 1),
        }  # fmt: skip
        if status < FAILED:
            log.info("answered", extra=of_request(fields))
        elif (untold := self._seldom.untold(kind)) is not None:
            log.error("failed", extra=of_request({**fields, "untold": untold or None}))


class MetricsRoute:
    """Answers GET /metrics with ours, behind the gate; everything else goes on to `app`.

    `look` sets the figures that are looked up when somebody asks; what it cannot it leaves as it was.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, look: Callable[[], None]) -> None:
        self._app, self._metrics, self._look = app, metrics, look

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        if scope["type"] != "http" or scope["path"] != METRICS:
            await self._app(scope, receive, send)
            return
        body = await run_in_threadpool(self._text)
        headers = [(b"content-type", TYPE.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _text(self) -> bytes:
        try:
            self._look()
        except Exception:
            log.exception("a figure cannot be looked up")
        return self._metrics.text()
