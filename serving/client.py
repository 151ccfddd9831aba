"""A small client of the HTTP API, on the standard library: typed questions in, parsed answers out.

What may be sent again is sent again: a 429 or a 503 after its Retry-After, under the same Idempotency-Key and
X-Request-ID. Every other problem is raised with its kind, as the service told it.
"""

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Literal, TypedDict
from urllib.parse import urlencode, urlsplit

from feature_repo.errors import BankError

Answer = dict[str, Any]
Language = Literal["en", "zh"]
Score = Literal["segment", "propensity", "credit"]
AGAIN = (429, 503)
MOST_WAIT = 30.0
MOST_BYTES = 64 * 1024 * 1024


class Application(TypedDict, total=False):
    """An application for credit: `amount` and `term_months` are wanted, what is unknown is left out."""

    customer_id: str | None
    amount: float
    term_months: int
    declared_income: float | None
    co_applicant: bool | None
    purpose: str | None
    language: Language | None


class Conversation(TypedDict, total=False):
    """What an offer is asked for: `customer_id` is wanted."""

    customer_id: str
    channel: Literal["app", "branch", "chat", "email", "phone"] | None
    top: int
    personalised: bool


class ApiProblem(BankError, RuntimeError):
    """The service refused; `kind` is the last word of the problem's type, `problem` all it said."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status, self.problem = status, dict(problem)
        self.kind = str(problem.get("type", "")).rpartition(":")[2]
        self.request_id = str(problem.get("request_id", ""))
        super().__init__(f"{status} {self.kind}: {problem.get('detail')} (request {self.request_id})")


class ServiceUnreachable(BankError, OSError):
    """Nobody answers at the address, or not in time."""

    def __init__(self, address: str, found: str) -> None:
        super().__init__(f"The service at {address} does not answer ({found}). Start it with `bank serve`.")


@dataclass(frozen=True)
class Client:
    """Asks the service at `address` with a token; each call may be made from any thread.

    `language` asks for texts in one language. `tries` counts the first one; `sleep` waits between them.
    """

    address: str
    token: str
    language: Language | None = None
    timeout: float = 10.0
    tries: int = 3
    sleep: Callable[[float], None] = time.sleep

    def next_best_action(self, asked: Conversation) -> Answer:
        """What to offer a customer next."""
        return self._post("/v1/decisions/next-best-action", asked)

    def next_best_actions(self, asked: Sequence[Conversation]) -> list[Answer]:
        """The same for up to a thousand: rows of `status` with `answer` or `problem`."""
        return self._many("/v1/decisions/next-best-action", asked)

    def credit(self, asked: Application) -> Answer:
        """Approve, refer or decline an application."""
        return self._post("/v1/decisions/credit", asked)

    def credits(self, asked: Sequence[Application]) -> list[Answer]:
        """The same for up to a thousand."""
        return self._many("/v1/decisions/credit", asked)

    def suitability(self, customer_id: str, product_id: str) -> Answer:
        """May a customer have a product now."""
        body = {"customer_id": customer_id, "product_id": product_id}
        return self._post("/v1/decisions/suitability", body)

    def suitabilities(self, asked: Sequence[tuple[str, str]]) -> list[Answer]:
        """The same for up to a thousand pairs of customer and product."""
        items = [{"customer_id": customer, "product_id": product} for customer, product in asked]
        return self._many("/v1/decisions/suitability", items)

    def score(self, kind: Score, customer_id: str) -> Answer:
        """One score of a customer."""
        return self._post(f"/v1/score/{kind}", {"customer_id": customer_id})

    def scores(self, kind: Score, customer_ids: Sequence[str]) -> list[Answer]:
        """The same for up to a thousand customers."""
        return self._many(f"/v1/score/{kind}", [{"customer_id": each} for each in customer_ids])

    def recommendation(self, customer_id: str, personalised: bool = True) -> Answer:
        """Products a customer is likely to add; not personalised, what most customers add."""
        body = {"customer_id": customer_id, "personalised": personalised}
        return self._post("/v1/score/recommendation", body)

    def recommendations(self, customer_ids: Sequence[str], personalised: bool = True) -> list[Answer]:
        """The same for up to a thousand customers."""
        items = [{"customer_id": each, "personalised": personalised} for each in customer_ids]
        return self._many("/v1/score/recommendation", items)

    def decision(self, decision_id: str) -> Answer:
        """One decision from the log, and the case it became."""
        return self._get("/v1/decisions", {"decision_id": decision_id})

    def explanation(self, decision_id: str) -> Answer:
        """Why a decision came out as it did."""
        return self._get("/v1/decisions/explanation", {"decision_id": decision_id})

    def outcome(
        self, decision_id: str, offer_id: str, outcome: Literal["accepted", "declined", "ignored"]
    ) -> Answer:
        """Tell what the customer said to an offer."""
        body = {"decision_id": decision_id, "offer_id": offer_id, "outcome": outcome}
        return self._post("/v1/decisions/outcome", body)

    def review(self, decision_id: str, wish: str | None = None, language: Language | None = None) -> Answer:
        """Have a person look at a credit decision."""
        body = {"decision_id": decision_id, "wish": wish, "language": language}
        return self._post("/v1/decisions/review", body)

    def points(self, customer_id: str) -> Answer:
        """A customer's points."""
        return self._post("/v1/loyalty/account", {"customer_id": customer_id})

    def redeem(self, customer_id: str, points: int, key: str) -> Answer:
        """Spend points, once for each key however often it is called."""
        return self._post("/v1/loyalty/redeem", {"customer_id": customer_id, "points": points}, key)

    def events(self, events: Sequence[Mapping[str, object]], key: str = "") -> list[Answer]:
        """Tell what happened: rows of `result`, accepted, repeated or refused with its `problem`."""
        found: list[Answer] = self._post("/v1/events", {"events": list(events)}, key)["items"]
        return found

    def status(self) -> Answer:
        """What serves."""
        return self._get("/v1/status")

    def models(self) -> Answer:
        """The models of the release."""
        return self._get("/v1/models")

    def _many(self, path: str, items: Sequence[Mapping[str, object]]) -> list[Answer]:
        found: list[Answer] = self._post(f"{path}:batch", {"items": list(items)})["items"]
        return found

    def _post(self, path: str, body: Mapping[str, object], key: str = "") -> Answer:
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        return self._asked("POST", path, headers, json.dumps(body, ensure_ascii=False).encode())

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        return self._asked("GET", f"{path}?{urlencode(query)}" if query else path, {}, None)

    def _asked(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """The answer, after as many tries as it takes and is allowed."""
        sent = {**headers, "Authorization": f"Bearer {self.token}", "X-Request-ID": secrets.token_hex(16)}
        sent |= {"Accept-Language": self.language} if self.language else {}
        for left in reversed(range(self.tries)):
            status, wait, said = self._once(method, path, sent, body)
            if status == 200:
                return said
            if status not in AGAIN or not left:
                raise ApiProblem(status, said)
            self.sleep(wait)
        raise ValueError(f"A client tries once or more often, not {self.tries} times.")

    def _once(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, float, Answer]:
        parts = urlsplit(self.address)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=self.timeout)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return response.status, _wait(response), _parsed(response)
        except (OSError, HTTPException) as error:
            raise ServiceUnreachable(self.address, type(error).__name__) from error
        finally:
            connection.close()


def _wait(response: HTTPResponse) -> float:
    """Seconds until it may be asked again, at least one."""
    given = response.headers.get("Retry-After", "1")
    return min(max(float(given), 1.0), MOST_WAIT) if given.isdigit() else 1.0


def _parsed(response: HTTPResponse) -> Answer:
    raw = response.read(MOST_BYTES)
    try:
        found = json.loads(raw)
    except ValueError:
        found = None
    return (
        found
        if isinstance(found, dict)
        else {"detail": f"an answer of {len(raw)} bytes that is no JSON object"}
    )
