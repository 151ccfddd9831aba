"""The engine: what waits together is scored together, durable before it is handed over, never mixed up."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
import pytest

from crm_rules.governance.stops import Kind, Stops
from monitoring.decision_log import Record
from monitoring.errors import LogUnavailable
from serving.deciding.asking import CreditRequest, CustomerRequest, OfferRequest, SuitabilityRequest
from serving.deciding.records import Decision, Request
from serving.deciding.scoring import Scored, Scorer
from serving.errors import DeadlineExceeded, Ending, Overloaded, UnknownCustomer, UnknownProduct
from serving.worker.bulk import TOGETHER
from serving.worker.engine import Engine, Room
from serving.worker.in_service import InService
from serving.worker.waiting import Question
from tests.conftest import AT


@dataclass
class Log:
    """A log in memory that can be held, and can refuse."""

    appended: list[Sequence[Record]] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    broken: bool = False

    def append(self, records: Sequence[Record]) -> None:
        assert self.open.wait(20)
        if self.broken:
            raise LogUnavailable(Path("decisions.db"), "disk full")
        self.appended.append(records)

    @property
    def ids(self) -> list[str]:
        return [record.decision_id for records in self.appended for record in records]


@dataclass
class Measured:
    """Keeps what the engine measured."""

    together: list[tuple[str, int]] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None

    def answered(self, method: str, scored: Sequence[Scored], waited: float, seconds: float) -> None:
        assert waited >= 0
        assert seconds >= 0
        self.together.append((method, len(scored)))
        self.meanwhile()

    def committed(self, records: int, seconds: float) -> None:
        self.commits.append(records)


@dataclass
class Desk:
    """An engine with its log and what it measured."""

    engine: Engine
    log: Log
    measured: Measured

    def question(self, method: str, *asked: Request, deadline: float | None = None) -> Question:
        return Question(method, asked, "r-1", "app", deadline)

    def ask_all(self, questions: Sequence[Question]) -> list[Sequence[Scored] | BaseException]:
        """Ask all of them in one event loop before the log lets go of any."""

        async def asking() -> list[Sequence[Scored] | BaseException]:
            tasks = [asyncio.create_task(self.engine.ask(each)) for each in questions]
            await asyncio.sleep(0.05)
            self.log.open.set()
            return await asyncio.gather(*tasks, return_exceptions=True)

        return asyncio.run(asking())


@pytest.fixture
def desk(scorer: Scorer) -> Iterator[Desk]:
    numbers, log, measured = itertools.count(), Log(), Measured()
    engine = Engine(
        InService(scorer), log, lambda: AT, lambda: f"id-{next(numbers)}", measures=measured, room=Room(40, 1)
    )
    yield Desk(engine, log, measured)
    log.open.set()
    engine.close()


def body(scored: Sequence[Scored] | BaseException) -> dict[str, object]:
    assert not isinstance(scored, BaseException)
    assert isinstance(scored[0], Decision)
    found: dict[str, object] = orjson.loads(scored[0].body)
    return found


def test_what_waits_together_is_scored_and_written_together(desk: Desk) -> None:
    names = ["ann", "ben", "cat"] * 10
    answers = desk.ask_all([desk.question("next_best_action", OfferRequest(name)) for name in names])
    assert [body(each)["customer_id"] for each in answers] == names
    assert sorted(desk.log.ids) == sorted(str(body(each)["decision_id"]) for each in answers)
    assert len(desk.measured.together) < 10
    assert len(desk.measured.commits) < 10
    assert sum(desk.measured.commits) == 30


def test_an_answer_is_the_same_to_the_byte_alone_and_among_others(desk: Desk) -> None:
    desk.log.open.set()
    [alone] = desk.engine.answer("segment", [CustomerRequest("ann")], "r-1", "app")
    asked = [desk.question("segment", CustomerRequest(name)) for name in ("ben", "ann", "cat")]
    among = desk.ask_all(asked)[1]
    assert isinstance(alone, Decision)
    assert body([alone]) | {"decision_id": ""} == body(among) | {"decision_id": ""}


def test_nothing_is_handed_over_before_it_is_durable(desk: Desk) -> None:
    async def asking() -> bool:
        task = asyncio.create_task(desk.engine.ask(desk.question("segment", CustomerRequest("ann"))))
        await asyncio.sleep(0.1)
        early = task.done()
        desk.log.open.set()
        await task
        return early

    assert not asyncio.run(asking())
    assert desk.log.ids == ["id-0"]


def test_what_the_log_refuses_is_answered_by_nobody_and_the_next_one_is(desk: Desk) -> None:
    desk.log.broken = True
    asked = [desk.question("segment", CustomerRequest(name)) for name in ("ann", "nobody")]
    refused, unknown = desk.ask_all(asked)
    assert isinstance(refused, LogUnavailable)
    assert isinstance(unknown, LogUnavailable) or isinstance(unknown[0], UnknownCustomer)  # type: ignore[index]
    desk.log.broken = False
    assert body(desk.engine.answer("segment", [CustomerRequest("ann")], "r-1", "app"))["customer_id"] == "ann"


def test_a_question_that_cannot_be_answered_spoils_no_other(desk: Desk) -> None:
    asked = [
        desk.question("suitability", SuitabilityRequest("ann", product))
        for product in ("savings-term", "no-such-product", "savings-term")
    ]
    first, bad, last = desk.ask_all(asked)
    assert isinstance(bad, UnknownProduct)
    assert body(first)["customer_id"] == body(last)["customer_id"] == "ann"


def test_who_comes_when_the_line_is_full_is_told_so_and_the_others_are_answered(desk: Desk) -> None:
    asked = [desk.question("segment", CustomerRequest("ann"))] * 600
    answers = desk.ask_all(asked)
    full = [each for each in answers if isinstance(each, Overloaded)]
    answered = [body(each) for each in answers if not isinstance(each, BaseException)]
    assert full
    assert len(full) + len(answered) == 600
    assert len(desk.log.ids) == len(answered)
    assert desk.engine.waiting == 0


def test_who_set_a_deadline_that_passed_is_not_decided(desk: Desk) -> None:
    late = desk.question("segment", CustomerRequest("ann"), deadline=time.monotonic() - 1)
    early = desk.question("segment", CustomerRequest("ben"), deadline=time.monotonic() + 60)
    refused, answered = desk.ask_all([late, early])
    assert isinstance(refused, DeadlineExceeded)
    assert body(answered)["customer_id"] == "ben"
    assert len(desk.log.ids) == 1


def test_who_asks_about_many_is_told_when_the_deadline_passes_between_two_pieces(desk: Desk) -> None:
    many = [CustomerRequest("ann")] * (TOGETHER + 1)
    desk.measured.meanwhile = lambda: time.sleep(0.3)
    [refused] = desk.ask_all([desk.question("segment", *many, deadline=time.monotonic() + 0.25)])
    assert isinstance(refused, DeadlineExceeded)
    assert not desk.log.ids
    desk.measured.meanwhile = lambda: None
    [answered] = desk.ask_all([desk.question("segment", *many)])
    assert not isinstance(answered, BaseException)


def test_who_has_gone_before_the_turn_came_is_not_decided(desk: Desk) -> None:
    gone = desk.question("segment", CustomerRequest("ann"))

    async def asking() -> None:
        with desk.engine._turn:  # nothing is scored before both have come and one has gone
            busy = asyncio.create_task(desk.engine.ask(desk.question("segment", CustomerRequest("ben"))))
            await asyncio.sleep(0.05)
            task = asyncio.create_task(desk.engine.ask(gone))
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.sleep(0)
        desk.log.open.set()
        await busy

    asyncio.run(asking())
    assert len(desk.log.ids) == 1


def test_many_are_answered_in_their_order_and_who_asks_about_one_does_not_wait_for_their_end(
    desk: Desk,
) -> None:
    names = ["ann", "ben", "cat", "nobody"] * 60
    many = desk.question("segment", *[CustomerRequest(name) for name in names])
    alone: list[Sequence[Scored]] = []
    desk.log.open.set()

    def meanwhile() -> None:
        desk.measured.meanwhile = lambda: None
        thread = threading.Thread(
            target=lambda: alone.append(desk.engine.answer("segment", [CustomerRequest("ann")], "r", "app"))
        )
        thread.start()
        while not desk.engine.waiting:
            time.sleep(0.001)

    desk.measured.meanwhile = meanwhile
    [answer] = desk.ask_all([many])
    assert not isinstance(answer, BaseException)
    found = [
        each.customer_id if isinstance(each, UnknownCustomer) else each.record.customer_id for each in answer
    ]
    assert found == names
    sizes = [size for _, size in desk.measured.together]
    assert sizes[:2] == [TOGETHER, 1]
    assert sum(sizes) == len(names) + 1
    assert body(alone[0])["customer_id"] == "ann"


def test_many_are_answered_by_one_release_though_another_comes_meanwhile(desk: Desk, scorer: Scorer) -> None:
    closed: list[str] = []
    loaded = replace(scorer.loaded, runtime=replace(scorer.loaded.runtime, digest="b" * 64))
    desk.engine.serving = replace(desk.engine.serving, close=lambda: closed.append("old"))
    new = InService(replace(scorer, loaded=loaded), 2)
    still_open: list[bool] = []

    def meanwhile() -> None:
        desk.measured.meanwhile = lambda: still_open.append(not closed)
        switching = threading.Thread(target=desk.engine.serve, args=[new])
        switching.start()
        later.append(switching)

    later: list[threading.Thread] = []
    desk.measured.meanwhile = meanwhile
    asked = desk.question("segment", *[CustomerRequest("ann")] * (3 * TOGETHER))
    [answer] = desk.ask_all([asked])
    later[0].join()
    assert not isinstance(answer, BaseException)
    releases = {orjson.loads(each.body)["release"]["digest"] for each in answer if isinstance(each, Decision)}
    assert len(releases) == 1
    assert all(still_open)
    assert closed == ["old"]
    after = body(desk.engine.answer("segment", [CustomerRequest("ann")], "r-1", "app"))
    assert after["release"]["digest"] == "b" * 64  # type: ignore[index]


def test_a_stop_switch_holds_from_the_next_answer_on(desk: Desk) -> None:
    desk.log.open.set()
    desk.engine.stop(Stops.of([(Kind.PRODUCT, "savings-term")]))
    found = body(desk.engine.answer("next_best_action", [OfferRequest("ann", None, 10)], "r-1", "app"))
    assert "savings-term" not in [each["product_id"] for each in found["offers"]]  # type: ignore[union-attr]


def test_cases_that_cannot_be_opened_keep_only_those_waiting_who_are_referred(scorer: Scorer) -> None:
    held, told, log = threading.Event(), list[str](), Log()
    log.open.set()

    def refer(records: Sequence[Record]) -> None:
        assert held.wait(20)
        told.extend(record.decision_id for record in records)
        raise OSError("the case store is gone")

    numbers = itertools.count()
    engine = Engine(InService(scorer), log, lambda: AT, lambda: f"id-{next(numbers)}", refer)
    engine.stop(Stops.of([(Kind.MODEL, "credit_risk/application")]))  # then a person decides
    referred: list[Sequence[Scored]] = []
    asking = threading.Thread(
        target=lambda: referred.append(
            engine.answer("credit", [CreditRequest("ann", 6_000.0, 24)], "r", "app")
        )
    )
    asking.start()
    while not log.appended:
        time.sleep(0.001)
    assert engine.answer("segment", [CustomerRequest("ann")], "r", "app")
    assert not referred
    held.set()
    asking.join()
    assert body(referred[0])["outcome"] == "refer"
    assert told == [body(referred[0])["decision_id"]]
    engine.close()


def test_an_engine_that_closes_answers_who_waits_and_takes_nobody_new(desk: Desk) -> None:
    answers = desk.ask_all([desk.question("segment", CustomerRequest("ann"))] * 20)
    desk.engine.close()
    assert all(not isinstance(each, BaseException) for each in answers)
    assert not desk.engine.alive
    with pytest.raises(Ending):
        desk.engine.answer("segment", [CustomerRequest("ann")], "r-1", "app")


def test_reserved_ids_are_the_ids_of_the_answers(desk: Desk) -> None:
    desk.log.open.set()
    asked = Question("segment", [CustomerRequest("ann")], "r-1", "app", None, ["reserved-1"])
    assert body(desk.ask_all([asked])[0])["decision_id"] == "reserved-1"
    assert desk.log.ids == ["reserved-1"]
