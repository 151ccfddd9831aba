"""What in a new description would break an app that was written to the old one.

A body may be asked less of, an answer may say more; never the other way round.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]
LEAST = ("minimum", "minLength", "minItems", "minProperties")
MOST = ("maximum", "maxLength", "maxItems", "maxProperties")
FORMS = ("pattern", "format", "multipleOf")


def breaking(old: Document, new: Document) -> list[str]:
    """Each break as a sentence that names its place; empty when no app notices."""
    return [*_Comparison(old, new).breaks()]


@dataclass(frozen=True)
class _Comparison:
    old: Document
    new: Document

    def breaks(self) -> Iterator[str]:
        for path, methods in self.old["paths"].items():
            for method, was in methods.items():
                now = self.new["paths"].get(path, {}).get(method)
                where = f"{method.upper()} {path}"
                if now is None:
                    yield f"{where} is gone"
                else:
                    yield from self._route(where, was, now)

    def _route(self, where: str, was: Document, now: Document) -> Iterator[str]:
        if was.get("security") != now.get("security"):
            yield f"{where} wants another scope"
        yield from self._parameters(where, was, now)
        before, after = (each.get("requestBody", {}).get("content", {}) for each in (was, now))
        if after and not before:
            yield f"{where} wants a body"
        for media, content in before.items():
            if media not in after:
                yield f"{where} takes no {media} any more"
            else:
                yield from self._taken(f"{where} body", content["schema"], after[media]["schema"])
        yield from self._answers(where, was["responses"], now["responses"])

    def _parameters(self, where: str, was: Document, now: Document) -> Iterator[str]:
        before, after = ({(each["in"], each["name"]): each for each in route.get("parameters", ())}
                         for route in (was, now))  # fmt: skip
        for key, each in after.items():
            if each["required"] and not before.get(key, {}).get("required"):
                yield f"{where} requires {key[1]}"
            if key in before:
                yield from self._taken(f"{where} {key[1]}", before[key]["schema"], each["schema"])
        yield from (f"{where} has no {key[1]} any more" for key in before if key not in after)

    def _answers(self, where: str, was: Document, now: Document) -> Iterator[str]:
        for status, answer in was.items():
            if status not in now:
                yield f"{where} gives no {status} any more"
                continue
            before, after = self._at(self.old, answer), self._at(self.new, now[status])
            for media, content in before.get("content", {}).items():
                there = after.get("content", {}).get(media)
                if there is None:
                    yield f"{where} {status} is no {media} any more"
                else:
                    yield from self._given(f"{where} {status}", content["schema"], there["schema"])

    def _taken(self, where: str, old: Document, new: Document) -> Iterator[str]:
        """What was taken and would not be any more."""
        yield from _Fit(self.old, self.new, "is refused now").breaks(where, old, new, body=True)

    def _given(self, where: str, old: Document, new: Document) -> Iterator[str]:
        """What would be given and was not before; every member that was there is there."""
        yield from _Fit(self.new, self.old, "was never given").breaks(where, new, old, body=False)

    def _at(self, document: Document, schema: Document) -> Document:
        return _resolved(document, schema)


@dataclass(frozen=True)
class _Fit:
    """Whether all that schema `one` (of document `of_one`) allows, `other` allows as well."""

    of_one: Document
    of_other: Document
    verdict: str

    def breaks(self, where: str, one: Document, other: Document, body: bool) -> Iterator[str]:
        one, other = _resolved(self.of_one, one), _resolved(self.of_other, other)
        if "anyOf" in one or "anyOf" in other:
            yield from self._options(where, one, other, body)
            return
        yield from self._values(where, one, other)
        yield from self._bounds(where, one, other)
        yield from self._members(where, one, other, body)
        for name in ("items", "additionalProperties"):
            if isinstance(one.get(name), Mapping) and isinstance(other.get(name), Mapping):
                yield from self.breaks(f"{where} {name}", one[name], other[name], body)

    def _options(self, where: str, one: Document, other: Document, body: bool) -> Iterator[str]:
        others = other.get("anyOf", [other])
        for number, option in enumerate(one.get("anyOf", [one]), start=1):
            if all([*self.breaks(where, option, each, body)] for each in others):
                yield f"{where}: option {number} {self.verdict}"

    def _values(self, where: str, one: Document, other: Document) -> Iterator[str]:
        allowed = _types(other)
        if (allowed and not _types(one) <= allowed) or (allowed and not _types(one)):
            yield f"{where}: type {one.get('type', 'anything')} {self.verdict}"
        values, others = _constants(one), _constants(other)
        if others is not None:
            extra = values - others if values is not None else {"any other value"}
            yield from (f"{where}: {value} {self.verdict}" for value in sorted(extra))

    def _bounds(self, where: str, one: Document, other: Document) -> Iterator[str]:
        for name in (*LEAST, *MOST):
            limit = other.get(name)
            if limit is not None and not _within(one, name, limit):
                yield f"{where}: beyond {name} {limit} {self.verdict}"
        for name in FORMS:
            if other.get(name) is not None and one.get(name) != other[name] and "const" not in one:
                yield f"{where}: another {name} than {other[name]!r} {self.verdict}"

    def _members(self, where: str, one: Document, other: Document, body: bool) -> Iterator[str]:
        """Members of a body must all be known to `other`; an answer may have more, and must keep its own."""
        mine, others = one.get("properties", {}), other.get("properties", {})
        for name in sorted(set(other.get("required", ())) - set(one.get("required", ()))):
            yield f"{where}: {name} {'is required now' if body else 'may be missing'}"
        if body and other.get("additionalProperties") is False:
            yield from (f"{where}: {name} {self.verdict}" for name in mine if name not in others)
        if not body:
            yield from (f"{where}: {name} is gone" for name in others if name not in mine)
        for name in mine:
            if name in others:
                yield from self.breaks(f"{where} {name}", mine[name], others[name], body)


def _resolved(document: Document, schema: Document) -> Document:
    while "$ref" in schema:
        found: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


def _types(schema: Document) -> set[str]:
    """The types a schema allows; none named where any is."""
    found = schema.get("type", ())
    named = {found} if isinstance(found, str) else {*found}
    return named | {"integer"} if "number" in named else named


def _constants(schema: Document) -> set[str] | None:
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return None if values is None else {repr(value) for value in values}


def _within(schema: Document, name: str, limit: float) -> bool:
    """Whether a schema keeps a bound; one that names its values needs none of their length."""
    mine = schema.get(name)
    if mine is None:
        return _constants(schema) is not None and name.endswith("Length")
    return bool(mine >= limit if name in LEAST else mine <= limit)
