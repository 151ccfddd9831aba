"""Sends requests straight into an ASGI application, in one event loop and without a client library."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media(self) -> str:
        """Its media type."""
        return self.headers.get("content-type", "")


class Driver:
    """One client of an application."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app, self._loop = app, asyncio.new_event_loop()
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    def __enter__(self) -> "Driver":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.close()

    def post(self, path: str, body: bytes, key: str = "") -> Answer:
        """Send a body as JSON, under an Idempotency-Key."""
        headers = [(b"content-type", b"application/json")]
        headers += [(b"idempotency-key", key.encode())] if key else []
        return self.send("POST", path, headers, body)

    def send(self, method: str, url: str, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> Answer:
        """Send whatever it is; headers replace those every request has."""
        given = {name for name, _ in headers}
        sent = [*headers, *(each for each in self._headers if each[0] not in given)]
        return self._loop.run_until_complete(self._sent(method, url, sent, body))

    async def _sent(self, method: str, url: str, headers: list[tuple[bytes, bytes]], body: bytes) -> Answer:
        parts = urlsplit(url)
        scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": unquote(parts.path), "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(), "root_path": "", "headers": headers,
            "client": ("127.0.0.1", 1), "server": ("bank", 80), "state": {},
        }  # fmt: skip
        begun: list[Message] = []
        content = bytearray()
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                begun.append(message)
            content.extend(message.get("body", b""))

        await self._app(scope, receive, send)
        told = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in begun[0]["headers"]
        }
        return Answer(begun[0]["status"], told, bytes(content))
