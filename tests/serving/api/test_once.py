"""Idempotency-Key on questions: the same key and body is the same decision, any other body is refused."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from serving.api.once import Once
from serving.auth import EVERY_SCOPE, issue
from serving.deciding.asking import OfferRequest
from serving.deciding.scoring import Scored
from serving.worker.keys import Keyed, Known
from tests.conftest import AT
from tests.serving.api.test_http import CREDIT, NBA, assert_problem
from tests.serving.conftest import Bank

ASKED = {NBA: {"customer_id": "ann"}, CREDIT: {"customer_id": "ann", "amount": 6000, "term_months": 24}}
BATCH = {"items": [{"customer_id": "ann"}, {"customer_id": "nobody"}, {"customer_id": "ben"}]}


def post(bank: Bank, path: str, body: object, key: str, **headers: str) -> httpx.Response:
    sent = bank.token() | {"Idempotency-Key": key} | headers
    return bank.client.post(path, json=body, headers=sent)


@pytest.mark.parametrize("path", [NBA, CREDIT, "/v1/score/segment"])
def test_the_same_key_and_body_is_the_same_decision_to_the_byte(bank: Bank, path: str) -> None:
    body = ASKED.get(path, {"customer_id": "ann"})
    first, again = post(bank, path, body, "order-0001"), post(bank, path, body, "order-0001")
    assert first.status_code == 200
    assert first.content == again.content
    assert len(bank.log.records) == 1
    other = post(bank, path, body, "order-0002")
    assert other.json()["decision_id"] != first.json()["decision_id"]


def test_a_batch_with_a_key_is_decided_once_and_whom_nobody_knows_stays_unknown(bank: Bank) -> None:
    first = post(bank, f"{NBA}:batch", BATCH, "order-0001", **{"X-Request-ID": "r-1"})
    again = post(bank, f"{NBA}:batch", BATCH, "order-0001", **{"X-Request-ID": "r-1"})
    assert [each["status"] for each in first.json()["items"]] == [200, 404, 200]
    assert first.content == again.content
    assert len(bank.log.records) == 2


def test_a_batch_that_is_written_while_it_is_looked_up_is_told_whole(bank: Bank) -> None:
    first = post(bank, f"{NBA}:batch", BATCH, "order-0001", **{"X-Request-ID": "r-1"})
    bank.log.early = 1
    again = post(bank, f"{NBA}:batch", BATCH, "order-0001", **{"X-Request-ID": "r-1"})
    assert first.content == again.content


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"customer_id": "ben"}, id="another-customer"),
        pytest.param({"customer_id": "ann", "top": 3}, id="a-default-written-out"),
    ],
)
def test_a_key_with_another_body_is_refused_and_nothing_is_decided(bank: Bank, other: object) -> None:
    post(bank, NBA, {"customer_id": "ann"}, "order-0001")
    assert_problem(post(bank, NBA, other, "order-0001"), 409, "idempotency-conflict")
    assert len(bank.log.records) == 1


def test_the_same_key_on_another_route_or_by_another_app_is_another_key(bank: Bank) -> None:
    first = post(bank, "/v1/score/segment", {"customer_id": "ann"}, "order-0001")
    second = post(bank, "/v1/score/propensity", {"customer_id": "ann"}, "order-0001")
    assert first.json()["decision_id"] != second.json()["decision_id"]
    assert len(bank.log.records) == 2


@pytest.mark.parametrize(
    "key",
    ["", "short", "x" * 101, "with space in", "key-with-nul\x00", "ключ-ключ-ключ", "ｏｒｄｅｒ-0001"],
)
def test_what_is_no_key_is_refused(bank: Bank, key: str) -> None:
    headers: list[tuple[str, bytes | str]] = [*bank.token().items(), ("Idempotency-Key", key.encode())]
    response = bank.client.post(NBA, json=ASKED[NBA], headers=headers)
    assert_problem(response, 422, "invalid-body")
    assert not bank.log.records


def test_two_keys_in_one_request_are_refused(bank: Bank) -> None:
    headers = [*bank.token().items(), ("Idempotency-Key", "order-0001"), ("Idempotency-Key", "order-0002")]
    assert_problem(bank.client.post(NBA, json=ASKED[NBA], headers=headers), 422, "invalid-body")


def test_an_apps_name_is_never_taken_for_an_app_and_a_customer(bank: Bank) -> None:
    app = issue(bank.key, "app for ann", EVERY_SCOPE, 1, AT)
    anns = issue(bank.key, "app", ["decisions:make"], 1, AT, customer="ann")
    ids = set()
    for token in (app, anns):
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "order-0001"}
        ids.add(bank.client.post(NBA, json=ASKED[NBA], headers=headers).json()["decision_id"])
    assert len(ids) == 2


def test_many_at_once_with_one_key_are_one_decision(bank: Bank) -> None:
    with ThreadPoolExecutor(8) as pool:
        bodies = set(pool.map(lambda _: post(bank, NBA, ASKED[NBA], "order-0001").content, range(24)))
    assert len(bodies) == 1
    assert len(bank.log.records) == 1


def test_what_could_not_be_recorded_is_decided_by_the_next_try(bank: Bank) -> None:
    bank.log.broken = True
    assert_problem(post(bank, NBA, ASKED[NBA], "order-0001"), 503, "not-recorded")
    bank.log.broken = False
    again = post(bank, NBA, ASKED[NBA], "order-0001")
    assert again.status_code == 200
    assert list(bank.log.records) == [again.json()["decision_id"]]


def test_a_reserved_key_that_a_crash_left_is_decided_under_the_reserved_id(bank: Bank) -> None:
    """Another process reserved it and ended before its decision was written."""
    first = post(bank, NBA, ASKED[NBA], "order-0001")
    bank.log.records.clear()
    again = post(bank, NBA, ASKED[NBA], "order-0001")
    assert again.json()["decision_id"] == first.json()["decision_id"]
    assert list(bank.log.records) == [first.json()["decision_id"]]


def test_a_log_that_cannot_be_read_leaves_the_key_to_the_next_try(bank: Bank) -> None:
    first = post(bank, NBA, ASKED[NBA], "order-0001")
    bank.log.records.clear()  # as after a crash between the key and its decision
    bank.log.unreadable = True
    assert_problem(post(bank, NBA, ASKED[NBA], "order-0001"), 503, "unavailable")
    bank.log.unreadable = False
    again = post(bank, NBA, ASKED[NBA], "order-0001").json()
    assert again["decision_id"] == first.json()["decision_id"]


def test_who_goes_away_while_it_is_decided_gives_no_key_back(bank: Bank) -> None:
    assert bank.desk.keyring is not None
    ring, keyed = bank.desk.keyring, Keyed("app", NBA, "order-0001", "b" * 64, "d1")
    once = Once(bank.desk, ring, keyed, [OfferRequest("ann")], False)

    async def never(ids: object) -> Sequence[Scored]:
        await asyncio.sleep(60)
        return []

    async def gone() -> object:
        task = asyncio.ensure_future(once.answers(never))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait([task])
        return await ring.reserve(keyed)

    assert asyncio.run(gone()) == Known("d1", bank.desk.engine.now().isoformat(), busy=True)


def test_a_key_is_kept_as_a_digest(bank: Bank) -> None:
    assert "order-0001" not in Keyed("app", NBA, "order-0001", "b", "id").digest


def test_while_keys_cannot_be_kept_nothing_is_decided_under_one(bank: Bank) -> None:
    assert bank.desk.keyring is not None
    bank.desk.keyring._keys._database.close()
    assert_problem(post(bank, NBA, ASKED[NBA], "order-0001"), 503, "keys-unavailable")
    without: Mapping[str, str] = bank.token()
    assert bank.client.post(NBA, json=ASKED[NBA], headers=without).status_code == 200


@pytest.mark.parametrize(("asked", "language"), [("zh-CN", "zh"), ("en", "en"), ("fr", "en")])
def test_an_answer_is_in_the_language_asked_for_and_its_record_in_both(
    bank: Bank, asked: str, language: str
) -> None:
    response = post(bank, NBA, ASKED[NBA], "order-0001", **{"Accept-Language": asked})
    assert response.headers["content-language"] == language
    assert response.headers["vary"] == "Accept-Language"
    assert isinstance(response.json()["offers"][0]["title"], str)
    both = post(bank, NBA, ASKED[NBA], "order-0001")
    assert both.json()["offers"][0]["title"].keys() == {"en", "zh"}
    assert len(bank.log.records) == 1
