"""Typed, checked reading of the JSON files in a release; each refusal names file and field."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.release.errors import BrokenRelease
from training.release.strict_json import parse_object

F64Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fields:
    """A JSON object inside the file `path`.

    >>> Fields("model.json", {"k": 3}).number("k")
    3.0
    >>> Fields("model.json", {"k": "3"}).number("k")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    training.release.errors.BrokenRelease: 'model.json' cannot be used: 'k' should be a finite number. ...
    """

    path: str
    raw: Mapping[str, object]

    @staticmethod
    def parse(path: str, content: bytes) -> "Fields":
        """The object in a file's bytes, read strictly (`strict_json`)."""
        return Fields(path, parse_object(path, content))

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self.raw.get(name) is not None

    def text(self, name: str) -> str:
        """A text."""
        value = self.raw.get(name)
        if not isinstance(value, str):
            raise self._wrong(name, "a text")
        return value

    def optional_text(self, name: str) -> str | None:
        """A text, or None where the field is null or absent."""
        return self.text(name) if self.has(name) else None

    def number(self, name: str) -> float:
        """A finite number."""
        return self._number(name, self.raw.get(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        values = self._list(name)
        if not all(isinstance(value, str) for value in values):
            raise self._wrong(name, "a list of texts")
        return tuple(str(value) for value in values)

    def columns(self, name: str = "columns") -> tuple[str, ...]:
        """A list of texts of which none occurs twice."""
        names = self.texts(name)
        if len(set(names)) != len(names):
            raise self._wrong(name, "a list of different names")
        return names

    def numbers(self, name: str, length: int | None = None) -> F64Array:
        """A list of finite numbers, float64 of shape (length,)."""
        values = np.array([self._number(name, value) for value in self._list(name)], np.float64)
        if length is not None and len(values) != length:
            raise self._wrong(name, f"{length} numbers, not {len(values)}")
        return values

    def rows(self, name: str, width: int) -> F64Array:
        """A list of lists of finite numbers, float64 of shape (rows, width)."""
        rows = [Fields(self.path, {name: row}).numbers(name, width) for row in self._list(name)]
        return np.stack(rows) if rows else np.empty((0, width))

    def ragged(self, name: str) -> tuple[F64Array, ...]:
        """A list of lists of finite numbers, each of its own length."""
        return tuple(Fields(self.path, {name: row}).numbers(name) for row in self._list(name))

    def text_lists(self, name: str) -> tuple[tuple[str, ...], ...]:
        """A list of lists of texts."""
        return tuple(Fields(self.path, {name: row}).texts(name) for row in self._list(name))

    def nested(self, name: str) -> "Fields":
        """A nested object."""
        value = self.raw.get(name)
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return Fields(self.path, value)

    def objects(self, name: str) -> tuple["Fields", ...]:
        """A list of objects."""
        values = self._list(name)
        if not all(isinstance(value, dict) for value in values):
            raise self._wrong(name, "a list of objects")
        return tuple(Fields(self.path, value) for value in values if isinstance(value, dict))

    def members(self, name: str) -> dict[str, "Fields"]:
        """An object of objects, in the file's order."""
        inner = self.nested(name)
        return {key: inner.nested(key) for key in inner.raw}

    def _list(self, name: str) -> list[object]:
        value = self.raw.get(name)
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        return value

    def _number(self, name: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._wrong(name, "a finite number")
        return float(value)

    def _wrong(self, name: str, wanted: str) -> BrokenRelease:
        return BrokenRelease(self.path, f"'{name}' should be {wanted}")
