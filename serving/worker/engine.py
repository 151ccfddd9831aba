"""Questions in, durable answers out. Those that wait together are scored together, and logged together.

An engine thread takes what has come meanwhile, a writer thread makes it durable and hands it over; no
timer makes anybody wait. A question about many customers is taken in pieces, so that who asks about
one does not wait for its end.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from crm_rules.governance.stops import Stops
from monitoring.decision_log import Record
from serving.deciding.asking import OfferRequest, Stamp
from serving.deciding.canary import decide_for_nobody
from serving.deciding.records import DecisionSink, Request
from serving.deciding.scoring import Scored, Scorer
from serving.errors import DeadlineExceeded
from serving.worker.answering import METHODS, decided
from serving.worker.bulk import TOGETHER, Bulk
from serving.worker.candidate import Candidate
from serving.worker.in_service import InService
from serving.worker.measures import Measures, NothingMeasured
from serving.worker.waiting import Question, Waiting, WaitingLine
from serving.worker.writer import Made, Writer, failed


@dataclass(frozen=True)
class Room:
    """How many may wait: questions about one customer, and about many."""

    alone: int = 128
    many: int = 4


def _nobody(records: Sequence[Record]) -> None:
    """Referred decisions are found in the log later."""


class Engine:
    """One release in service and one log. Questions may come from any thread or event loop.

    `serving` is replaced whole, between two answers: each answer is made by one release under one set
    of stop switches. A `candidate` is tried beside it (`try_out`). `refer` is given the records that make
    a case once they are durable; it raises nothing.
    """

    def __init__(
        self,
        serving: InService,
        sink: DecisionSink,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        refer: Callable[[Sequence[Record]], None] = _nobody,
        measures: Measures | None = None,
        room: Room | None = None,
    ) -> None:
        self.serving, self._now, self._new_id = serving, now, new_id
        self._measures, room = measures or NothingMeasured(), room or Room()
        self._writer = Writer(sink, refer, self._measures)
        self._line = WaitingLine(room.alone, room.many)
        self._turn = threading.Lock()
        self._bulk: Bulk | None = None
        self.candidate: Candidate | None = None
        self._retired: list[InService | Candidate] = []
        self._thread = threading.Thread(target=self._run, name="score", daemon=True)
        self._started = threading.Lock()

    @property
    def scorer(self) -> Scorer:
        """What answers now."""
        return self.serving.scorer

    @property
    def waiting(self) -> int:
        """How many questions wait."""
        return len(self._line)

    @property
    def alive(self) -> bool:
        """Whether questions are still answered."""
        return not self._thread.ident or (self._thread.is_alive() and self._writer.alive)

    def now(self) -> datetime:
        """The service's clock."""
        return self._now()

    def new_id(self) -> str:
        """An id for a decision that is still to be made."""
        return self._new_id()

    async def ask(self, question: Question) -> Sequence[Scored]:
        """The durable answers; Overloaded or DeadlineExceeded when they cannot come in time."""
        reply: asyncio.Future[Sequence[Scored]] = asyncio.get_running_loop().create_future()
        self._put(Waiting(question, reply, monotonic()))
        return await reply

    def answer(self, method: str, asked: Sequence[Request], request_id: str, caller: str) -> Sequence[Scored]:
        """The durable answers, for whoever has a thread to wait in."""
        if not asked:
            return []
        reply: Future[Sequence[Scored]] = Future()
        self._put(Waiting(Question(method, asked, request_id, caller), reply, monotonic()))
        return reply.result()

    def against(self, customer_id: str, offer_id: str) -> list[str]:
        """The codes that forbid making this offer to this customer now; nothing is logged."""
        with self._turn:
            stamp, asked = Stamp("", "", self._now().isoformat(), ""), OfferRequest(customer_id)
            if self.candidate is not None:
                return self.candidate.against(self.scorer, asked, offer_id, stamp)
            return self.scorer.against(asked, offer_id, stamp)

    def serve(self, new: InService) -> None:
        """From the next answer on, another release under the same stop switches.

        The one before is given back once nobody asks it any more.
        """
        with self._turn:
            self._retired.append(self.serving)
            self.serving = new.under(self.serving.stops)
            self._give_back()

    def try_out(self, candidate: Candidate | None) -> None:
        """From the next answer on, this candidate under the same stop switches, or none."""
        with self._turn:
            before, self.candidate = self.candidate, candidate and candidate.under(self.serving.stops)
            if before is not None and not before.same_as(candidate):
                self._retired.append(before)
                self._give_back()

    def stop(self, stops: Stops) -> None:
        """From the next answer on, exactly these stop switches."""
        with self._turn:
            self.serving = self.serving.under(stops)
            self.candidate = self.candidate and self.candidate.under(stops)

    def ready(self) -> bool:
        """Whether online rows can be read and a decision computed; nothing is logged."""
        with self._turn:
            self.scorer.online.read(["canary"])
            decide_for_nobody(self.scorer)
        return True

    def close(self) -> None:
        """Answer who waits, then end."""
        self._line.end()
        if self._thread.ident:
            self._thread.join()
            self._writer.close()

    def _put(self, waiting: Waiting) -> None:
        self._line.put(waiting)
        if not self._thread.ident:
            self._start()

    def _start(self) -> None:
        with self._started:
            if not self._thread.ident:
                self._writer.start()
                self._thread.start()

    def _run(self) -> None:
        while not self._line.over or self._bulk:
            self._writer.wait()
            waiting = self._line.take(TOGETHER, wait=self._bulk is None)
            if waiting:
                self._answer(waiting)
            self._go_on_with_many()

    def _answer(self, waiting: Sequence[Waiting]) -> None:
        asked = _in_time(waiting)
        by_method: dict[str, list[Waiting]] = {}
        for each in asked:
            by_method.setdefault(each.question.method, []).append(each)
        made: list[Made] = []
        with self._turn:
            at, candidate = self._now().isoformat(), self.candidate
            for method, group in by_method.items():
                made += self._made(method, group, at)
        if made:
            self._hand_over(made, candidate)

    def _hand_over(self, made: Sequence[Made], candidate: Candidate | None) -> None:
        self._writer.put(made)
        if candidate is not None:
            candidate.follow(METHODS, made)

    def _made(self, method: str, group: Sequence[Waiting], at: str) -> list[Made]:
        """The answers of a group; where one question spoils it, each is answered by itself."""
        started = monotonic()
        questions = [each.question for each in group]
        try:
            scored = self._scored(method, questions, at)
        except Exception as error:  # noqa: BLE001  # it is handed to whoever asked
            if len(group) > 1:
                return [made for each in group for made in self._made(method, [each], at)]
            failed(group, error)
            return []
        self._measures.answered(method, scored, started - group[0].since, monotonic() - started)
        return [Made(each, (answer,)) for each, answer in zip(group, scored, strict=True)]

    def _scored(self, method: str, questions: Sequence[Question], at: str) -> Sequence[Scored]:
        """The answers to questions about one customer each."""
        asked = [each.asked[0] for each in questions]
        stamps = [
            Stamp(each.ids[0] if each.ids else self._new_id(), each.request_id, at, each.caller)
            for each in questions
        ]
        return decided(self.serving, self.candidate, method, asked, stamps)

    def _go_on_with_many(self) -> None:
        """Answer the next piece of a question about many customers."""
        if self._bulk is None:
            taken = self._line.take_many()
            if taken is None or not _in_time([taken]):
                return
            with self._turn:
                self._bulk = Bulk(taken, self.serving, self.candidate, self._now().isoformat())
        bulk = self._bulk
        if not _in_time([bulk.waiting]):
            self._end_bulk()
            return
        try:
            with self._turn:
                bulk.scored += self._piece(bulk)
        except Exception as error:  # noqa: BLE001  # it is handed to whoever asked
            failed([bulk.waiting], error)
            self._end_bulk()
            return
        if not bulk.left:
            self._end_bulk()
            self._hand_over([Made(bulk.waiting, bulk.scored)], bulk.candidate)

    def _piece(self, bulk: Bulk) -> Sequence[Scored]:
        method, started = bulk.waiting.question.method, monotonic()
        scored = decided(bulk.serving, bulk.candidate, method, bulk.left, bulk.stamps(self._new_id))
        self._measures.answered(method, scored, started - bulk.waiting.since, monotonic() - started)
        return scored

    def _end_bulk(self) -> None:
        with self._turn:
            self._bulk = None
            self._give_back()

    def _give_back(self) -> None:
        """Close the releases that nobody asks any more."""
        if self._bulk is None:
            retired, self._retired = self._retired, []
            for each in retired:
                each.close()


def _in_time(waiting: Sequence[Waiting]) -> list[Waiting]:
    """Those who still wait; who set a deadline that has passed is told so, who has gone is left out."""
    now = monotonic()
    late = [each for each in waiting if each.question.deadline is not None and each.question.deadline < now]
    if late:
        failed(late, DeadlineExceeded())
    return [each for each in waiting if each not in late and not each.reply.done()]
