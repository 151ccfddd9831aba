"""A fast client beside those that look closely: many questions over a few connections, each answer kept."""

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.benchmarks.load import Load, raw
from tests.proofs.stream import ASKED, CREDIT, NBA, Seen, Stream

CONNECTIONS, LONGEST = 4, 3_600.0


class Many:
    """Asks so many questions in a thread of its own."""

    def __init__(self, stream: Stream, count: int) -> None:
        raws = [raw(stream.port, path, stream.token, body) for path, body in ASKED]
        self._load = Load(stream.port, raws, CONNECTIONS, LONGEST, count=count, keep=True)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        asyncio.run(self._load.run())

    @property
    def answered(self) -> int:
        """How many were answered so far."""
        return len(self._load.tally.bodies)

    @property
    def failed(self) -> list[str]:
        """What was answered otherwise than with 200, by status; 0 is a broken connection."""
        found = self._load.tally.statuses.items()
        return [f"{count} answers of status {status}" for status, count in found if status != 200]

    def seen(self) -> Iterator[Seen]:
        """Every answer; when each came is not kept."""
        for body in self._load.tally.bodies:
            said = json.loads(body)
            path = NBA if "offers" in said else CREDIT if "terms" in said else ""
            yield Seen(0.0, path, said["release"]["digest"], said["release"]["policy"], said)

    def end(self) -> None:
        """Ask nothing more, and wait for what is on its way."""
        self._load.count = 1
        self.thread.join(LONGEST)


@contextmanager
def asking(stream: Stream, count: int) -> Iterator[Sequence[Many]]:
    """One that asks so many questions meanwhile; none for none."""
    clients = [Many(stream, count)] if count else []
    for client in clients:
        client.thread.start()
    try:
        yield clients
    finally:
        for client in clients:
            client.end()
