"""What a candidate would have said: decided after the answer, in a thread of its own, and logged apart.

Nobody waits for it. Of what it cannot keep up with it drops the newest, and counts it.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import orjson

from monitoring.decision_log import Record
from serving.deciding.asking import Stamp
from serving.deciding.records import Decision, DecisionSink, Request
from serving.deciding.scoring import Scored, Scorer

MOST_WAITING = 2_000  # decisions
TOGETHER = 16  # few, so that the interpreter is soon free for who is answered
log = logging.getLogger("bank.serving")


@dataclass(frozen=True, slots=True)
class Followed:
    """A question that was answered by the decision of that id; `stamp` has the time of the answer.

    `method` is one of a Scorer's, called with the scorer, what is asked, and stamps.
    """

    method: Callable[..., Sequence[Scored]]
    scorer: Scorer
    asked: Request
    stamp: Stamp
    decision_id: str


class Shadow:
    """Decides what it is told in a thread of its own. Its log is given when it begins."""

    def __init__(self, log: DecisionSink, new_id: Callable[[], str], most: int = MOST_WAITING) -> None:
        self._log, self._new_id, self._most = log, new_id, most
        self._line: deque[Followed] = deque()
        self._change = threading.Condition()
        self._ends: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self.decided = self.dropped = self.failed = 0
        self._thread.start()

    def put(self, followed: Iterable[Followed]) -> None:
        """Have these decided in the shadow, as far as there is room."""
        with self._change:
            for each in followed:
                if len(self._line) < self._most and self._ends is None:
                    self._line.append(each)
                else:
                    self.dropped += 1
            self._change.notify()

    def told(self) -> dict[str, int]:
        """How many were decided, dropped for want of room, and failed; how many wait."""
        return {
            "decided": self.decided, "dropped": self.dropped, "failed": self.failed,
            "waiting": len(self._line),
        }  # fmt: skip

    def end(self, then: Callable[[], None]) -> None:
        """Take nothing more; `then` is called, by its thread, once it asks the release no more."""
        with self._change:
            if self._ends is None:
                self._ends = then
            self.dropped += len(self._line)
            self._line.clear()
            self._change.notify()

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join()

    def _run(self) -> None:
        while taken := self._taken():
            try:
                self._decide(taken)
            except Exception as error:  # noqa: BLE001  # a shadow stops nothing
                self.failed += len(taken)
                log.error("%d shadow decisions are lost (%s)", len(taken), type(error).__name__)
        assert self._ends is not None
        self._ends()

    def _taken(self) -> list[Followed]:
        """Those of one kind that waited longest; none once it ends."""
        with self._change:
            while not self._line and self._ends is None:
                self._change.wait()
            taken: list[Followed] = []
            while self._line and len(taken) < TOGETHER and _alike(self._line[0], taken):
                taken.append(self._line.popleft())
            return taken

    def _decide(self, taken: Sequence[Followed]) -> None:
        records = [
            shadow_of(made.record, each.decision_id)
            for each, made in zip(taken, self._scored(taken), strict=True)
            if isinstance(made, Decision)
        ]
        if records:
            self._log.append(records)
        self.decided += len(records)

    def _scored(self, taken: Sequence[Followed]) -> Sequence[Scored | None]:
        """What the candidate says; None for each question it fails on."""
        stamps = [replace(each.stamp, decision_id=self._new_id()) for each in taken]
        try:
            return taken[0].method(taken[0].scorer, [each.asked for each in taken], stamps)
        except Exception as error:  # noqa: BLE001  # counted; whoever asked has an answer
            if len(taken) > 1:
                return [made for each in taken for made in self._scored([each])]
            self.failed += 1
            log.error("the shadow has no answer (%s)", type(error).__name__)
            return [None]


def shadow_of(record: Record, decision_id: str) -> Record:
    """The record of a shadow, which names the decision it shadows."""
    return replace(record, payload=orjson.dumps({**orjson.loads(record.payload), "shadows": decision_id}))


def _alike(one: Followed, taken: Sequence[Followed]) -> bool:
    return not taken or (one.method is taken[0].method and one.scorer is taken[0].scorer)
