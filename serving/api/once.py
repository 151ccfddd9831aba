"""Answered once for each Idempotency-Key: the same key and body is the same decision, to the byte.

What was decided under a key is looked up in the log and computed again; what a crash kept from being
decided is decided now, under the id that was reserved for it.
"""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from starlette.concurrency import run_in_threadpool

from crm_rules.errors import Conflict
from monitoring.errors import UnknownDecision
from serving.api.desk import Desk
from serving.api.head import Head, Refused
from serving.api.problems import invalid
from serving.auth import Caller
from serving.deciding.records import Decision, Request
from serving.deciding.scoring import Scored
from serving.errors import StillDeciding, UnknownCustomer
from serving.worker.keyring import Keyring
from serving.worker.keys import Clash, Keyed, Known, id_in_batch

KEY = re.compile(rb"[A-Za-z0-9_.:-]{8,100}")
PATIENCE, PAUSE = 5.0, 0.02  # seconds for another worker that decides the same; between two looks
Told = bytes | UnknownCustomer
Ask = Callable[[Sequence[str] | None], Awaitable[Sequence[Scored]]]
"""Has the engine answer, under reserved ids where there are some."""


@dataclass(frozen=True)
class Once:
    """One request with a key: who asks where, its body, and the questions in it."""

    desk: Desk
    keyring: Keyring
    keyed: Keyed
    asked: Sequence[Request]
    is_batch: bool

    async def answers(self, ask: Ask) -> Sequence[Told]:
        """Conflict, StillDeciding, KeysUnavailable, and whatever `ask` raises; then the key stays free."""
        ends = monotonic() + PATIENCE
        while True:
            answer = await self.keyring.reserve(self.keyed)
            if isinstance(answer, Clash):
                raise Conflict(self.keyed.key)
            base, known = answer.decision_id, isinstance(answer, Known)
            if not (isinstance(answer, Known) and answer.busy):
                return await self._held(base, known, ask)
            if (found := await run_in_threadpool(self._found, base)) is not None:
                return found
            await _pause(ends)

    async def _held(self, base: str, known: bool, ask: Ask) -> Sequence[Told]:
        """The answers under a key this process holds. Who goes away meanwhile gives no key back: it may
        still be decided."""
        try:
            found = await run_in_threadpool(self._found, base) if known else None
            answers = told(await ask(self._ids(base))) if found is None else found
        except Exception:
            self.keyring.settle(base, kept=False)
            raise
        self.keyring.settle(base, kept=True)
        return answers

    def _ids(self, base: str) -> list[str]:
        return [id_in_batch(base, at) for at in range(len(self.asked))] if self.is_batch else [base]

    def _found(self, base: str) -> list[Told] | None:
        """The answers in the log; a batch is there whole or not at all, who is not was not known.

        Where only some are found it may have been written meanwhile, and is looked up once more.
        """
        bodies = [self._body(name) for name in self._ids(base)]
        if not any(bodies):
            return None
        if not all(bodies):
            bodies = [body or self._body(name) for body, name in zip(bodies, self._ids(base), strict=True)]
        return [
            body or UnknownCustomer(each.customer_id or "")
            for body, each in zip(bodies, self.asked, strict=True)
        ]

    def _body(self, decision_id: str) -> bytes | None:
        try:
            payload = self.desk.find(decision_id)
        except UnknownDecision:
            return None
        return self.desk.archive.replay(payload, self.desk.engine.scorer.loaded).body


def once(
    desk: Desk, route: str, head: Head, body: bytes, caller: Caller, asked: Sequence[Request]
) -> Once | None:
    """The request as one with a key; None when it carries none. Refused when the key is no key."""
    given = head.values.get(b"idempotency-key")
    if given is None or desk.keyring is None:
        return None
    if b"idempotency-key" in head.several or not KEY.fullmatch(given):
        raise Refused(invalid("Send one Idempotency-Key header of 8 to 100 letters, digits or _.:- ."))
    who = caller.subject if caller.customer is None else f"{caller.subject}\n{caller.customer}"
    digest = hashlib.sha256(body).hexdigest()
    keyed = Keyed(who, route, given.decode("ascii"), digest, desk.engine.new_id())
    return Once(desk, desk.keyring, keyed, asked, route.endswith(":batch"))


def told(scored: Sequence[Scored]) -> list[Told]:
    """What the engine made, as answers are sent."""
    return [each.body if isinstance(each, Decision) else each for each in scored]


async def _pause(ends: float) -> None:
    if monotonic() > ends:
        raise StillDeciding
    await asyncio.sleep(PAUSE)
