"""What a careless or a hostile client makes of a valid body."""

import json
import random
from collections.abc import Callable
from typing import Any

NUMBERS = (
    "-0.0", "5e-324", "1e308", "-1e308", "1e999", "NaN", "Infinity", "-Infinity", "0", "-1", "0.01", "0.005",
    "1e9", "1000000000.01", "9223372036854775807", "9223372036854775808", "1" * 400, "1" * 5_000, "007", "1.",
    ".5", "+1", "0x10", "1e2", "24.0", "24.5", "２４", '"24"', "true", "null", "1_000", "100.001", "99.99",
)  # fmt: skip
TEXTS = (
    '""', '" "', '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"../x"',
    '"%2e%2e"', '"*"', '"OR 1"', '"ann\\u200b"', '"\\u202eann"', '" ann"', '"ann "', '"ａｎｎ"',
    '"１２３"', '"ann\\n"', '"\\ufeffann"', '"$.x"', '"' + "x" * 64 + '"', '"' + "x" * 65 + '"',
    '"' + "x" * 70_000 + '"', '"客户"', '"\\u3000"', '"a\\u00a0b"', '"\x01"', '"\\q"',
)  # fmt: skip
NESTED = (
    "[" * 2_000 + "]" * 2_000,
    "{}",
    "[]",
    "[[]]",
    '{"customer_id":{"$gt":""}}',
    '{"a":' * 1_500 + "1" + "}" * 1_500,
)
VALUES = (*NUMBERS, *TEXTS, *NESTED)
HOLE = "\u2603hole"
Mutation = Callable[[random.Random, Any], bytes]


def mutated(rng: random.Random, body: Any) -> bytes:
    """The body as it is, or changed in one way or two."""
    chosen = rng.choice(MUTATIONS)
    return chosen(rng, json.loads(json.dumps(body)))


def _plain(rng: random.Random, body: Any) -> bytes:
    return _written(body)


def _spaced(rng: random.Random, body: Any) -> bytes:
    return b" \n" + json.dumps(body, indent=rng.choice((0, 1, 4))).encode() + b"\t\r\n"


def _value(rng: random.Random, body: Any) -> bytes:
    """Another value in one place, also such as json.dumps would never write."""
    holder = _somewhere(rng, body)
    holder[rng.choice(list(holder))] = HOLE
    return _written(body).replace(f'"{HOLE}"'.encode(), rng.choice(VALUES).encode("utf-8"))


def _added(rng: random.Random, body: Any) -> bytes:
    _somewhere(rng, body)[rng.choice(("age", "", "customer_id ", "__proto__", "Amount", "价格"))] = (
        rng.choice((1, None, "x"))
    )
    return _written(body)


def _missing(rng: random.Random, body: Any) -> bytes:
    holder = _somewhere(rng, body)
    del holder[rng.choice(list(holder))]
    return _written(body)


def _twice(rng: random.Random, body: Any) -> bytes:
    written = _written(body)
    return written[:1] + rng.choice((b'"customer_id":"ben",', b'"items":[],', b'"x":1,')) + written[1:]


def _cut(rng: random.Random, body: Any) -> bytes:
    written = _written(body)
    return written[: rng.randrange(len(written))]


def _flipped(rng: random.Random, body: Any) -> bytes:
    written = bytearray(_written(body))
    for _ in range(rng.choice((1, 1, 2, 5))):
        written[rng.randrange(len(written))] = rng.randrange(256)
    return bytes(written)


def _trailing(rng: random.Random, body: Any) -> bytes:
    return _written(body) + rng.choice(
        (b"x", b"{}", b",", b"\x00", b"//", b" \n", "；".encode(), b"\xef\xbb\xbf")
    )


def _encoded(rng: random.Random, body: Any) -> bytes:
    text = _written(body).decode()
    return rng.choice(
        (
            b"\xef\xbb\xbf" + text.encode(),
            text.encode("utf-16"),
            text.encode("utf-32"),
            text.encode("gb18030"),
        )
    )


def _random(rng: random.Random, body: Any) -> bytes:
    return rng.randbytes(rng.randrange(200))


def _other(rng: random.Random, body: Any) -> bytes:
    return rng.choice(VALUES).encode("utf-8")


MUTATIONS: tuple[Mutation, ...] = (
    _plain, _spaced, _value, _value, _value, _value, _added, _missing, _twice, _cut, _flipped, _flipped,
    _trailing, _encoded, _random, _other,
)  # fmt: skip


def _somewhere(rng: random.Random, body: Any) -> Any:
    """The body, or one item of a batch."""
    items = body.get("items")
    return rng.choice(items) if items and rng.random() < 0.7 else body


def _written(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
