"""The API for people: one page of HTML made from the OpenAPI document, with nothing loaded from outside.

It works without scripts, by keyboard, on paper and on a narrow screen.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

import orjson

STYLE = Path(__file__).with_name("page.css").read_text("utf-8")
POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-"
    f"{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)
FETCH = 'curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:3000/docs > docs.html'
HOW = (
    "This page wants a token with the scope <code>status:read</code>; for programs there is "
    "<code>/openapi.json</code>. Fetch it, and open the file:"
)
CODE = r"<code>\1</code>"
Document = Mapping[str, Any]


def page(document: Document) -> str:
    """The whole page."""
    info = document["info"]
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(info['title'])}: HTTP API</title><style>{STYLE}</style></head><body>",
            '<a class="skip" href="#routes">Skip to the routes</a>',
            f"<header><h1>{escape(info['title'])}: HTTP API</h1>{_paragraphs(info['description'])}",
            f"<p>{HOW}<br><code>{escape(FETCH)}</code></p></header>",
            _contents(document),
            '<main id="routes">',
            *_rooms(document),
            _shapes(document),
            "</main></body></html>",
        ]
    )


def _contents(document: Document) -> str:
    rows = "".join(
        f"<tr><td><code>{method.upper()}</code></td>"
        f'<td><a href="#{_anchor(route)}"><code>{escape(path)}</code></a></td>'
        f"<td>{escape(route['summary'])}</td><td>{_scope(route)}</td></tr>"
        for path, method, route in _routes(document)
    )
    head = "<tr><th>Method</th><th>Path</th><th>What it answers</th><th>Scope</th></tr>"
    return (
        f'<nav aria-label="Routes"><h2>Routes</h2><div class="wide"><table>{head}{rows}</table></div></nav>'
    )


def _rooms(document: Document) -> Iterator[str]:
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['name'].capitalize())}</h2><p>{escape(tag['description'])}</p>"
        for path, method, route in _routes(document):
            if tag["name"] in route["tags"]:
                yield _route(document, path, method, route)


def _route(document: Document, path: str, method: str, route: Document) -> str:
    parts = [
        f'<section id="{_anchor(route)}"><h3><code>{method.upper()} {escape(path)}</code></h3>',
        f"<p>{escape(route['summary'])}. Scope {_scope(route)}.</p>",
        _table("Takes", _parameters(route)),
    ]
    if "requestBody" in route:
        parts.append(_content(document, "Body", route["requestBody"]["content"]))
    parts.append(_content(document, "Answer", route["responses"]["200"]["content"]))
    parts.append(_table("Refuses", _refusals(document, route)))
    return "".join([*parts, "</section>"])


def _parameters(route: Document) -> list[tuple[str, str]]:
    return [
        (f"<code>{escape(each['name'])}</code> ({each['in']}{', required' if each['required'] else ''})",
         f"{escape(each['description'])} {_bounds(each['schema'])}")
        for each in route["parameters"]
    ]  # fmt: skip


def _refusals(document: Document, route: Document) -> list[tuple[str, str]]:
    shared = document["components"]["responses"]
    named = {
        status: shared[each["$ref"].rpartition("/")[2]]
        for status, each in route["responses"].items()
        if "$ref" in each
    }
    return [(f"<code>{status}</code>", escape(each["description"])) for status, each in named.items()]


def _content(document: Document, title: str, content: Document) -> str:
    [(media, each)] = content.items()
    examples = "".join(
        f"<details><summary>Example: {escape(name)}{_about(example)}</summary><pre tabindex=0>"
        f"{escape(_indented(example['value']))}</pre></details>"
        for name, example in each.get("examples", {}).items()
    )
    return f"<h4>{title}, <code>{escape(media)}</code></h4><p>{_shape(each['schema'])}</p>{examples}"


def _shapes(document: Document) -> str:
    found = ["<h2>Shapes</h2>"]
    for name, schema in document["components"]["schemas"].items():
        found.append(
            f'<section id="shape-{name}"><h3>{name}</h3><p>{escape(schema.get("description", ""))}</p>'
        )
        rows = [
            (f"<code>{escape(member)}</code>{'' if member in schema.get('required', ()) else ' (optional)'}",
             f"{_shape(of)} {escape(of.get('description', ''))}")
            for member, of in schema.get("properties", {}).items()
        ]  # fmt: skip
        found.append(_table("Members", rows) if rows else f"<p>{_shape(schema)}</p>")
        found.append("</section>")
    return "".join(found)


def _shape(schema: Document) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#shape-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_shape(each) for each in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return ", ".join(
            f"<code>{escape(str(each))}</code>" for each in schema.get("enum", [schema.get("const")])
        )
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of at most {schema.get('maxItems', 'any number')}: {_shape(schema['items'])}"
    if kind == "object" and "properties" in schema:
        return "object of " + ", ".join(f"<code>{escape(name)}</code>" for name in schema["properties"])
    kind = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return escape(kind) + (f" {bounds}" if (bounds := _bounds(schema)) else "")


def _bounds(schema: Document) -> str:
    told = {"minimum": "from", "maximum": "to", "minLength": "at least", "maxLength": "at most",
            "pattern": "like", "format": "as", "multipleOf": "in steps of"}  # fmt: skip
    found = ", ".join(f"{word} {schema[name]}" for name, word in told.items() if name in schema)
    return f"({escape(found)})" if found else ""


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    if not rows:
        return ""
    cells = "".join(f"<tr><th scope=row>{one}</th><td>{two}</td></tr>" for one, two in rows)
    return f'<h4>{title}</h4><div class="wide"><table>{cells}</table></div>'


def _routes(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            yield path, method, route


def _anchor(route: Document) -> str:
    return f"route-{route['operationId']}"


def _scope(route: Document) -> str:
    return f"<code>{escape(route['security'][0]['token'][0])}</code>"


def _about(example: Document) -> str:
    return f", {escape(example['summary'])}" if "summary" in example else ""


def _indented(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _paragraphs(text: str) -> str:
    """Plain paragraphs; what stands between backquotes is code, a Chinese one is marked as such."""
    found = []
    for each in text.strip().split("\n\n"):
        language = ' lang="zh"' if re.search("[一-鿿]", each) else ""
        words = re.sub("`([^`]+)`", CODE, escape(each))
        found.append(f"<p{language}>{words}</p>")
    return "".join(found)
