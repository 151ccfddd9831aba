"""POST /v1/events: what is kept, what is repeated, what is refused and why."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from feature_repo.live.events import PUSHED
from serving.api.app import create_app
from serving.api.events import events_schema
from serving.auth import Caller, TokenCheck
from tests.conftest import AT
from tests.serving.api.test_http import assert_problem
from tests.serving.conftest import Bank, InProcess

PATH = "/v1/events"
BOOKING: dict[str, Any] = {
    "table": "bookings", "booking_id": "b1", "account_id": "a1", "booked_at": "2026-02-28T09:00:00+08:00",
    "amount": "-12.50", "currency": "CNY", "channel": "card", "category": "card_payment",
}  # fmt: skip
GOOD: dict[str, dict[str, Any]] = {
    "booking": BOOKING,
    "money-as-a-number": BOOKING | {"amount": -12.5},
    "a-correction-of-one-field": {"table": "bookings", "booking_id": "b1", "amount": "-70"},
    "interaction": {
        "table": "interactions", "interaction_id": "i1", "customer_id": "ann", "at": "2026-02-28T09:00:00Z",
        "channel": "app", "direction": "inbound", "rating": 4,
    },
    "holding": {
        "table": "holdings", "customer_id": "ann", "product_id": "fund-money",
        "opened_at": "2026-02-28T09:00:00Z", "amount": "900.00",
    },
    "changed-income": {"table": "customers", "customer_id": "ann", "income_monthly": "5000.00"},
}  # fmt: skip


def post(bank: Bank, *events: Any, **headers: str) -> Any:
    given = bank.token() | {name.replace("_", "-"): value for name, value in headers.items()}
    return bank.client.post(PATH, json={"events": list(events)}, headers=given)


def raw(bank: Bank, text: bytes) -> Any:
    headers = bank.token() | {"Content-Type": "application/json"}
    return bank.client.post(PATH, content=text, headers=headers)


def results(response: Any) -> list[str]:
    assert response.status_code == 200, response.text
    return [item["result"] for item in response.json()["items"]]


@pytest.mark.parametrize("name", GOOD)
def test_an_event_is_accepted_once_and_kept_as_it_was_said(bank: Bank, name: str) -> None:
    first, again = post(bank, GOOD[name]), post(bank, GOOD[name])
    assert first.json()["items"] == [{"result": "accepted", "status": 202, "number": 1}]
    assert again.json()["items"] == [{"result": "repeated", "status": 200, "number": 1}]
    [kept] = bank.desk.inbox.after(0, 10)
    assert json.loads(kept.text).keys() == GOOD[name].keys()
    assert kept.at > AT


@pytest.mark.parametrize(
    ("event", "field", "problem"),
    [
        pytest.param({"table": "passwords"}, "table", "unknown code", id="unknown-table"),
        pytest.param({"table": "products", "product_id": "p"}, "table", "unknown code", id="closed-table"),
        pytest.param({}, "table", "unknown code", id="empty"),
        pytest.param(BOOKING | {"pin": "1234"}, "(event)", "unknown column", id="extra-field"),
        pytest.param(BOOKING | {"booking_id": None}, "booking_id", "null", id="no-id"),
        pytest.param(BOOKING | {"booking_id": "b\x00"}, "booking_id", "control character", id="nul"),
        pytest.param(BOOKING | {"booking_id": "b" * 201}, "booking_id", "too long", id="long-id"),
        pytest.param(BOOKING | {"booking_id": 7}, "booking_id", "int", id="number-for-id"),
        pytest.param(BOOKING | {"booked_at": "2026-03-01T00:06:00Z"}, "booked_at", "future", id="future"),
        pytest.param(BOOKING | {"booked_at": "2026-02-28T09:00:00"}, "booked_at", "naive time", id="naive"),
        pytest.param(BOOKING | {"booked_at": "2026-02-30T09:00:00Z"}, "booked_at", "impossible", id="30-feb"),
        pytest.param(BOOKING | {"currency": "cny"}, "currency", "unknown code", id="small-currency"),
        pytest.param(BOOKING | {"currency": "YUAN"}, "currency", "unknown code", id="no-currency"),
        pytest.param(BOOKING | {"amount": "1e400"}, "amount", "text", id="exponent"),
        pytest.param(BOOKING | {"amount": 10**16}, "amount", "too large", id="huge"),
        pytest.param(BOOKING | {"amount": 1e300}, "amount", "too large", id="huge-float"),
        pytest.param(BOOKING | {"amount": "0.005"}, "amount", "number", id="third-decimal"),
        pytest.param(BOOKING | {"amount": True}, "amount", "bool", id="flag-for-money"),
        pytest.param(BOOKING | {"amount": ["1"]}, "amount", "list", id="list-for-money"),
        pytest.param(BOOKING | {"category": "bribe"}, "category", "unknown code", id="unknown-category"),
        pytest.param(BOOKING | {"recorded_at": "2026-02-01T00:00:00Z"}, "recorded_at", "not the caller's",
                     id="backdated"),
    ],
)  # fmt: skip
def test_what_breaks_the_contract_is_refused_with_the_field_and_never_the_value(
    bank: Bank, event: dict[str, Any], field: str, problem: str
) -> None:
    said = post(bank, event, BOOKING).json()
    assert [item["result"] for item in said["items"]] == ["refused", "accepted"]
    [error] = said["items"][0]["problem"]["errors"]
    assert error["field"] == field
    assert error["problem"].startswith(problem)
    assert "1234" not in json.dumps(said)
    assert len(bank.desk.inbox.after(0, 10)) == 1


@pytest.mark.parametrize(
    "amount",
    [b"NaN", b"-Infinity", b"9" * 5000, b"1e99999999", b"0e99999999", b"1" + b"0" * 400]
)  # fmt: skip
def test_numbers_that_are_none_are_refused_one_by_one(bank: Bank, amount: bytes) -> None:
    event = json.dumps(BOOKING).encode().replace(b'"-12.50"', amount)
    assert results(raw(bank, b'{"events": [' + event + b"]}")) == ["refused"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"events": []}', id="none"),
        pytest.param(b'{"events": {}}', id="no-list"),
        pytest.param(b'{"events": [1]}', id="no-object"),
        pytest.param(b"[]", id="no-body"),
        pytest.param(b"{}", id="empty-body"),
        pytest.param(b'{"events": [{}], "more": 1}', id="extra-member"),
        pytest.param(b'{"events": [{"table": "bookings", "table": "loans"}]}', id="key-twice"),
        pytest.param(json.dumps({"events": [{}] * 1001}).encode(), id="1001-events"),
    ],
)
def test_a_body_that_is_no_list_of_events_is_a_422_and_nothing_is_kept(bank: Bank, body: bytes) -> None:
    assert_problem(raw(bank, body), 422, "invalid-body")
    assert bank.desk.inbox.after(0, 1) == []


def test_a_thousand_events_are_taken_at_once(bank: Bank) -> None:
    events = [BOOKING | {"booking_id": f"b{number}"} for number in range(1000)]
    assert set(results(post(bank, *events))) == {"accepted"}
    assert [one.number for one in bank.desk.inbox.after(998, 10)] == [999, 1000]


def test_in_one_body_the_same_counts_once_and_other_content_is_a_correction(bank: Bank) -> None:
    other = BOOKING | {"amount": "-99.00"}
    assert results(post(bank, BOOKING, BOOKING, other, BOOKING)) == [
        "accepted", "repeated", "accepted", "accepted",
    ]  # fmt: skip


def test_the_order_of_fields_and_the_way_money_is_written_make_no_other_event(bank: Bank) -> None:
    written = dict(reversed(list(BOOKING.items()))) | {"amount": -12.50, "booked_at": "2026-02-28T01:00:00Z"}
    assert results(post(bank, BOOKING, written | {"is_cash": None})) == ["accepted", "repeated"]


def test_under_an_idempotency_key_a_request_is_taken_once(bank: Bank) -> None:
    future = BOOKING | {"booking_id": "b2", "booked_at": "2026-03-01T00:30:00Z"}
    first = post(bank, BOOKING, future, Idempotency_Key="key-00000001")
    post(bank, BOOKING | {"amount": "-13.00"})
    bank.times.append(AT + timedelta(minutes=40))
    again = post(bank, BOOKING, future, Idempotency_Key="key-00000001")
    assert (results(first), results(again)) == (["accepted", "refused"], ["repeated", "refused"])
    assert_problem(post(bank, BOOKING, Idempotency_Key="key-00000001"), 409, "idempotency-conflict")
    assert len(bank.desk.inbox.after(0, 10)) == 2


@pytest.mark.parametrize("key", ["", "short", "k" * 101, "with space in it", "k\u00e9y-12345"])
def test_an_idempotency_key_of_another_shape_is_a_422(bank: Bank, key: str) -> None:
    given = bank.token() | {"Idempotency-Key": key}
    encoded = [(name.encode(), value.encode()) for name, value in given.items()]
    response = bank.client.post(PATH, json={"events": [BOOKING]}, headers=encoded)
    assert_problem(response, 422, "invalid-body")


def test_when_too_many_wait_the_caller_is_told_to_come_again(bank: Bank) -> None:
    bank.desk.inbox._most = 2
    response = post(bank, *(BOOKING | {"booking_id": f"b{number}"} for number in range(3)))
    assert_problem(response, 503, "inbox-full")
    assert response.headers["retry-after"]
    assert bank.desk.inbox.after(0, 1) == []


def test_where_the_inbox_cannot_be_written_nothing_is_accepted(bank: Bank, tmp_path: Path) -> None:
    (tmp_path / "inbox.db").rename(tmp_path / "gone.db")
    problem = assert_problem(post(bank, BOOKING), 503, "unavailable")
    assert str(tmp_path) not in json.dumps(problem)


class CustomersOwn(TokenCheck):
    """Every token is ann's own, and may do everything an app may."""

    def caller(self, token: str, now: Any) -> Caller:
        found = super().caller(token, now)
        return Caller(found.subject, found.scopes, found.token_id, found.expires, "ann")


