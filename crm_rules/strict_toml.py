"""TOML into frozen dataclasses, strictly: every field present, no key unknown, every number in its bounds."""

import dataclasses
import math
import tomllib
import typing
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from crm_rules.errors import InvalidPolicy

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


def read(record: type[Record], data: bytes) -> Record:
    """Read TOML bytes as `record`; InvalidPolicy names the key that is unknown, missing or out of bounds."""
    try:
        table = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidPolicy("(file)", f"cannot be read as TOML: {error}") from error
    return _record(record, table, "")


def _record(record: type[Record], table: object, path: str) -> Record:
    if not isinstance(table, dict):
        raise InvalidPolicy(path, f"should be a table, but is {table!r}")
    kinds = typing.get_type_hints(record, include_extras=True)
    fields = [field.name for field in dataclasses.fields(record)]  # type: ignore[arg-type]  # records are dataclasses by the reader's contract
    prefix = f"{path}." if path else ""
    for key in table:
        if key not in fields:
            raise InvalidPolicy(prefix + key, f"is not known; known here are {fields}")
    for name in fields:
        if name not in table:
            raise InvalidPolicy(prefix + name, "is missing")
    return record(**{name: _value(kinds[name], table[name], prefix + name) for name in fields})


def _value(kind: Any, value: object, path: str) -> Any:
    limits: tuple[object, ...] = ()
    if typing.get_origin(kind) is typing.Annotated:
        kind, *rest = typing.get_args(kind)
        limits = tuple(rest)
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind):
        return _record(typing.cast(type, kind), value, path)
    if origin is Mapping:
        return _mapping(typing.get_args(kind)[1], value, path, limits)
    if origin is tuple:
        return _names(value, path, limits)
    if kind is str:
        _require_among(_text(value, path), path, limits)
        return value
    return _number(kind, value, path, limits)


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
        _require_among(key, f"{path}.{key}", limits)
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
    return value


def _require_among(name: str, path: str, limits: tuple[object, ...]) -> None:
    for limit in limits:
        if isinstance(limit, Among) and name not in limit.names:
            raise InvalidPolicy(path, f"names '{name}', which is none of {sorted(limit.names)}")
