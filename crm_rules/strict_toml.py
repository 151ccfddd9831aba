"""TOML into frozen dataclasses, strictly: no key unknown, every number in its bounds, every text one line.

Every field must be present, unless its dataclass gives it a default. A field whose key is a word of Python
ends in an underscore: `from_` is the key `from`.
"""

import dataclasses
import math
import re
import tomllib
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

from crm_rules.errors import InvalidPolicy
from crm_rules.governance.plain import LONGEST, unreadable

Record = TypeVar("Record")


@dataclass(frozen=True)
class Within:
    """The bounds of a number, both inclusive."""

    least: float
    most: float


@dataclass(frozen=True)
class Among:
    """The keys a table, or the items a list, may have; or what a text may be."""

    names: Collection[str]


@dataclass(frozen=True)
class Like:
    """The form of a text, as a regular expression, and what it is called."""

    form: str
    called: str


def read(record: type[Record], data: bytes) -> Record:
    """Read TOML bytes as `record`; InvalidPolicy names the key that is unknown, missing or out of bounds."""
    return read_table(record, table_of(data))


def load(path: Path, parse: Callable[[bytes], Record]) -> Record:
    """Read a file with `parse`; InvalidPolicy then names the file as well."""
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise InvalidPolicy("", f"cannot be read: {error.strerror}", path) from error
    except InvalidPolicy as error:
        raise InvalidPolicy(error.key, error.problem, path) from error


def table_of(data: bytes) -> dict[str, Any]:
    """TOML bytes as nested tables; InvalidPolicy when they are none."""
    try:
        table = tomllib.loads(data.decode())
        _require_whole_numbers_of_toml(table)
    except (ValueError, RecursionError) as error:
        raise InvalidPolicy("", f"cannot be read as TOML: {error}") from error
    return table


def _require_whole_numbers_of_toml(value: object) -> None:
    """ValueError for one of more than 64 bits, which no float can be held against."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            _require_whole_numbers_of_toml(each)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("a whole number in it has more than 64 bits")


def read_table(record: type[Record], table: object, path: str = "") -> Record:
    """Read a table that stands at `path` as `record`, as strictly."""
    return _record(record, table, path)


def _record(record: type[Record], table: object, path: str) -> Record:
    if not isinstance(table, dict):
        raise InvalidPolicy(path, f"should be a table, but is {table!r}")
    kinds = typing.get_type_hints(record, include_extras=True)
    known = dataclasses.fields(record)  # type: ignore[arg-type]  # records are dataclasses by the reader's contract
    fields = {field.name.removesuffix("_"): field for field in known}
    prefix = f"{path}." if path else ""
    for key in table:
        if key not in fields:
            raise InvalidPolicy(prefix + key, _not_known(key, fields))
    for key, field in fields.items():
        if key not in table and not _has_default(field):
            raise InvalidPolicy(prefix + key, "is missing")
    given = {field.name: key for key, field in fields.items() if key in table}
    return record(**{name: _value(kinds[name], table[key], prefix + key) for name, key in given.items()})


def _not_known(key: str, fields: Iterable[str]) -> str:
    from difflib import get_close_matches  # what only a mistake needs

    known = list(fields)
    near = get_close_matches(key, known, n=1)
    return f"is not known (did you mean '{near[0]}'?)" if near else f"is not known; known here are {known}"


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _value(kind: Any, value: object, path: str) -> Any:
    limits: tuple[object, ...] = ()
    if typing.get_origin(kind) is typing.Annotated:
        kind, *rest = typing.get_args(kind)
        limits = tuple(rest)
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):  # X | None: a key that is there is an X
        [kind] = [each for each in typing.get_args(kind) if each is not types.NoneType]
        return _value(kind, value, path)
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _record(typing.cast(type, kind), value, path)
    if origin is Mapping:
        return _mapping(typing.get_args(kind)[1], value, path, limits)
    if origin is tuple:
        [item, _] = typing.get_args(kind)
        return _records(item, value, path) if item is not str else _names(value, path, limits)
    if kind is str:
        return _named(value, path, limits)
    if kind is bool:
        return _flag(value, path)
    if kind is date:
        return _day(value, path)
    return _number(kind, value, path, limits)


def _records(kind: Any, value: object, path: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise InvalidPolicy(path, f"should be a list of tables, but is {value!r}")
    return tuple(_value(kind, item, f"{path}.{at}") for at, item in enumerate(value, start=1))


def _named(value: object, path: str, limits: tuple[object, ...]) -> str:
    text = _text(value, path)
    _require_among(text, path, limits)
    for limit in limits:
        if isinstance(limit, Like) and not re.fullmatch(limit.form, text):
            raise InvalidPolicy(path, f"should be {limit.called}, but is {text!r}")
    return text


def _flag(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidPolicy(path, f"should be true or false, not {value!r}")
    return value


def _day(value: object, path: str) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise InvalidPolicy(path, f"should be a date like 2026-03-01, not {value!r}")
    return value


def _number(kind: type, value: object, path: str, limits: tuple[object, ...]) -> int | float:
    allowed = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, allowed):
        raise InvalidPolicy(
            path, f"should be {'a whole number' if kind is int else 'a number'}, not {value!r}"
        )
    if not math.isfinite(value):
        raise InvalidPolicy(path, f"should be finite, but is {value}")
    for limit in limits:
        if isinstance(limit, Within) and not limit.least <= value <= limit.most:
            raise InvalidPolicy(path, f"should be between {limit.least} and {limit.most}, but is {value}")
    return value if kind is int else float(value)


def _mapping(kind: Any, value: object, path: str, limits: tuple[object, ...]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidPolicy(path, f"should be a table, but is {value!r}")
    for key in value:
        _require_among(_text(key, f"{path}.{key}"), f"{path}.{key}", limits)
    return {key: _value(kind, item, f"{path}.{key}") for key, item in value.items()}


def _names(value: object, path: str, limits: tuple[object, ...]) -> tuple[str, ...]:
    if not isinstance(value, list) or len(set(map(str, value))) != len(value):
        raise InvalidPolicy(path, f"should be a list of different names, but is {value!r}")
    for item in value:
        _require_among(_text(item, path), path, limits)
    return tuple(value)


def _text(value: object, path: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidPolicy(path, f"should be a text, but is {value!r}")
    if unreadable(value) is not None:
        raise InvalidPolicy(path, f"should be one line of up to {LONGEST} signs that are seen, not {value!r}")
    return value


def _require_among(name: str, path: str, limits: tuple[object, ...]) -> None:
    for limit in limits:
        if isinstance(limit, Among) and name not in limit.names:
            raise InvalidPolicy(path, f"names '{name}', which is none of {sorted(limit.names)}")