def test_a_customers_own_token_and_one_without_the_scope_are_refused(bank: Bank) -> None:
    assert_problem(
        bank.client.post(PATH, json={"events": [BOOKING]}, headers=bank.token("score:read")),
        403, "missing-scope",
    )  # fmt: skip
    app = create_app(bank.desk, CustomersOwn(bank.key.public_key()), lambda: AT, lambda: "id")
    with httpx.Client(transport=InProcess(app), base_url="http://bank") as client:
        response = client.post(PATH, json={"events": [BOOKING]}, headers=bank.token())
        assert_problem(response, 403, "other-customer")
    assert bank.desk.inbox.after(0, 1) == []


def test_the_schema_names_every_table_and_every_column_that_may_be_sent(bank: Bank) -> None:
    schema: Any = events_schema()
    tables = {one["title"]: one for one in schema["properties"]["events"]["items"]["oneOf"]}
    assert tuple(tables) == PUSHED
    assert "recorded_at" not in tables["bookings"]["properties"]
    for event in GOOD.values():
        assert event.keys() <= tables[event["table"]]["properties"].keys()
        assert set(tables[event["table"]]["required"]) <= event.keys()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"events":[}', id="broken"),
        pytest.param(b"\xd6:", id="no-utf-8"),
        pytest.param('{"events":[]}'.encode("utf-16"), id="utf-16"),
        pytest.param(b'{"events":' + b"[" * 30_000, id="nested"),
        pytest.param(b'{"events":[NaN]}', id="not-finite"),
        pytest.param(b'{"events":[' + b"9" * 6_000 + b"]}", id="huge"),
        pytest.param(b":", id="a-colon"),
    ],
)
def test_a_body_that_is_no_json_is_refused_though_it_holds_one_colon(bank: Bank, body: bytes) -> None:
    headers = bank.token() | {"Content-Type": "application/json"}
    assert_problem(bank.client.post("/v1/events", content=body, headers=headers), 422, "invalid-body")
