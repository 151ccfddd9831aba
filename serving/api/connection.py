"""A connection as uvicorn keeps it, bounded: a head that is slow or large ends it, and so does junk.

uvicorn itself waits for a head for ever and reads one of any size. The gate bounds what has arrived;
here is bounded what is still arriving, and for how long an answer waits to be read.
"""

import asyncio
import fcntl
import logging
import secrets
import termios
from array import array
from contextlib import suppress
from time import monotonic
from typing import Any

import orjson
from uvicorn._types import ASGI3Application
from uvicorn.config import HTTP_PROTOCOLS, Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from serving.api.gate import SECURITY
from serving.api.observed import Seldom
from serving.api.problems import MEDIA_TYPE, Problem

HEAD_SECONDS = 5.0
DRAIN_SECONDS = 2.0  # a client may still send a body nobody reads, and then reads the answer
UNREAD_SECONDS = 30.0  # without a byte of an answer taken, then the connection ends
MOST_HEAD = 32 * 1024  # bytes; the gate says so politely from half of that
JUNK = "Invalid HTTP request received."  # uvicorn's words; anybody may send it, a million times
NOT_HTTP = Problem(400, "not-http", "Not HTTP", "The request is no HTTP/1.1 request. The connection ends.")
TOO_LARGE = Problem(431, "headers-too-large", "The headers are too large", "The connection ends.")
SAID = (*SECURITY, (b"connection", b"close"), (b"content-type", MEDIA_TYPE.encode()))


def bound_connections() -> None:
    """From now on a server that is started here keeps its connections so, and tells of junk once a second."""
    HTTP_PROTOCOLS["auto"] = f"{BoundedConnection.__module__}:{BoundedConnection.__name__}"
    seldom = Seldom(monotonic)
    logging.getLogger("uvicorn.error").addFilter(
        lambda record: record.msg != JUNK or seldom.untold(JUNK) is not None
    )


class BoundedConnection(HttpToolsProtocol):
    """One connection. It speaks HTTP only, and ends when a head takes too long or is too large."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.ws_protocol_class = None
        self._in_head = self._begun = False
        self._head_bytes = 0
        self._patience: asyncio.TimerHandle | None = None
        self._answering: RequestResponseCycle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._be_patient(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more; requests that were sent ahead find nobody who wants their answers."""
        self._patience_ends()
        if self._unread is not None:
            self._unread.cancel()
        self.pipeline.clear()
        if self._answering is not None:
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = self._begun = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        self._patience_ends()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is whole."""
        self._patience_ends()
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Read what came; afterwards a head may still be incomplete, or nothing may have begun at all."""
        self._begun = False
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head and not self._begun:  # all of it belongs to a head that began before
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD:
                self._end(TOO_LARGE)
                return
        if self._in_head or self.cycle is None:
            self._be_patient(HEAD_SECONDS)
        elif self.cycle.response_complete and not self.pipeline and self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """A body nobody wants may go on arriving for a moment only, an answer be read for a while."""
        super().on_response_complete()
        if self._unread is None and self.transport.get_write_buffer_size():
            self._unread = self.loop.call_later(UNREAD_SECONDS, self._look_whether_read, self._left())
        if self.cycle.response_complete and self.cycle.more_body and not self.transport.is_closing():
            self._be_patient(DRAIN_SECONDS)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is told so as a problem."""
        self._end(NOT_HTTP)

    def _unsupported_upgrade_warning(self) -> None:
        """No line in the log for everybody who asks for another protocol; they are answered in this one."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _look_whether_read(self, before: int) -> None:
        """End a connection whose answers nobody takes: they would stay in memory for ever."""
        left, self._unread = self._left(), None
        if not self.transport.get_write_buffer_size():
            return
        if left >= before:
            self.transport.abort()
        else:
            self._unread = self.loop.call_later(UNREAD_SECONDS, self._look_whether_read, left)

    def _left(self) -> int:
        """Bytes of answers that the other end has not taken, here and in the kernel."""
        connected, kept = self.transport.get_extra_info("socket"), array("i", [0])
        with suppress(OSError):
            fcntl.ioctl(connected.fileno(), termios.TIOCOUTQ, kept)
        return self.transport.get_write_buffer_size() + kept[0]

    def _be_patient(self, seconds: float) -> None:
        if self._patience is None:
            self._patience = self.loop.call_later(seconds, self._be_impatient)

    def _be_impatient(self) -> None:
        self._patience = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._be_patient(HEAD_SECONDS)  # a request before this one is still being answered
        else:
            self.transport.close()

    def _patience_ends(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _end(self, problem: Problem) -> None:
        self._patience_ends()
        content = orjson.dumps(problem.as_json(secrets.token_hex(16)))
        headers = (*SAID, (b"content-length", str(len(content)).encode()))
        told = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(STATUS_LINE[problem.status] + told + b"\r\n" + content)
        self.transport.close()
