"""Fuzzing of the API against its description: cases schemathesis makes of the OpenAPI, and raw bodies.

Whatever is sent, the answer is as described, nothing invalid is accepted and nothing valid refused.
"""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import APIOperation

from tests.serving.api.driver import Answer, Driver
from tests.serving.api.judge import broken, golden_json, is_valid
from tests.serving.api.mutating import mutated

CHECKED = (
    "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance", "negative_data_rejection",
)  # fmt: skip
EVERYWHERE = ("X-Deadline-Ms", "X-Request-ID", "traceparent", "Accept-Language", "Idempotency-Key")
WITH_HEADERS = ("/v1/decisions", "/v1/decisions/suitability", "/v1/loyalty/redeem", "/v1/status")
REDEEM, EVENTS = "/v1/loyalty/redeem", "/v1/events"
ACCEPTED, REFUSED = (200, 404, 409, 504), (400, 413, 415, 422)
TURNED_AWAY = (400, 401, 403, 404, 408, 409, 413, 415, 422, 431)
"""What may come of a request that breaks its description; a body that is too long is not read to its end."""
Operation = APIOperation[Any, Any, Any, Any]


@dataclass
class Fuzz:
    """One run over a bank; `known` are ids the bank knows, `found` what went wrong."""

    driver: Driver
    known: Mapping[str, list[str]]
    found: list[str]
    cases: int = 0
    accepted: int = 0

    def by_description(self, count: int, start: int) -> None:
        """So many cases that schemathesis makes, half of them breaking the description."""
        loaded = [each.ok() for each in _schema().get_all_operations()]
        drawn = [each for each in loaded if each.body or each.query or each.headers]
        each = -(-count // (2 * len(drawn)))
        for number, operation in enumerate(loaded):
            self._operation(operation, GenerationMode.POSITIVE, each, start * 1_000 + number)
            if operation in drawn:
                self._operation(operation, GenerationMode.NEGATIVE, each, start * 1_000 + number)

    def raw(self, count: int, start: int) -> None:
        """So many raw bodies: valid ones, and what a careless or a hostile client makes of them."""
        rng = random.Random(start)
        bodies = list(self._bodies())
        for _ in range(count):
            path, body = rng.choice(bodies)
            self._raw(path, mutated(rng, body))

    def _operation(self, operation: Operation, mode: GenerationMode, count: int, start: int) -> None:
        rng = random.Random(start)

        @seed(start)
        @settings(max_examples=count, deadline=None, database=None, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def one(case: Case) -> None:
            if mode is GenerationMode.POSITIVE:
                self._make_known(case, rng)
            self._case(case)

        one()

    def _make_known(self, case: Case, rng: random.Random) -> None:
        """Most valid cases should be about somebody who is there."""
        for holder in (case.body, case.query):
            items = holder.get("items", [holder]) if isinstance(holder, dict) else []
            for item in items:
                for name in self.known.keys() & (item.keys() if isinstance(item, dict) else set()):
                    if rng.random() < 0.8:
                        item[name] = rng.choice(self.known[name])

    def _case(self, case: Case) -> None:
        kwargs = case.as_transport_kwargs(base_url="http://bank")
        sent = requests.Request(**kwargs).prepare()
        body = sent.body.encode() if isinstance(sent.body, str) else sent.body or b""
        headers = [(_bytes(name).lower(), _bytes(value)) for name, value in sent.headers.items()]
        assert sent.url is not None
        answer = self.driver.send(str(sent.method), sent.url.removeprefix("http://bank"), headers, body)
        self._count(answer)
        request = httpx.Request(str(sent.method), sent.url, content=body)
        response = httpx.Response(answer.status, headers=answer.headers, content=answer.body, request=request)
        response.elapsed = timedelta()
        try:
            case.validate_response(response, checks=CHECKS.get_by_names(CHECKED))
        except (AssertionError, BaseExceptionGroup) as error:
            self.found.append(f"{sent.method} {sent.path_url[:100]} {body[:200]!r}: {str(error)[:300]}")

    def _raw(self, path: str, body: bytes) -> None:
        key = f"fuzz-{self.cases:08d}" if path == REDEEM else ""
        answer = self.driver.post(path, body, key)
        self._count(answer)
        allowed = ACCEPTED if is_valid("POST", path, body) else REFUSED
        if answer.status not in allowed:
            self.found.append(f"{answer.status} for {path} {body[:300]!r} {answer.body[:200]!r}")
        self._judge("POST", path, answer)

    def _count(self, answer: Answer) -> None:
        self.cases += 1
        self.accepted += answer.status == 200

    def _judge(self, method: str, path: str, answer: Answer) -> None:
        wrong = broken(method, path, answer.status, answer.media, answer.body)
        if wrong:
            self.found.append(f"{method} {path} {answer.status}: {wrong[:3]}")

    def _bodies(self) -> Iterator[tuple[str, Any]]:
        customer, decision = self.known["customer_id"], self.known["decision_id"]
        for path, route in golden_json()["paths"].items():
            if path == EVENTS:
                continue  # an event that is none is refused by itself; its own tests try them
            for content in route.get("post", {}).get("requestBody", {}).get("content", {}).values():
                for example in content["examples"].values():
                    body = json.loads(json.dumps(example["value"]))
                    for number, item in enumerate(body.get("items", [body])):
                        if "customer_id" in item:
                            item["customer_id"] = customer[number % len(customer)]
                        if "decision_id" in item:
                            item["decision_id"] = decision[0]
                    yield path, body


def _schema() -> Any:
    """The golden copy for schemathesis: without security, which is tested elsewhere.

    The headers that every route takes are drawn for some: drawing them costs more than all the rest.
    """
    described = json.loads(json.dumps(golden_json()))
    for path, route in described["paths"].items():
        for operation in route.values():
            operation.pop("security")
            if path not in WITH_HEADERS:  # redeem must keep its key
                operation["parameters"] = [
                    each for each in operation["parameters"] if each["name"] not in EVERYWHERE
                ]
    del described["components"]["securitySchemes"]
    refusals = {"expected-statuses": list(TURNED_AWAY)}
    config = SchemathesisConfig.from_dict({"checks": {"negative_data_rejection": refusals}})
    return schemathesis.openapi.from_dict(described, config=config)


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1", "replace")
