"""Short words for JSON Schema, and the shapes that several answers share."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
MOST_TEXT = 10_000
PRINTABLE = "printable"  # a format: one line of signs that are seen, no space at an end


def record(members: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object with exactly these members, and some that may be left out."""
    return {
        "type": "object",
        "properties": {**members, **(optional or {})},
        "required": list(members),
        "additionalProperties": False,
    }


def by_name(of: Schema, most: int = 1_000) -> Schema:
    """An object whose members are named by the data."""
    return {"type": "object", "additionalProperties": of, "maxProperties": most}


def text(most: int = MOST_TEXT, least: int = 0, sentence: str = "") -> Schema:
    """A text of bounded length."""
    found: dict[str, Any] = {"type": "string", "minLength": least, "maxLength": most}
    return found | ({"description": sentence} if sentence else {})


def matching(pattern: str, sentence: str = "") -> Schema:
    """A text of a form."""
    found: dict[str, Any] = {"type": "string", "pattern": pattern}
    return found | ({"description": sentence} if sentence else {})


def number(least: float | None = None, most: float | None = None, sentence: str = "") -> Schema:
    """A number within bounds."""
    return _bounded("number", least, most, sentence)


def whole(least: int | None = None, most: int | None = None, sentence: str = "") -> Schema:
    """A whole number within bounds."""
    return _bounded("integer", least, most, sentence)


def _bounded(kind: str, least: float | None, most: float | None, sentence: str) -> Schema:
    found: dict[str, Any] = {"type": kind, "minimum": least, "maximum": most, "description": sentence or None}
    return {name: value for name, value in found.items() if value is not None}


def among(*words: str) -> Schema:
    """One of some words."""
    return {"type": "string", "enum": list(words)}


def listed(of: Schema, most: int = 1_000, least: int = 0) -> Schema:
    """A list of bounded length."""
    return {"type": "array", "items": of, "minItems": least, "maxItems": most}


def about(schema: Schema, sentence: str) -> Schema:
    """The same with a sentence about it."""
    return {**schema, "description": sentence}


def maybe(schema: Schema) -> Schema:
    """That, or null."""
    return {"anyOf": [schema, NULL]}


def either(*schemas: Schema) -> Schema:
    """One of several shapes."""
    return {"anyOf": list(schemas)}


def shared(name: str) -> Schema:
    """A shape of SHARED by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


NULL: Schema = {"type": "null"}
FLAG: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "string", "format": "date-time", "maxLength": 40}
ID = text(64, 1)
CODE = text(128, 1)
PROBABILITY = number(0, 1)
LEVEL = whole(1, 5)
DIGEST = matching("^[0-9a-f]{64}$")
TEXT = shared("Text")
REASONS = listed(shared("Reason"), 20)
RULES = listed(shared("Rule"), 100)
CONTRIBUTIONS = listed(record({"code": CODE, "contribution": number()}), 20)
SEGMENT = record({"id": ID, "name": TEXT, "rule": text(), "share": PROBABILITY})
SEGMENTS_BY_RULE = listed(record({"id": ID, "name": TEXT}), 100)
RISK: Mapping[str, Schema] = {
    "probability_of_default": maybe(PROBABILITY),
    "grade": maybe(ID),
    "score": maybe(number()),
    "decided_by": maybe(among("scorecard", "boosting", "blend")),
}

BOTH = record({"en": text(), "zh": text()})
SHARED: Mapping[str, Schema] = {
    "Text": about(
        either(BOTH, text()), "English and Chinese; with Accept-Language one text in that language."
    ),
    "Reason": about(
        either(record({"code": CODE, "en": text(), "zh": text()}), record({"code": CODE, "text": text()})),
        "Why, in the customer's words; `code` is stable for programs.",
    ),
    "Rule": about(
        record({"code": CODE, "text": text(), "law": text()}, {"zh": text()}),
        "A rule that held, and the law it follows.",
    ),
    "Change": about(
        either(
            record(
                {"code": CODE, "en": text(), "zh": text(), "from": maybe(number()), "to": maybe(number())}
            ),
            record({"code": CODE, "text": text(), "from": maybe(number()), "to": maybe(number())}),
        ),
        "What would have to be different.",
    ),
    "Release": about(
        record({"digest": DIGEST, "parts": by_name(matching("^[0-9a-f]{16}$")), "policy": text(100)}),
        "What decided: the signed release, its parts, the version of its policy.",
    ),
    "Problem": about(
        record(
            {
                "type": matching("^urn:bank:problem:[a-z-]+$", "Stable; programs branch on its last word."),
                "title": text(),
                "status": whole(400, 599),
                "detail": text(),
                "request_id": ID,
            },
            {"errors": listed(record({"field": text(), "problem": text()}), 20)},
        ),
        "RFC 9457: what happened, and what to do about it.",
    ),
}
