"""The description of the API: whole, true to what is answered, and equal to its golden copy."""

import json
from typing import Any

import orjson
import pytest

from serving.api.openapi import GOLDEN, SCOPES, document, written
from serving.auth import ROUTES, Scope
from tests.serving.api.judge import broken, golden, is_valid
from tests.serving.conftest import Bank


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    paths = document()["paths"]
    return {
        (method.upper(), path): operation
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def examples() -> list[Any]:
    found = []
    for (method, path), operation in operations().items():
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for name, example in content.get("examples", {}).items():
            found.append(pytest.param(method, path, "body", example["value"], id=f"{path} {name}"))
        content = operation["responses"]["200"]["content"]
        for each in content.values():
            for name, example in each.get("examples", {}).items():
                found.append(pytest.param(method, path, "answer", example["value"], id=f"{path} says {name}"))
    return found


def test_the_golden_copy_is_what_is_served(bank: Bank) -> None:
    served = bank.client.get("/openapi.json", headers=bank.token())
    assert served.json() == json.loads(GOLDEN.read_bytes())
    assert written(document()) == GOLDEN.read_bytes(), "bank api openapi --write"


def test_every_route_is_described_with_its_scope_and_no_other() -> None:
    described = {route: each["security"][0]["token"] for route, each in operations().items()}
    assert described == {route: [str(scope)] for route, scope in ROUTES.items()}


def test_every_scope_is_described() -> None:
    assert set(SCOPES) == set(Scope)


def test_every_route_has_a_name_of_its_own() -> None:
    names = [each["operationId"] for each in operations().values()]
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere_and_every_shape_is_used() -> None:
    whole = document()
    text = orjson.dumps(whole).decode()
    for kind in ("schemas", "responses"):
        for name in whole["components"][kind]:
            assert f'"#/components/{kind}/{name}"' in text, name
    for reference in set(_references(whole)):
        at: Any = whole
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]


def _references(value: object) -> list[str]:
    if isinstance(value, dict):
        here = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return here + [found for each in value.values() for found in _references(each)]
    return [found for each in value for found in _references(each)] if isinstance(value, list) else []


def test_every_number_a_body_may_hold_has_bounds() -> None:
    names = {op["requestBody"]["content"]["application/json"]["schema"].get("$ref", "") for op in
             operations().values() if "requestBody" in op}  # fmt: skip
    shapes = document()["components"]["schemas"]
    for name in names - {""}:
        for schema in _numbers(shapes[name.rpartition("/")[2]]):
            assert {"minimum", "maximum"} <= schema.keys(), (name, schema)


def _numbers(value: object) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        here = [value] if value.get("type") in ("integer", "number") else []
        return here + [found for each in value.values() for found in _numbers(each)]
    return [found for each in value for found in _numbers(each)] if isinstance(value, list) else []


@pytest.mark.parametrize(("method", "path", "kind", "value"), examples())
def test_every_example_is_as_described(method: str, path: str, kind: str, value: object) -> None:
    raw = orjson.dumps(value)
    if kind == "body":
        assert is_valid(method, path, raw)
    else:
        assert broken(method, path, 200, "application/json", raw) == []


def test_the_examples_of_problems_are_problems() -> None:
    for name, response in golden()["components"]["responses"].items():
        [(media, content)] = response["content"].items()
        status = content["example"]["status"]
        path, method = "/v1/decisions/credit", "POST"
        if str(status) not in golden()["paths"][path][method.lower()]["responses"]:
            path = "/v1/decisions/outcome"
        assert broken(method, path, status, media, json.dumps(content["example"]).encode()) == [], name


def test_the_judge_sees_a_broken_answer(bank: Bank) -> None:
    path = "/v1/decisions/credit"
    body = {"customer_id": "ann", "amount": 6000, "term_months": 24}
    said = bank.client.post(path, json=body, headers=bank.token()).json()
    broken_ones: list[dict[str, Any]] = [
        {name: value for name, value in said.items() if name != "reasons"},
        said | {"probability_of_default": 1.5},
        said | {"outcome": "maybe"},
        said | {"more": 1},
        said | {"at": "yesterday"},
        said | {"release": {}},
    ]
    assert broken("POST", path, 200, "application/json", orjson.dumps(said)) == []
    for each in broken_ones:
        assert broken("POST", path, 200, "application/json", orjson.dumps(each))
    assert broken("POST", path, 500, "application/problem+json", b"{}")
    assert broken("POST", path, 200, "text/plain", b"{}")


def test_the_page_for_people_has_every_route_and_loads_nothing(bank: Bank) -> None:
    response = bank.client.get("/docs", headers=bank.token("status:read"))
    page = response.text
    assert response.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    for _, path in ROUTES:
        assert path in page
    assert 'lang="zh"' in page
    for outside in ("<script", "src=", "@import", "url(", "<link", "javascript:"):
        assert outside not in page
    assert bank.client.get("/docs").status_code == 401
