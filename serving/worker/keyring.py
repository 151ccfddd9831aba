"""Idempotency keys as the service asks for them: those that come together are reserved in one commit."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

from crm_rules.errors import DatabaseUnavailable
from serving.errors import KeysUnavailable
from serving.worker.keys import Answer, IdempotencyKeys, Keyed

FORGET_EVERY = timedelta(minutes=10)


class Keyring:
    """Reserves keys in a thread of its own; a key is free again `lasts` after it came."""

    def __init__(self, keys: IdempotencyKeys, now: Callable[[], datetime], lasts: timedelta) -> None:
        self._keys, self._now, self._lasts = keys, now, lasts
        self._waiting: deque[tuple[Keyed, Future[Answer]]] = deque()
        self._thread = ThreadPoolExecutor(1, "idempotency keys")
        self._forgot: datetime | None = None

    async def reserve(self, asked: Keyed) -> Answer:
        """What became of a key; KeysUnavailable, and nothing is reserved, when that cannot be told."""
        reply: Future[Answer] = Future()
        self._waiting.append((asked, reply))
        self._thread.submit(self._reserve_all)
        return await asyncio.wrap_future(reply)

    def settle(self, decision_id: str, kept: bool) -> None:
        """Say that what was reserved under this id is in the log, or, not `kept`, that it failed."""
        self._thread.submit(self._settle, [decision_id], kept)

    def close(self) -> None:
        """End, and give every key back that is still held."""
        self._thread.shutdown(wait=True)
        self._keys.close()

    def _reserve_all(self) -> None:
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        taken = [(asked, reply) for asked, reply in waiting if reply.set_running_or_notify_cancel()]
        if not taken:
            return
        now = self._now()
        try:
            self._forget(now)
            answers = self._keys.reserve([asked for asked, _ in taken], now.isoformat())
        except Exception as error:  # noqa: BLE001  # whatever it is, whoever waits has to be told
            found = error.problem if isinstance(error, DatabaseUnavailable) else type(error).__name__
            for _, reply in taken:
                reply.set_exception(KeysUnavailable(found))
            return
        for (_, reply), answer in zip(taken, answers, strict=True):
            reply.set_result(answer)

    def _forget(self, now: datetime) -> None:
        if self._forgot is None or now - self._forgot >= FORGET_EVERY:
            self._keys.forget(now - self._lasts, now)
            self._forgot = now

    def _settle(self, decision_ids: Iterable[str], kept: bool) -> None:
        self._keys.settled(decision_ids, kept)
