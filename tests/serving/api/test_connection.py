"""A connection whose answers nobody reads ends; one that is slow and reads goes on."""

import asyncio
import logging
import socket
from contextlib import suppress

import pytest
import uvicorn

from serving.api import connection
from serving.api.connection import BoundedConnection

ANSWER = b"x" * 8_000_000  # more than the kernel keeps for who does not read


async def answers(scope: object, receive: object, send: object) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": ANSWER})  # type: ignore[operator]


async def asked(end: str, seconds: float, reads: bool) -> int:
    """How many connections are open after so many seconds, of one that asks and reads or does not."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(answers, http=BoundedConnection, lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listening]))
        with socket.socket() as asking:
            asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            asking.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(asking, listening.getsockname())
            await loop.sock_sendall(
                asking, f"GET / HTTP/1.1\r\nHost: x\r\nConnection: {end}\r\n\r\n".encode()
            )
            ends = loop.time() + seconds
            while loop.time() < ends:
                await asyncio.sleep(0.02)
                if reads:
                    with suppress(BlockingIOError):
                        asking.recv(4_096)
            found = len(server.server_state.connections)
        server.should_exit = True
        server.force_exit = True
        await serving
        return found


@pytest.mark.parametrize("end", ["close", "keep-alive"])
@pytest.mark.parametrize(
    ("reads", "open_connections"), [(False, 0), (True, 1)], ids=["unread", "read-slowly"]
)
def test_an_answer_that_nobody_takes_is_given_up(
    end: str, reads: bool, open_connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "UNREAD_SECONDS", 0.5)
    assert asyncio.run(asked(end, 2.0, reads)) == open_connections


def test_junk_is_told_of_once_a_second_and_not_as_often_as_it_comes(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([1.0, 1.1, 1.2, 2.5])
    monkeypatch.setattr(connection, "monotonic", lambda: next(moments))
    theirs = logging.getLogger("uvicorn.error")
    before = list(theirs.filters)
    connection.bound_connections()
    for _ in range(4):
        theirs.warning(connection.JUNK)
    theirs.warning("something else")
    theirs.filters = before
    assert [each.message for each in caplog.records] == [connection.JUNK, connection.JUNK, "something else"]
