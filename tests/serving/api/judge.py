"""An independent judge: what the golden OpenAPI says of a body or an answer, by the jsonschema library.

Numbers are doubles, as every JSON reader of the bank's apps has them, and 24.0 is no whole number here.
"""

import json
import unicodedata
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import jsonschema
from jsonschema.validators import extend
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from serving.api.openapi import GOLDEN

HERE = "urn:golden"
FORMATS = jsonschema.FormatChecker(formats=[])
Path = tuple[str, str]


@FORMATS.checks("date-time", raises=ValueError)
def moment(value: object) -> bool:
    """ISO 8601 with an offset."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@FORMATS.checks("printable-line")
def printable_line(value: object) -> bool:
    """Signs that are seen, and spaces between them: by category, not by the program's own function."""
    return not isinstance(value, str) or all(
        unicodedata.category(sign)[0] not in "CZ" or sign in " \u3000" for sign in value
    )


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def _double(digits: str) -> Decimal:
    return Decimal(repr(float(digits)))


def read(raw: bytes) -> object:
    """JSON in UTF-8 as RFC 8259 has it, with each key once; ValueError or RecursionError otherwise."""
    found: object = json.loads(
        raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_double
    )
    return found


@cache
def golden_json() -> dict[str, Any]:
    """The golden copy as any reader has it."""
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    return found


@cache
def golden() -> dict[str, Any]:
    """The golden copy."""
    found: dict[str, Any] = json.loads(GOLDEN.read_text("utf-8"), parse_float=_double)
    return found


@cache
def _judging(pointer: str) -> Any:
    strict = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ).redefine("number", lambda _, value: isinstance(value, int | Decimal) and not isinstance(value, bool))
    kind = extend(jsonschema.Draft202012Validator, type_checker=strict)
    resource = DRAFT202012.create_resource(golden())
    registry = Registry().with_resource(HERE, resource)  # type: ignore[var-annotated]
    return kind({"$ref": f"{HERE}#{pointer}"}, registry=registry, format_checker=FORMATS)


def _escaped(path: str) -> str:
    return path.replace("~", "~0").replace("/", "~1")


def is_valid(method: str, path: str, raw: bytes) -> bool:
    """Whether a raw body is one that the description allows."""
    pointer = f"/paths/{_escaped(path)}/{method.lower()}/requestBody/content/application~1json/schema"
    try:
        return bool(_judging(pointer).is_valid(read(raw)))
    except (ValueError, RecursionError):
        return False


def broken(method: str, path: str, status: int, media: str, raw: bytes) -> list[str]:
    """How an answer differs from what the description promises; empty when it does not."""
    described = golden()["paths"][path][method.lower()]["responses"]
    if str(status) not in described:
        return [f"status {status} is not described"]
    pointer = f"/paths/{_escaped(path)}/{method.lower()}/responses/{status}"
    response = described[str(status)]
    if "$ref" in response:
        pointer = response["$ref"].removeprefix("#")
        response = golden()["components"]["responses"][pointer.rpartition("/")[2]]
    kind = media.partition(";")[0]
    if kind not in response["content"]:
        return [f"media type {media} is not described"]
    if kind == "text/html":
        return []
    validator = _judging(f"{pointer}/content/{_escaped(kind)}/schema")
    return [f"{each.json_path}: {each.message[:200]}" for each in validator.iter_errors(read(raw))]
