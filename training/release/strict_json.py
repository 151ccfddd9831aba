"""JSON of a release, read strictly: one meaning for each file, whoever reads it."""

import json
import math
import re

from training.release.errors import BrokenRelease

MOST_DIGITS = 18
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse(path: str, content: bytes) -> object:
    """The value in a file's bytes; BrokenRelease names the file and what is not plain about it.

    Refused are keys that occur twice, NaN, infinities, whole numbers beyond 18 digits, text that is no
    UTF-8 and nesting too deep to read.

    >>> parse("model.json", b'{"k": [1, 2.5]}')
    {'k': [1, 2.5]}
    >>> parse("model.json", b'{"k": 1, "k": 2}')  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    training.release.errors.BrokenRelease: 'model.json' cannot be used: it is no plain JSON (a key ...
    """
    try:
        value: object = json.loads(
            content.decode("utf-8"),
            parse_constant=_constant,
            parse_int=_whole,
            parse_float=_finite,
            object_pairs_hook=unique,
        )
        if _SURROGATE.search(content):
            json.dumps(value, ensure_ascii=False).encode()  # half a character cannot be written
    except (ValueError, RecursionError) as error:
        raise BrokenRelease(path, f"it is no plain JSON ({str(error)[:200]})") from error
    return value


def parse_object(path: str, content: bytes) -> dict[str, object]:
    """The same, of a file that holds one object."""
    value = parse(path, content)
    if not isinstance(value, dict):
        raise BrokenRelease(path, "it should hold one object")
    return value


def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object of those keys and values; ValueError when a key occurs twice."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key occurs twice")
    return fields


def _constant(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS + 1:
        raise ValueError(f"a whole number has {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is beyond what a number holds")
    return number
