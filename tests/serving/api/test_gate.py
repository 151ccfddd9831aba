"""The gate alone: what it lets through, with what it found in the headers, and what it refuses."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.types import Message, Receive, Scope, Send

from serving.api import gate as gating
from serving.api.gate import SECURITY, Gate
from serving.api.rates import Rates
from serving.auth import TokenCheck, issue
from tests.conftest import AT

KEY = Ed25519PrivateKey.generate()
TOKEN = issue(KEY, "app", ["score:read"], 1, AT).encode()
POST = ("POST", "/score")
ROUTES = {POST: "score:read", ("POST", "/score:batch"): "score:read", ("GET", "/look"): "score:read"}
TRACE = b"4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = b"00f067aa0ba902b7"
Header = tuple[bytes, bytes]


@dataclass
class Inside:
    """What is behind the gate: it keeps each scope and what it received, and answers `said`."""

    said: Sequence[Header] = ((b"content-type", b"application/json"),)
    seen: list[Scope] = field(default_factory=list)
    received: list[Message] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen.append(scope)
        self.received += [await receive(), await receive()]
        await send({"type": "http.response.start", "status": 200, "headers": list(self.said)})
        await send({"type": "http.response.body", "body": b"{}"})


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


def gate(inside: Inside, **given: Any) -> Gate:
    check = TokenCheck(KEY.public_key())
    return Gate(inside, ROUTES, check, lambda: AT, lambda: "id-1", {("GET", "/livez")}, **given)


def knock(
    closed: Gate,
    *headers: Header,
    route: tuple[str, str] = POST,
    messages: Sequence[Message] = ({"type": "http.request", "body": b'{"a": 1}', "more_body": False},),
    token: bytes = TOKEN,
    **scope: Any,
) -> Answer:
    """One request as a server would hand it in; when its messages are through, the connection waits."""
    coming = list(messages)
    sent: list[Message] = []

    async def receive() -> Message:
        if not coming:
            await asyncio.sleep(0.2)
            return {"type": "http.disconnect"}
        return coming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    usual = [(b"authorization", b"Bearer " + token), (b"content-type", b"application/json")]
    asked = {
        "type": "http", "method": route[0], "path": route[1], "raw_path": route[1].encode(),
        "query_string": b"", "headers": [*usual, *headers], **scope,
    }  # fmt: skip
    asyncio.run(closed(asked, receive, send))
    start = next(message for message in sent if message["type"] == "http.response.start")
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(start["status"], dict(start["headers"]), body)


def state(*headers: Header) -> dict[str, Any]:
    """What an admitted request finds in its state."""
    inside = Inside()
    assert knock(gate(inside, clock=lambda: 100.0), *headers).status == 200
    found: dict[str, Any] = inside.seen[0]["state"]
    return found


def test_a_request_comes_through_with_caller_body_and_id() -> None:
    found = state((b"x-request-id", b"mine-7"))
    assert (found["caller"].subject, found["body"], found["request_id"]) == ("app", b'{"a": 1}', "mine-7")
    assert (found["deadline"], found["trace"]) == (None, None)


@pytest.mark.parametrize("given", [b"", b"a b", b"x" * 65, b"\xff", b"a\nb"])
def test_an_id_that_is_none_is_replaced(given: bytes) -> None:
    assert state((b"x-request-id", given))["request_id"] == "id-1"
    assert state((b"x-request-id", b"a"), (b"x-request-id", b"b"))["request_id"] == "id-1"


@pytest.mark.parametrize(("given", "moment"), [(b"1", 100.001), (b"250", 100.25), (b"30000", 130.0)])
def test_a_deadline_becomes_a_moment(given: bytes, moment: float) -> None:
    assert state((b"x-deadline-ms", given))["deadline"] == pytest.approx(moment)


@pytest.mark.parametrize(
    "given",
    [b"", b"0", b"-1", b"+5", b"1.5", b"1e3", b" 5", b"05", b"30001", b"99999999", b"soon", b"\xd9\xa3"],
)
def test_a_deadline_out_of_bounds_is_a_422(given: bytes) -> None:
    answer = knock(gate(Inside()), (b"x-deadline-ms", given))
    assert answer.status == 422
    assert b"X-Deadline-Ms" in answer.body


@pytest.mark.parametrize(
    ("given", "known"),
    [
        pytest.param(b"00-" + TRACE + b"-" + SPAN + b"-01", True, id="as-the-standard-says"),
        pytest.param(b"cc-" + TRACE + b"-" + SPAN + b"-01-later", True, id="a-later-version-says-more"),
        pytest.param(b"00-" + TRACE + b"-" + SPAN + b"-01-more", False, id="this-version-says-no-more"),
        pytest.param(b"cc-" + TRACE + b"-" + SPAN + b"-01later", False, id="a-later-version-runs-on"),
        pytest.param(b"ff-" + TRACE + b"-" + SPAN + b"-01", False, id="version-ff"),
        pytest.param(b"00-" + b"0" * 32 + b"-" + SPAN + b"-01", False, id="trace-of-zeros"),
        pytest.param(b"00-" + TRACE + b"-" + b"0" * 16 + b"-01", False, id="span-of-zeros"),
        pytest.param(b"00-" + TRACE.upper() + b"-" + SPAN + b"-01", False, id="capitals"),
        pytest.param(b"00-" + TRACE[1:] + b"-" + SPAN + b"-01", False, id="short"),
        pytest.param(b"\nlog: forged", False, id="a-line-for-the-log"),
    ],
)
def test_the_trace_id_of_a_well_formed_traceparent_is_kept(given: bytes, known: bool) -> None:
    assert state((b"traceparent", given))["trace"] == (TRACE.decode() if known else None)
    assert state((b"traceparent", given), (b"traceparent", given))["trace"] is None


def test_every_answer_has_the_security_headers_and_hides_the_server() -> None:
    loose = Inside([(b"Server", b"inside/1"), (b"cache-control", b"public"), (b"X-Frame", b"1")])
    answers = [
        knock(gate(loose)),
        knock(gate(loose), route=("GET", "/livez"), token=b""),
        knock(gate(loose), token=b"x"),
        knock(gate(loose), route=("GET", "/nothing")),
        knock(gate(loose), (b"x-pad", b"x" * 20_000)),
    ]
    assert [answer.status for answer in answers] == [200, 200, 401, 404, 431]
    for answer in answers:
        assert dict(SECURITY).items() <= answer.headers.items()
        assert answer.headers[b"x-request-id"] == b"id-1"
        assert not {b"server", b"Server"} & answer.headers.keys()


@pytest.mark.parametrize(
    "name", [b"content-type", b"content-length", b"content-encoding", b"transfer-encoding", b"x-deadline-ms"]
)
def test_a_header_that_decides_comes_once(name: bytes) -> None:
    assert knock(gate(Inside()), (name, b"1"), (name, b"1")).status == 400


def test_two_tokens_are_none() -> None:
    assert knock(gate(Inside()), (b"authorization", b"Bearer " + TOKEN)).status == 401


@pytest.mark.parametrize("given", [b"gzip", b"gzip, chunked", b"identity"])
def test_a_body_is_not_packed(given: bytes) -> None:
    assert knock(gate(Inside()), (b"transfer-encoding", given)).status == 415
    assert knock(gate(Inside()), (b"transfer-encoding", b"Chunked")).status == 200


@pytest.mark.parametrize("given", [b"70000", b"-1", b"abc", b"1" * 30, b"\xb2"])
def test_a_length_that_is_none_or_too_long_is_a_413(given: bytes) -> None:
    assert knock(gate(Inside()), (b"content-length", given)).status == 413


def test_a_route_has_one_spelling() -> None:
    assert knock(gate(Inside()), raw_path=b"/%73core").status == 404


def test_a_caller_who_asks_too_often_waits_and_others_do_not() -> None:
    times = [0.0]
    closed = gate(Inside(), rates=Rates(per_second=0.5, burst=2), clock=lambda: times[-1])
    assert [knock(closed).status for _ in range(3)] == [200, 200, 429]
    refused = knock(closed)
    assert refused.headers[b"retry-after"] == b"2"
    assert knock(closed, token=issue(KEY, "another", ["score:read"], 1, AT).encode()).status == 200
    customers = [issue(KEY, "app", ["score:read"], 1, AT, customer).encode() for customer in ("ann", "ben")]
    assert [knock(closed, token=token).status for token in customers] == [200, 200]
    times.append(2.0)
    assert [knock(closed).status for _ in range(2)] == [200, 429]


def test_whoever_has_no_token_uses_up_nobodys_rate() -> None:
    closed = gate(Inside(), rates=Rates(per_second=0.5, burst=1), clock=lambda: 0.0)
    assert [knock(closed, token=b"x").status for _ in range(5)] == [401] * 5
    assert knock(closed).status == 200


def test_a_body_that_does_not_arrive_is_a_408_that_ends_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gating, "BODY_SECONDS", 0.01)
    inside, begun = Inside(), {"type": "http.request", "body": b"{", "more_body": True}
    answer = knock(gate(inside), messages=[begun])
    assert (answer.status, answer.headers[b"connection"], inside.seen) == (408, b"close", [])


def test_a_body_in_pieces_is_read_to_its_limit_and_no_further() -> None:
    def pieces(count: int) -> list[Message]:
        body = [{"type": "http.request", "body": b" " * 1_024, "more_body": True} for _ in range(count)]
        return [*body, {"type": "http.request", "body": b'{"a": 1}', "more_body": False}]

    assert knock(gate(Inside()), messages=pieces(63)).status == 200
    assert knock(gate(Inside()), messages=pieces(64)).status == 413
    assert knock(gate(Inside()), messages=pieces(64), route=("POST", "/score:batch")).status == 200
    coming = pieces(10_000)
    assert knock(gate(Inside()), messages=coming).status == 413


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b'{"a": 1, "a": 2}', 422, id="a-key-twice"),
        pytest.param(b'{"a": 1, "\\u0061": 2}', 422, id="a-key-twice-spelt-otherwise"),
        pytest.param(b'{"b": {"a": 1, "a": 1}}', 422, id="inside"),
        pytest.param(b'{"a": 1, "b": {"a": 1}}', 200, id="in-two-objects"),
        pytest.param(b'{"a": ":"}', 200, id="a-colon-as-a-value"),
        pytest.param(b'{"a": 1} x', 200, id="one-colon-is-left-to-the-schema"),
        pytest.param(b'{"a": 1, "b": 2} x', 422, id="trailing"),
        pytest.param(b"\xef\xbb\xbf" + b'{"a": 1, "b": 2}', 422, id="byte-order-mark"),
        pytest.param(b'{"a": "\xff", "b": 2}', 422, id="no-utf-8"),
        pytest.param(b"", 422, id="empty"),
    ],
)
def test_no_key_comes_twice(body: bytes, status: int) -> None:
    message = {"type": "http.request", "body": body, "more_body": False}
    assert knock(gate(Inside()), messages=[message]).status == status


def test_the_body_is_given_once_and_then_the_end_of_the_connection() -> None:
    inside = Inside()
    knock(gate(inside))
    assert [message["type"] for message in inside.received] == ["http.request", "http.disconnect"]


def test_a_hot_route_is_answered_by_its_own_app_once_admitted() -> None:
    inside, hot = Inside(), Inside()
    closed = gate(inside, hot={POST: hot})
    assert knock(closed, token=b"x").status == 401
    assert (inside.seen, hot.seen) == ([], [])
    assert knock(closed, (b"x-deadline-ms", b"5")).status == 200
    assert (len(inside.seen), len(hot.seen)) == (0, 1)
    assert set(hot.seen[0]["state"]) == {"request_id", "caller", "body", "head", "deadline", "trace"}
    assert knock(closed, route=("GET", "/look")).status == 200
    assert len(inside.seen) == 1


def test_nothing_here_speaks_websocket() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def never() -> Message:
        raise AssertionError("nothing is read")

    inside = Inside()
    asyncio.run(gate(inside)({"type": "websocket", "path": "/livez", "headers": []}, never, send))
    assert (sent, inside.seen) == ([{"type": "websocket.close", "code": 1008}], [])


def test_an_expired_token_is_refused_by_the_clock_of_the_gate() -> None:
    times = [AT]
    later: Callable[[], Any] = lambda: times[-1]  # noqa: E731  # a clock that is moved
    closed = Gate(Inside(), ROUTES, TokenCheck(KEY.public_key()), later, lambda: "id-1")
    assert knock(closed).status == 200
    times.append(AT + timedelta(hours=1))
    assert knock(closed).status == 401
