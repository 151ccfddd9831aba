"""A client that asks over many kept connections: as fast as answers come, or at a fixed rate whatever comes.

`python -m tests.benchmarks.load '{"port": ..., ...}'` prints one JSON line; a process of its own, so that
it takes no time of the service it measures. Latency at a fixed rate counts from the moment a question was
due, so that a slow answer does not hide those behind it.
"""

import asyncio
import json
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 20.0
EMPTY, RAW = "/v1/empty", "/v1/empty-raw"  # routes that do nothing: see with_empty


@dataclass
class Tally:
    """What came back: seconds by answer, and how many of each status."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    retry_after: int = 0
    bodies: list[bytes] = field(default_factory=list)

    def add(self, seconds: float, status: int, head: bytes, body: bytes, keep: bool) -> None:
        self.statuses[status] += 1
        self.retry_after += b"retry-after" in head
        if status < 400:
            self.seconds.append(seconds)
            if keep:
                self.bodies.append(body)


class Connection(asyncio.Protocol):
    """One kept connection: a question out, its answer in."""

    def __init__(self, ended: Any) -> None:
        self._ended, self._buffer, self.transport = ended, b"", None
        self.asked = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def ask(self, raw: bytes, since: float) -> None:
        self.asked = since
        assert self.transport is not None
        self.transport.write(raw)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length: ")
        length = int(head[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        body, self._buffer = self._buffer[end + 4 : end + 4 + length], self._buffer[end + 4 + length :]
        self._ended(self, int(head[9:12]), head, body)

    def connection_lost(self, error: Exception | None) -> None:
        self._ended(self, 0, b"", b"")


@dataclass
class Load:
    """Asks `raws` in turn over so many connections for so many seconds, or `count` questions in all."""

    port: int
    raws: Sequence[bytes]
    connections: int
    seconds: float
    rate: float = 0.0  # questions a second; 0: as fast as answers come
    count: int = 0
    keep: bool = False
    from_sent: bool = False  # count from when a question was sent, not from when it was due
    tally: Tally = field(default_factory=Tally)

    async def run(self) -> dict[str, object]:
        self._asked = self._out = 0
        self._free: deque[Connection] = deque()
        self._due: deque[float] = deque()
        for _ in range(self.connections):
            connection = await self._connect()
            self._free.append(connection)
        self._started = time.perf_counter()
        self._ends = self._started + self.seconds
        if self.rate:
            await self._paced()
        else:
            while self._free:
                self._next(self._free.popleft())
        async with asyncio.timeout(self.seconds + PATIENCE):
            while self._out or self._due:
                await asyncio.sleep(0.002)
        return self._told(time.perf_counter() - self._started)

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(lambda: Connection(self._ended), "127.0.0.1", self.port)
        return made

    async def _paced(self) -> None:
        due, step = self._started, 1 / self.rate
        while due < self._ends:
            now = time.perf_counter()
            while due <= now and due < self._ends:
                self._due.append(due)
                due += step
            while self._due and self._free:
                self._send(self._free.popleft(), self._due.popleft())
            await asyncio.sleep(max(0.0, min(due - time.perf_counter(), 0.002)))

    def _next(self, connection: Connection) -> None:
        now = time.perf_counter()
        if now >= self._ends or (self.count and self._asked >= self.count):
            self._free.append(connection)
            return
        self._send(connection, now)

    def _send(self, connection: Connection, since: float) -> None:
        raw = self.raws[self._asked % len(self.raws)]
        since = time.perf_counter() if self.from_sent else since
        self._asked, self._out = self._asked + 1, self._out + 1
        connection.ask(raw, since)

    def _ended(self, connection: Connection, status: int, head: bytes, body: bytes) -> None:
        if status == 0 and not connection.asked:
            return
        self._out -= 1
        self.tally.add(time.perf_counter() - connection.asked, status, head, body, self.keep)
        connection.asked = 0.0
        if status == 0:
            self._reconnect()
        elif self._due:
            self._send(connection, self._due.popleft())
        elif self.rate:
            self._free.append(connection)
        else:
            self._next(connection)

    def _reconnect(self) -> None:
        async def again() -> None:
            for _ in range(200):
                try:
                    made = await self._connect()
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                self._next(made) if not self.rate else self._free.append(made)
                return

        self._again = asyncio.ensure_future(again())

    def _told(self, seconds: float) -> dict[str, object]:
        found = sorted(self.tally.seconds)

        def quantile(share: float) -> float | None:
            return found[min(len(found) - 1, int(share * len(found)))] if found else None

        return {
            "asked": self._asked,
            "good": len(found),
            "rate": len(found) / seconds,
            "p50": quantile(0.50),
            "p99": quantile(0.99),
            "most": found[-1] if found else None,
            "statuses": {str(status): count for status, count in self.tally.statuses.items()},
            "retry_after": self.tally.retry_after,
            "bodies": [body.decode() for body in self.tally.bodies],
        }


def raw(port: int, path: str, token: str, body: object, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """One POST as bytes."""
    content = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Authorization: Bearer {token}"]
    lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


if __name__ == "__main__":
    wanted = json.loads(sys.stdin.read())
    port, token = wanted["port"], wanted["token"]
    asked = [raw(port, path, token, body) for path, body in wanted.pop("asked")]
    told = {name: wanted[name] for name in ("rate", "count", "keep", "from_sent") if name in wanted}
    load = Load(port, asked, wanted["connections"], wanted["seconds"], **told)
    sys.stdout.write(json.dumps(asyncio.run(load.run())))
