"""The OpenAPI 3.1 document of the whole API, put together from the tables that the routes themselves use."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from serving.api.described.examples import examples_of_answers, examples_of_bodies
from serving.api.described.operations import JSON, TAGS, Operation, Parameter, operations, shapes
from serving.api.described.refusals import REQUEST_ID, refused, responses
from serving.api.described.shapes import whole
from serving.auth import ROUTES, Scope

TITLE, VERSION = "Bank customer platform", "1"
GOLDEN = Path(__file__).with_name("openapi.json")
ABOUT = """Scores and decisions about a bank's customers, with their reasons, logged before they are answered.

Every route wants a bearer token with the scope it names; only `/livez`, `/readyz` and `/healthz` are open.
JSON in UTF-8 goes in, unknown members and repeated keys are refused, and every number is bounded. What goes
wrong is an RFC 9457 problem. Texts are in English and Chinese; with `Accept-Language` in one of them.

Customers whose id begins with `sandbox-` are nobody's. Where they are switched on they answer the same every
time, whatever else is asked: `sandbox-approve`, `sandbox-decline`, `sandbox-refer`, `sandbox-offers`,
`sandbox-no-profiling`, `sandbox-borrower`, `sandbox-degraded` and `sandbox-newcomer`. None of it is logged.

银行客户评分与决策接口：每项决策先入日志后返回，并附理由；错误按 RFC 9457 返回。
可用 `Accept-Language: zh` 获取中文文本。
"""
EVERYWHERE = (
    Parameter("X-Deadline-Ms", "header", whole(1, 30_000),
              "How many milliseconds the caller waits; what is not taken by then is not done.", example=500),
    Parameter("X-Request-ID", "header", {"type": "string"},
              "An id of the caller's own; one that is not 1 to 64 letters, digits or _.- is replaced.",
              example="app-7f3a"),
    Parameter("traceparent", "header", {"type": "string"}, "W3C trace context; its id goes to the log."),
)  # fmt: skip
LANGUAGE = Parameter(
    "Accept-Language", "header", {"type": "string"}, "en or zh: texts in one language; both without it.",
    example="zh",
)  # fmt: skip
SCOPES: Mapping[Scope, str] = {
    Scope.SCORE: "read scores",
    Scope.DECIDE: "have decisions made",
    Scope.READ_DECISIONS: "look decisions up and have them explained",
    Scope.REVIEW: "have a person look at a decision",
    Scope.OUTCOME: "tell what a customer said to an offer",
    Scope.READ_LOYALTY: "read points",
    Scope.REDEEM: "spend points",
    Scope.EVENTS: "tell what happened",
    Scope.STATUS: "read what serves, and this description",
}


def document() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, object]] = {}
    for operation in operations():
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    scopes = "; ".join(f"`{scope}`: {SCOPES.get(scope, scope)}" for scope in Scope)
    scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": f"Scopes: {scopes}."}
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": VERSION, "description": ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": shapes(),
            "responses": responses(),
            "securitySchemes": {"token": scheme},
        },
    }


def written(described: Mapping[str, Any]) -> bytes:
    """A document as the golden copy keeps it: indented, so that a change is seen line by line."""
    return orjson.dumps(described, option=orjson.OPT_INDENT_2) + b"\n"


def _operation(operation: Operation) -> dict[str, object]:
    taken = [*EVERYWHERE, *operation.parameters, *([LANGUAGE] if operation.in_languages else [])]
    found: dict[str, object] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": [{"token": [str(ROUTES[(operation.method, operation.path)])]}],
        "parameters": [_parameter(each) for each in taken],
    }
    if operation.body is not None:
        content = _content(operation.body, examples_of_bodies(operation.path))
        found["requestBody"] = {"required": True, "content": {JSON: content}}
    answer = _content(operation.answer, examples_of_answers(operation.path))
    good = {
        "description": operation.title,
        "headers": {**REQUEST_ID, **(IN_LANGUAGE if operation.in_languages else {})},
        "content": {operation.media: answer},
    }
    return {**found, "responses": {"200": good, **refused(operation.method, tuple(operation.problems))}}


IN_LANGUAGE = {
    "Content-Language": {
        "description": "The language of the texts, where one was asked for.",
        "schema": {"type": "string", "enum": ["en", "zh"]},
    }
}


def _parameter(parameter: Parameter) -> dict[str, object]:
    found: dict[str, object] = {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.about,
        "schema": dict(parameter.schema),
    }
    return found | ({"example": parameter.example} if parameter.example is not None else {})


def _content(schema: Mapping[str, Any], examples: Mapping[str, object]) -> dict[str, object]:
    return {"schema": dict(schema), **({"examples": dict(examples)} if examples else {})}
