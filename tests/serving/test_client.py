"""The client of the API, against the real service over a real socket."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from serving.auth import EVERY_SCOPE, ROUTES, issue
from serving.client import ApiProblem, Client, Score, ServiceUnreachable
from tests.conftest import AT
from tests.serving.api.driver import Answer, Driver
from tests.serving.api.judge import is_valid
from tests.serving.conftest import Bank

NOT_CLIENTS = {("GET", "/openapi.json"), ("GET", "/docs")}  # read by tools and people


class Front:
    """A socket in front of the application; keeps what came, and says busy when told to."""

    def __init__(self, driver: Driver) -> None:
        self.driver, self.seen, self.busy = (
            driver,
            list[tuple[str, str, dict[str, str], bytes]](),
            list[int](),
        )
        self.turn = threading.Lock()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        with self.turn:
            self.seen.append((method, path, headers, body))
            if self.busy:
                problem = json.dumps({"type": "urn:bank:problem:overloaded", "request_id": "r"}).encode()
                return Answer(self.busy.pop(), {"retry-after": "2"}, problem)
            sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            return self.driver.send(method, path, sent, body)


@contextmanager
def served(front: Front) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            told = front.answer(self.command, self.path, dict(self.headers.items()), body)
            self.send_response(told.status)
            for name, value in {**told.headers, "content-length": str(len(told.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST = _any  # as http.server names them

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def front(bank: Bank) -> Iterator[Front]:
    with Driver(bank.app, {}) as driver:
        yield Front(driver)


@pytest.fixture
def client(bank: Bank, front: Front) -> Iterator[Client]:
    with served(front) as address:
        yield Client(address, issue(bank.key, "app", EVERY_SCOPE, 1, AT), sleep=lambda _: None)


def use_everything(client: Client) -> None:
    made = client.next_best_action({"customer_id": "ann", "channel": "app", "top": 3})
    assert [row["status"] for row in client.next_best_actions([{"customer_id": "ann"}])] == [200]
    loan = client.credit({"customer_id": "ann", "amount": 15e4, "term_months": 36})
    assert client.credits([{"amount": 6000, "term_months": 24}])[0]["answer"]["newcomer"]
    assert client.suitability("ann", "savings-term")["suitable"]
    assert not client.suitabilities([("ann", "fund-growth")])[0]["answer"]["suitable"]
    kinds: tuple[Score, ...] = ("segment", "propensity", "credit")
    for kind in kinds:
        assert client.score(kind, "ben")["customer_id"] == "ben"
        assert client.scores(kind, ["ben", "nobody"])[1]["status"] == 404
    assert client.recommendation("ann", personalised=False)["recommender"] == "popularity"
    assert client.recommendations(["ann"])[0]["answer"]["recommender"] == "hybrid"
    assert client.decision(loan["decision_id"])["replay"] == "identical"
    assert client.explanation(loan["decision_id"])["contest"]["possible"]
    assert client.outcome(made["decision_id"], made["offers"][0]["offer_id"], "declined")["recorded"]
    assert client.review(loan["decision_id"], "My income rose.", "en")["opened"]
    assert client.points("ann")["points"] > 0
    assert client.redeem("ann", 150, "order-0001") == client.redeem("ann", 150, "order-0001")
    income = {"table": "customers", "customer_id": "ann", "income_monthly": "5000.00"}
    assert [each["result"] for each in client.events([income, {}])] == ["accepted", "refused"]
    assert client.status()["status"] == "ready"
    assert "parts" in client.models()


def test_every_route_has_its_method_and_sends_what_is_described(client: Client, front: Front) -> None:
    use_everything(client)
    asked = {(method, path.partition("?")[0]) for method, path, _, _ in front.seen}
    assert asked == set(ROUTES) - NOT_CLIENTS
    for method, path, _, body in front.seen:
        assert method == "GET" or is_valid(method, path, body)


@pytest.mark.parametrize("status", [429, 503])
def test_who_is_told_to_wait_asks_again_as_the_same_request(bank: Bank, front: Front, status: int) -> None:
    waits: list[float] = []
    with served(front) as address:
        client = Client(address, issue(bank.key, "app", EVERY_SCOPE, 1, AT), sleep=waits.append)
        front.busy = [status, status]
        client.redeem("ann", 150, "order-0002")
    assert waits == [2.0, 2.0]
    sent = [(headers["X-Request-ID"], headers["Idempotency-Key"], body) for _, _, headers, body in front.seen]
    assert len(sent) == 3
    assert len(set(sent)) == 1


def test_it_gives_up_after_as_many_tries_as_it_was_told(client: Client, front: Front) -> None:
    front.busy = [503] * 3
    with pytest.raises(ApiProblem) as caught:
        client.status()
    assert (caught.value.status, caught.value.kind, len(front.seen)) == (503, "overloaded", 3)


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        pytest.param(lambda it: it.score("segment", "nobody"), "unknown-customer", id="404"),
        pytest.param(lambda it: it.score("segment", ""), "invalid-body", id="422"),
        pytest.param(lambda it: it.decision("a&b=c"), "unknown-decision", id="an-id-is-quoted"),
        pytest.param(lambda it: it.redeem("ann", 10**9, "order-0003"), "not-enough-points", id="409"),
    ],
)
def test_a_problem_is_raised_once_with_its_kind(client: Client, front: Front, call: Any, kind: str) -> None:
    with pytest.raises(ApiProblem) as caught:
        call(client)
    assert caught.value.kind == kind
    assert len(front.seen) == 1


def test_texts_come_in_the_language_asked_for(bank: Bank, front: Front) -> None:
    with served(front) as address:
        client = Client(address, issue(bank.key, "app", EVERY_SCOPE, 1, AT), language="zh")
        loan = client.credit({"customer_id": "dan", "amount": 6000, "term_months": 24})
        assert client.explanation(loan["decision_id"])["decided"]["text"] == "申请未获批准。"


def test_nobody_there_is_said_so() -> None:
    with pytest.raises(ServiceUnreachable, match="bank serve"):
        Client("http://127.0.0.1:9", "token", timeout=1.0).status()
