"""Segments by rule: whom marketing means, in conditions that it edits itself.

>>> known = RuleSegments.load(RULES)
>>> in_it = known.members({name: np.array([40.0, np.nan]) for name in known.columns})
>>> in_it["behind_with_payments"].tolist()
[True, False]
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path

import numpy as np

from crm_rules import strict_toml
from crm_rules.errors import InvalidPolicy
from crm_rules.rules import F64Array, Mask
from feature_repo.features.columns import PURPOSES
from feature_repo.features.services import SERVED

RULES = Path(__file__).parent / "policies" / "segments.toml"
READABLE = frozenset(column for columns in SERVED.values() for column in columns)
COMPARE = {">=": np.greater_equal, "<=": np.less_equal, ">": np.greater, "<": np.less, "=": np.equal}
CONDITION = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(>=|<=|>|<|=)\s*(\S+)\s*")
NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")


@dataclass(frozen=True)
class Condition:
    """`column comparison number`; a value that is not known (NaN) does not meet it."""

    column: str
    comparison: str
    number: float

    def met(self, values: F64Array) -> Mask:
        """Where the values (n,) meet the condition."""
        return np.asarray(COMPARE[self.comparison](values, self.number), np.bool_)


@dataclass(frozen=True)
class RuleSegment:
    """One segment by rule: id, names in two languages, conditions that must all hold."""

    id: str
    name_en: str
    name_zh: str
    where: tuple[Condition, ...]


@dataclass(frozen=True)
class _Written:
    name_en: str
    name_zh: str
    where: tuple[str, ...]


@dataclass(frozen=True)
class _File:
    version: str
    segments: Mapping[str, _Written]


@dataclass(frozen=True)
class RuleSegments:
    """All segments by rule of one version, in the file's order."""

    version: str
    segments: tuple[RuleSegment, ...]

    @staticmethod
    def parse(data: bytes) -> "RuleSegments":
        """Read TOML bytes; InvalidPolicy names the segment, key or column that is wrong."""
        read = strict_toml.read(_File, data)
        return RuleSegments(read.version, tuple(_segment(name, one) for name, one in read.segments.items()))

    @staticmethod
    def load(path: Path) -> "RuleSegments":
        """Read a file; InvalidPolicy when it cannot be read."""
        return strict_toml.load(path, RuleSegments.parse)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids, in the file's order."""
        return tuple(one.id for one in self.segments)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Every column a condition reads, sorted."""
        return tuple(sorted({condition.column for one in self.segments for condition in one.where}))

    def members(self, columns: Mapping[str, F64Array]) -> dict[str, Mask]:
        """Who is in which segment: by id, (n,) each, from arrays of length n by column."""
        return {
            one.id: reduce(np.logical_and, [each.met(columns[each.column]) for each in one.where])
            for one in self.segments
        }


def _segment(name: str, written: _Written) -> RuleSegment:
    path = f"segments.{name}"
    if not NAME.fullmatch(name):
        raise InvalidPolicy(path, "should be named in small letters, digits and _, beginning with a letter")
    if not written.where:
        raise InvalidPolicy(f"{path}.where", "is empty; name at least one condition")
    conditions = tuple(_condition(text, f"{path}.where") for text in written.where)
    return RuleSegment(name, written.name_en, written.name_zh, conditions)


def _condition(text: str, path: str) -> Condition:
    found = CONDITION.fullmatch(text)
    number = _number(found[3]) if found else None
    if found is None or number is None:
        raise InvalidPolicy(path, f"holds {text!r}, which is not `column >= number` (or <=, >, <, =)")
    column = found[1]
    if column not in READABLE:
        raise InvalidPolicy(path, f"reads '{column}', which is no column that scoring reads online; "
                                  f"`bank features list` shows the columns")  # fmt: skip
    if column not in PURPOSES["marketing"]:
        raise InvalidPolicy(
            path, f"reads '{column}', which marketing must not use: it is protected or a consent"
        )
    return Condition(column, found[2], number)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
