"""Questions on their way: who waits for an answer, in which line, and how it is handed over."""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from serving.deciding.records import Request
from serving.deciding.scoring import Scored
from serving.errors import Ending, Overloaded

Result = Sequence[Scored] | Exception
Reply = asyncio.Future[Sequence[Scored]] | Future[Sequence[Scored]]


@dataclass(frozen=True, slots=True)
class Question:
    """Questions of one caller that are answered together.

    `deadline` is a moment of time.monotonic; `ids` are decision ids that were reserved for the answers.
    """

    method: str
    asked: Sequence[Request]
    request_id: str
    caller: str
    deadline: float | None = None
    ids: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question and whoever waits for its answer, since a moment of time.monotonic."""

    question: Question
    reply: Reply
    since: float

    @property
    def alone(self) -> bool:
        """Whether it asks about one customer."""
        return len(self.question.asked) == 1


class WaitingLine:
    """Who waits, in two lines: questions about one customer, and those about many.

    Bounded: `most` questions about one customer and `most_many` about many; who comes then is Overloaded.
    """

    def __init__(self, most: int, most_many: int) -> None:
        self._most, self._most_many = most, most_many
        self._alone: deque[Waiting] = deque()
        self._many: deque[Waiting] = deque()
        self._change = threading.Condition()
        self._ends = False

    def __len__(self) -> int:
        return len(self._alone) + len(self._many)

    def put(self, waiting: Waiting) -> None:
        """Stand in line; Overloaded when it is full, Ending when the process is about to end."""
        with self._change:
            if self._ends:
                raise Ending
            line, most = (self._alone, self._most) if waiting.alone else (self._many, self._most_many)
            if len(line) >= most:
                raise Overloaded
            line.append(waiting)
            self._change.notify()

    def take(self, most: int, wait: bool) -> list[Waiting]:
        """Those about one customer who have waited longest, at most so many.

        With `wait` it returns only once somebody is in either line, or the end has come.
        """
        with self._change:
            while wait and not self._alone and not self._many and not self._ends:
                self._change.wait()
            return [self._alone.popleft() for _ in range(min(most, len(self._alone)))]

    def take_many(self) -> Waiting | None:
        """The question about many customers that has waited longest."""
        with self._change:
            return self._many.popleft() if self._many else None

    def end(self) -> None:
        """Nobody may come any more; those in line are still answered."""
        with self._change:
            self._ends = True
            self._change.notify_all()

    @property
    def over(self) -> bool:
        """Whether the end has come and nobody waits."""
        with self._change:
            return self._ends and not self._alone and not self._many


def deliver(answered: Sequence[tuple[Waiting, Result]]) -> None:
    """Hand every answer to whoever waits for it, in one call for all who wait in one event loop."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[Reply, Result]]] = {}
    for waiting, result in answered:
        if isinstance(waiting.reply, Future):
            _settle(waiting.reply, result)
        else:
            loops.setdefault(waiting.reply.get_loop(), []).append((waiting.reply, result))
    for loop, settled in loops.items():
        if not loop.is_closed():  # nobody is left to wait in one that is
            loop.call_soon_threadsafe(_settle_all, settled)


def _settle_all(settled: Sequence[tuple[Reply, Result]]) -> None:
    for reply, result in settled:
        _settle(reply, result)


def _settle(reply: Reply, result: Result) -> None:
    if reply.done():  # whoever asked has gone
        return
    if isinstance(result, Exception):
        reply.set_exception(result)
    else:
        reply.set_result(result)
